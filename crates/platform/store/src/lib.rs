//! Where data rests: entities, migrations, queue, event log, bodies and keys, on SQLite or PostgreSQL.
//!
//! Operations are the size of an intention (`accept`, `lease`, `settle`, …), and each is one
//! transaction. Nothing outside this crate knows SQL, table names or file layouts. Personal values go
//! in as plain values, rest sealed, and come out as [`waxseal_model::Sealed`].

pub mod account;
pub mod archive;
pub mod backup;
pub mod content;
pub mod credential;
pub mod domain;
pub mod erasure;
pub mod error;
pub mod event_log;
pub mod export;
pub mod export_file;
pub mod grant;
pub mod import;
pub mod inbox;
pub mod instance_secret;
pub mod kept_file;
pub mod line_file;
pub mod message;
pub mod open;
pub mod proof;
pub mod purpose;
pub mod queue;
pub mod relay;
pub mod request;
pub mod retention;
pub mod search;
pub mod sent_notes;
pub mod shaping;
pub mod sources;
pub mod suppression;
pub mod suppression_import;
pub mod trust;

mod deletion;
mod engine;

#[expect(unreachable_pub, reason = "SeaORM derives want and write `pub` items")]
mod entity;
mod keyring;
mod migration;
mod recent;
mod room;
mod rows;
mod seal;
mod sealed_file;
mod upgrade;
mod vault;
mod writer;

pub use error::{OpenError, StoreError};
pub use keyring::{KeyInfo, Renewal, TrailEnd};
pub use open::{Engine, MasterKey, Store, StoreConfig};

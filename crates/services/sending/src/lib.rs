//! Accepting messages: from a door's request to durably queued, signed MIME.

pub mod allowance;
mod batch;
mod build;
mod capacity;
pub mod config;
pub mod error;
mod events;
mod finish;
mod idempotency;
mod mime;
mod nature;
mod options;
mod order;
mod parts;
pub mod queues;
mod recipients;
pub mod request;
pub mod resend;
pub mod send;
mod sources;
mod suppressed;
pub mod tls_report;
mod unsubscribe;
mod variables;

pub use config::SendingConfig;
pub use error::SendError;
pub use send::{Sending, Sent};

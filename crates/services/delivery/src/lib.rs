//! Delivery: from the queue to the recipient's server, and what came of it into the event log.
//!
//! ```text
//! store.lease ─> scheduler ─> board (waiting, by destination) ─> workers ─> line ─> peer
//!                                                                  │
//!                            settler (commits in groups) <── outcome
//! ```
//!
//! The scheduler takes due entries out of the store and sorts them by destination; a worker is one
//! connection to one destination and takes its messages one after the other; every outcome is
//! committed, together with its events, before the same connection starts the next message.

mod archive;
mod attempt;
mod board;
pub mod bounce;
mod capture;
pub mod config;
mod dane;
mod jump;
mod line;
mod open;
mod outcome;
mod pauses;
mod placing;
mod policies;
mod recall;
pub mod relay;
mod relays;
mod report;
mod rested;
pub mod schedule;
mod scheduler;
mod scrub;
mod second_copy;
mod service;
mod settler;
pub mod shaping;
mod soonest;
pub mod sources;
mod suppressed;
mod tls_reports;
mod under_way;
mod view;
pub mod warm_up;
pub mod why;
mod worker;

pub use config::{DeliveryConfig, Limits, Timeouts};
pub use relay::{ParseRelayError, Relay};
pub use second_copy::AfterCrash;
pub use service::{Delivery, Shaper};
pub use tls_reports::{Mailed, MailedReport, ReportMailer, TlsReporting};
pub use view::{Providers, View};

//! Privacy as mechanisms: what is kept and why (the data map), and that it goes when its time is over.

pub mod access;
pub mod audit;
pub mod clock_watch;
pub mod map;
pub mod policy;
pub mod retention;

pub use clock_watch::ClockJump;
pub use retention::{Purged, Report, Retention, RetentionConfig};

//! Privacy as mechanisms: what is kept and why (the inventory), that it goes when its time is over, and that it goes
//! when somebody asks.

pub mod access;
pub mod audit;
pub mod backups;
pub mod clock_watch;
pub mod correction;
pub mod erasure;
pub mod export;
pub mod inventory;
pub mod key_copies;
pub mod log_marks;
pub mod map;
pub mod pages;
pub mod policy;
pub mod requests;
pub mod retention;

pub use backups::{Backups, BackupsConfig, BackupsError};
pub use clock_watch::ClockJump;
pub use erasure::Eraser;
pub use key_copies::{KeyCopies, KeyCopiesConfig};
pub use retention::{Purged, Report, Retention, RetentionConfig};

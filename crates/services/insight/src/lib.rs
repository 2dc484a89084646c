//! The event log's readers: search with filter expressions, paging, and a live tail.
//!
//! Doors hand over what a customer asked for, as text where it is a language of its own, and get
//! events back; how much of a question the store answers and how much is scanned is decided here.

pub mod field;
pub mod follow;
pub mod range;
pub mod search;

pub use search::{Insight, Page, Search, SearchError};

//! Searching and following a real event log.

mod follow;
mod search;
mod world;

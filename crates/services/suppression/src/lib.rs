//! Suppression lists as their owners fill them: what an entry has to look like, and files of them.

pub mod entry;
pub mod import;
mod table;

pub use entry::{Given, Refused};
pub use import::{Asked, Imports};

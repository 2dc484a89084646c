//! Accepting messages: from a door's request to durably queued, signed MIME.

pub mod error;
pub mod request;
pub mod send;

//! The one way in: a request becomes durable messages, or nothing.

use crate::{error::SendError, request::SendRequest};

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Message-ID with angle brackets.
    pub id: String,
}

/// Accepts messages. Cheap to clone.
#[derive(Clone)]
pub struct Sending {}

impl Sending {
    /// Accepts a message: checks, builds or patches, signs, stores. When it answers, the message is on
    /// stable storage.
    pub async fn send(&self, _request: SendRequest) -> Result<Sent, SendError> {
        Err(SendError::Invalid("not built yet".into()))
    }
}

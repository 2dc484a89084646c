//! Why a message was not accepted.

use thiserror::Error;
use waxseal_mail::date;
use waxseal_model::Timestamp;
use waxseal_store::StoreError;

/// Why a message was not accepted. The texts are the API's own where clients read them.
#[derive(Debug, Error)]
pub enum SendError {
    /// A parameter is missing or wrong; the text names it (HTTP 400, SMTP 550/501).
    #[error("{0}")]
    Invalid(String),
    /// The domain may not send (HTTP 403).
    #[error("Domain {domain} is not allowed to send: {why}")]
    NotAllowed {
        /// Domain.
        domain: String,
        /// Why.
        why: String,
    },
    /// Something was asked for that the account does not own (HTTP 403, SMTP 550).
    #[error("Rejected: {0}")]
    Rejected(String),
    /// The message went through too many servers (HTTP 400, SMTP 554 5.4.6).
    #[error("the message has more than 50 Received headers: it is going in circles")]
    Loop,
    /// The message is larger than the limit (HTTP 413, SMTP 552).
    #[error("message size {size} exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Size in bytes, as far as it is known.
        size: u64,
        /// Limit in bytes.
        limit: u64,
    },
    /// The idempotency key was used for another request (HTTP 422).
    #[error("Idempotency-Key was used for another request within the last 24 hours")]
    KeyReused,
    /// A limit per time is reached (HTTP 429, SMTP 451).
    #[error("Domain {domain} is not allowed to send: {reason} limit exceeded, try again after {}", date::rfc1123_utc(*retry_at))]
    Throttled {
        /// Domain.
        domain: String,
        /// `request`, `recipient` or `bytes`.
        reason: &'static str,
        /// When to try again.
        retry_at: Timestamp,
    },
    /// Too much is being accepted at this moment: nothing was accepted, try again in some seconds
    /// (HTTP 503 with `Retry-After`, SMTP 451).
    #[error("too much mail is being accepted at this moment, try again in some seconds")]
    Busy,
    /// The store failed: nothing was accepted (HTTP 503, SMTP 451).
    #[error(transparent)]
    Store(#[from] StoreError),
}

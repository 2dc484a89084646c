//! What the API says when a message was not accepted.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use waxseal_model::Timestamp;
use waxseal_sending::error::SendError;

use crate::error::ApiError;

/// Seconds after which to come again when too much is going on.
const BUSY_SECS: u64 = 5;

/// The answer to a caller whose message was not accepted.
pub(crate) fn refused(error: SendError, now: Timestamp) -> ApiError {
    let text = error.to_string();
    match error {
        SendError::Invalid(_) | SendError::Loop => ApiError::bad_request(text),
        SendError::NotAllowed { .. } | SendError::Rejected(_) => ApiError::new(StatusCode::FORBIDDEN, text),
        SendError::TooLarge { .. } => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text),
        SendError::KeyReused => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, text),
        SendError::Throttled { retry_at, .. } => {
            let wait = retry_at.since(now).as_micros().div_ceil(1_000_000);
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, text)
                .retry_after(u64::try_from(wait).unwrap_or(u64::MAX).max(1))
                // Seconds: clients that read it parse it so.
                .with(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(retry_at.as_secs()))
        }
        SendError::Busy => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(BUSY_SECS),
        SendError::Store(error) => error.into(),
    }
}

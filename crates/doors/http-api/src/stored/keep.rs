//! Sending a stored message again, and deleting it.

use crate::error::ApiError;

pub(crate) async fn resend() -> ApiError {
    ApiError::not_found("Message not found")
}

pub(crate) async fn remove() -> ApiError {
    ApiError::not_found("Message not found")
}

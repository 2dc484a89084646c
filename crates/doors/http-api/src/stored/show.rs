//! `GET /v3/domains/{domain}/messages/{key}` and its attachments.

use crate::error::ApiError;

pub(crate) async fn show() -> ApiError {
    ApiError::not_found("Message not found")
}

pub(crate) async fn attachment() -> ApiError {
    ApiError::not_found("Message not found")
}

//! One captured message.

use crate::error::ApiError;

pub(crate) async fn show() -> ApiError {
    ApiError::not_found("Message not found")
}

pub(crate) async fn raw() -> ApiError {
    ApiError::not_found("Message not found")
}

pub(crate) async fn attachment() -> ApiError {
    ApiError::not_found("Message not found")
}

pub(crate) async fn remove() -> ApiError {
    ApiError::not_found("Message not found")
}

//! `GET /v1/inbox` and `DELETE /v1/inbox`.

use crate::error::ApiError;

pub(crate) async fn list() -> ApiError {
    ApiError::not_found("Not Found")
}

pub(crate) async fn clear() -> ApiError {
    ApiError::not_found("Not Found")
}

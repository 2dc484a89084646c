//! Answers of refusal: a status, and a text that says what to mend.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use waxseal_store::StoreError;

/// A refusal. Its text is for the caller and never logged.
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    headers: Vec<(HeaderName, HeaderValue)>,
}

enum ErrorBody {
    Json(String),
    Text(&'static str),
}

/// Seconds after which to come again where nothing better is known.
const RETRY_AFTER_SECS: u64 = 5;

impl ApiError {
    /// `{"message": …}` with this status.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, body: ErrorBody::Json(message.into()), headers: Vec::new() }
    }

    /// A parameter is missing or wrong.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is no such thing (of this account).
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// No key, a wrong key, or a key for something else.
    pub(crate) fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            body: ErrorBody::Text("Forbidden"),
            headers: vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"MG API\""))],
        }
    }

    /// The key may not do this.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden")
    }

    /// A fault of ours; the log has the request's id.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    /// Not now.
    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable, try again later")
            .retry_after(RETRY_AFTER_SECS)
    }

    /// Larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let mebibyte = 1024 * 1024;
        let message = if limit >= mebibyte {
            format!("request size exceeds {:.1}MiB limit", limit as f64 / mebibyte as f64)
        } else {
            format!("request size exceeds {limit} bytes limit")
        };
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// With the time after which to come again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// With a header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // The sources of store errors name tables and engines, never values.
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unavailable(_) | StoreError::Full => Self::unavailable(),
            StoreError::Conflict { .. } | StoreError::Corrupt { .. } | StoreError::Erased => Self::internal(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            ErrorBody::Json(message) => json_response(self.status, &json!({ "message": message })),
            ErrorBody::Text(text) => {
                let mut response = Response::new(Body::from(text));
                *response.status_mut() = self.status;
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, plain);
                response
            }
        };
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A JSON answer.
pub(crate) fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    raw_json(status, serde_json::to_vec(value).unwrap_or_default())
}

/// A JSON answer with line breaks, for people.
pub(crate) fn pretty_response(value: &impl Serialize) -> Response {
    raw_json(StatusCode::OK, serde_json::to_vec_pretty(value).unwrap_or_default())
}

fn raw_json(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

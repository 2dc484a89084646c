//! Whether the server lives, whether it is ready, and what is at its root.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    error::{ApiError, json_response},
    state::Api,
};

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Response {
    json_response(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`: the store answers and can be written.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Response {
    match api.services.store.ping().await {
        Ok(()) => json_response(StatusCode::OK, &json!({ "status": "ready" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            ApiError::unavailable().into_response()
        }
    }
}

/// `GET /`: says what this is.
pub(crate) async fn landing() -> Response {
    let text = "Waxseal speaks the Mailgun HTTP API here, under /v3.\n\
                What is implemented: /openapi.json\n";
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

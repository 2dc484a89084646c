//! The queues of a domain: whether they run, and clearing them.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use serde_json::json;
use waxseal_accounts::caller::Caller;

use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    path::Segments,
    state::Api,
};

/// `GET /v3/domains/{domain}/sending_queues`
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let _domain =
        own_domain(&api, &caller, &name).await.map_err(|_| ApiError::not_found("Domain not found"))?;
    let running = json!({ "is_disabled": false });
    Ok(json_response(StatusCode::OK, &json!({ "regular": running, "scheduled": running })))
}

/// `DELETE /v3/{domain}/envelopes`
pub(crate) async fn clear(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let _domain = own_domain(&api, &caller, &name).await?;
    Err(ApiError::unavailable())
}

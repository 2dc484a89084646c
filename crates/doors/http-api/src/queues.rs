//! The queues of a domain: whether they run, and clearing them.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_sending::queues::QueueState;

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
    let found = api.services.domains.by_name(caller.account, &name).await?;
    let domain = found.ok_or_else(|| ApiError::not_found("Domain not found"))?;
    let queues = api.services.sending.queues(&domain);
    let body = json!({ "regular": state(&queues.regular), "scheduled": state(&queues.scheduled) });
    Ok(json_response(StatusCode::OK, &body))
}

/// `DELETE /v3/{domain}/envelopes`
pub(crate) async fn clear(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    api.services.sending.clear_queue(&domain).await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "done" })))
}

/// A queue that stands still does so until somebody changes it: there is no end to name, and clients that read dates read
/// no empty one.
fn state(queue: &QueueState) -> Value {
    match &queue.disabled_because {
        None => json!({ "is_disabled": false }),
        Some(reason) => json!({ "is_disabled": true, "disabled": { "reason": reason } }),
    }
}

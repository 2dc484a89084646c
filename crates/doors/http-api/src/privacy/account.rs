//! `/v1/privacy/account`: closing it, looking how far that is, taking it back.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_privacy::{
    audit::{AuditEvent, AuditPurpose},
    erasure::ErasureError,
};

use super::{record::record, render};
use crate::{
    error::{ApiError, json_response},
    state::Api,
};

/// `GET /v1/privacy/account`
pub(crate) async fn account(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let erasure = match api.services.store.account_erasure(caller.account).await? {
        Some(erasure) => Some(render::shown(&api, &erasure).await?),
        None => None,
    };
    let state = if erasure.is_some() { "closed" } else { "open" };
    let body = json!({ "account_id": caller.account.to_string(), "state": state, "erasure": erasure });
    Ok(json_response(StatusCode::OK, &body))
}

/// `DELETE /v1/privacy/account`: closes it now; it is erased when the time of grace is over.
pub(crate) async fn close(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let grace_hours = api.services.eraser.grace().as_secs() / 3600;
    record(&api, &caller, AuditPurpose::Erasure, AuditEvent::AccountDeleteAsked { grace_hours }).await?;
    let erasure = api.services.eraser.close_account(caller.account).await.map_err(refusal)?;
    let shown = render::shown(&api, &erasure).await?;
    let body = json!({ "message": "The account is closed and will be erased", "erasure": shown });
    Ok(json_response(StatusCode::OK, &body))
}

/// `POST /v1/privacy/account/undelete`: opens it again, as it was.
pub(crate) async fn undelete(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    record(&api, &caller, AuditPurpose::Erasure, AuditEvent::AccountUndeleted).await?;
    api.services.eraser.reopen_account(caller.account).await.map_err(refusal)?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "The account is open again" })))
}

/// The answer to what cannot be erased, or not be undone.
pub(super) fn refusal(error: ErasureError) -> ApiError {
    match error {
        ErasureError::Store(error) => error.into(),
        ErasureError::NotAnAddress | ErasureError::NotALogin | ErasureError::NotAsked => {
            ApiError::bad_request(error.to_string())
        }
        ErasureError::NoAccount | ErasureError::NoLogin => ApiError::not_found(error.to_string()),
        ErasureError::TooLate => ApiError::new(StatusCode::CONFLICT, error.to_string()),
        ErasureError::TooMany => {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()).retry_after(600)
        }
        ErasureError::Audit(_) | ErasureError::Witness(_) | ErasureError::Unsigned => {
            tracing::error!(%error, "an erasure was not taken");
            ApiError::unavailable()
        }
    }
}

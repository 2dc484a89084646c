//! `/v1/privacy/corrections`: what is wrong about a recipient.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_privacy::{
    audit::{AuditEvent, AuditPurpose},
    correction::{CorrectionError, RecipientCorrection},
};

use super::record::recorded;
use crate::{
    error::{ApiError, json_response},
    form,
    state::Api,
};

/// `POST /v1/privacy/corrections` with `recipient`, and `to` or `list`.
pub(crate) async fn correct_recipient(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut form = form::read(&api, request).await?;
    let recipient = form
        .take_first("recipient")
        .ok_or_else(|| ApiError::bad_request("recipient parameter is missing"))?;
    let (to, lists) = (form.take_first("to"), form.take_all("list"));
    let correction = RecipientCorrection::new(&recipient, to.as_deref(), &lists).map_err(refusal)?;
    let store = &api.services.store;
    correction.check(store, caller.account).await.map_err(refusal)?;
    let what = (AuditPurpose::Suppression, AuditEvent::RecipientCorrected);
    let entries = recorded(&api, &caller, what, correction.carry_out(store, caller.account), refusal).await?;
    let body = json!({ "message": "Recipient has been corrected", "entries": entries });
    Ok(json_response(StatusCode::OK, &body))
}

fn refusal(error: CorrectionError) -> ApiError {
    match error {
        CorrectionError::Store(error) => error.into(),
        CorrectionError::NothingKept | CorrectionError::NoAccount => ApiError::not_found(error.to_string()),
        CorrectionError::NotAnAddress(_)
        | CorrectionError::Same
        | CorrectionError::NoList
        | CorrectionError::Nothing => ApiError::bad_request(error.to_string()),
    }
}

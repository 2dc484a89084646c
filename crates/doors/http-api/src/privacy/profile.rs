//! What the account says about itself, and its correction.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::{
    caller::Caller,
    profile::{CorrectError, Correction},
};
use waxseal_privacy::audit::{AuditEvent, AuditPurpose};

use super::record::recorded;
use crate::{
    error::{ApiError, json_response},
    form,
    state::{Api, CUSTOMER},
};

/// `GET /v1/privacy/profile`
pub(crate) async fn profile(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    Ok(json_response(StatusCode::OK, &shown(&api, &caller).await?))
}

/// `PUT /v1/privacy/profile`: `name`, `email`, `company`; what is not given stays, an empty company goes.
pub(crate) async fn correct(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut form = form::read(&api, request).await?;
    let correction = Correction {
        name: form.take_first("name"),
        email: form.take_first("email"),
        company: form.take_first("company"),
    };
    let accounts = &api.services.accounts;
    accounts.check_correction(caller.account, &correction).await.map_err(refusal)?;
    let what = (AuditPurpose::Administration, AuditEvent::ProfileCorrected);
    recorded(&api, &caller, what, accounts.correct(caller.account, correction), refusal).await?;
    let profile = shown(&api, &caller).await?;
    let body = json!({ "message": "Profile has been corrected", "profile": profile });
    Ok(json_response(StatusCode::OK, &body))
}

fn refusal(error: CorrectError) -> ApiError {
    match error {
        CorrectError::Store(error) => error.into(),
        CorrectError::NoAccount => ApiError::not_found(error.to_string()),
        CorrectError::Nothing | CorrectError::Profile(_) => ApiError::bad_request(error.to_string()),
    }
}

async fn shown(api: &Api, caller: &Caller) -> Result<Value, ApiError> {
    let profile = api.services.accounts.profile(caller.account).await?;
    let profile = profile.ok_or_else(|| ApiError::not_found(CorrectError::NoAccount.to_string()))?;
    let profile = profile.open(&CUSTOMER);
    Ok(json!({
        "account_id": caller.account.to_string(),
        "name": profile.name,
        "email": profile.email,
        "company": profile.company,
    }))
}

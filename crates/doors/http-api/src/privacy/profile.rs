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

use super::record::record;
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
    record(&api, &caller, AuditPurpose::Administration, AuditEvent::ProfileCorrected).await?;
    match api.services.accounts.correct(caller.account, correction).await {
        Ok(()) => {}
        Err(CorrectError::Store(error)) => return Err(error.into()),
        Err(error @ CorrectError::NoAccount) => return Err(ApiError::not_found(error.to_string())),
        Err(error @ (CorrectError::Nothing | CorrectError::Profile(_))) => {
            return Err(ApiError::bad_request(error.to_string()));
        }
    }
    let profile = shown(&api, &caller).await?;
    let body = json!({ "message": "Profile has been corrected", "profile": profile });
    Ok(json_response(StatusCode::OK, &body))
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

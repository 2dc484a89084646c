//! One domain: showing, changing, verifying and deleting it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;

use super::{
    credentials::{check_password, set_password},
    gone, known,
    render::with_records,
    settings::Given,
};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::Api,
};

/// `GET /v3/domains/{domain}`
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    Ok(json_response(StatusCode::OK, &with_records(&api, &domain, None).await?))
}

/// `PUT /v3/domains/{domain}`
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let mut given = Given::read(&mut asked)?;
    given.check(&api, &domain.name)?;
    if let Some(password) = &given.smtp_password {
        check_password(password)?;
        set_password(&api, &domain, "postmaster", password).await?;
    }
    let changed = api.services.domains.change(&domain, |change| given.apply(&mut change.settings)).await?;
    let changed = changed.ok_or_else(gone)?;
    let answer = with_records(&api, &changed, Some("Domain has been updated")).await?;
    Ok(json_response(StatusCode::OK, &answer))
}

/// `PUT /v3/domains/{domain}/verify`: asks the DNS for the records.
pub(crate) async fn verify(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let verified = api.services.domains.verify(&domain).await?.ok_or_else(gone)?;
    let answer = with_records(&api, &verified, Some("Domain DNS records have been updated")).await?;
    Ok(json_response(StatusCode::OK, &answer))
}

/// `DELETE /v3/domains/{domain}`
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    if !api.services.domains.delete(&domain).await? {
        return Err(gone());
    }
    let message = "Domain will be deleted in the background";
    Ok(json_response(StatusCode::OK, &json!({ "message": message })))
}

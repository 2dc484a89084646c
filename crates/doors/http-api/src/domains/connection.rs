//! How a domain's mail is connected for, and where its tracked links lead.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_store::domain::{Domain, DomainSettings};

use super::{gone, known, settings::web_prefix};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::Api,
};

/// `GET /v3/domains/{domain}/connection`
pub(crate) async fn connection(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    Ok(json_response(StatusCode::OK, &shown(&domain)))
}

/// `PUT /v3/domains/{domain}/connection`
pub(crate) async fn set_connection(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let mut flag = |name: &str| match asked.flag(name)? {
        Some(value) => Ok(Some(value)),
        // As older documentation wrote it.
        None => asked.flag(&name.replace('_', "-")),
    };
    let (require_tls, skip_verification) = (flag("require_tls")?, flag("skip_verification")?);
    let apply = |settings: &mut DomainSettings| {
        settings.require_tls = require_tls.unwrap_or(settings.require_tls);
        settings.skip_verification = skip_verification.unwrap_or(settings.skip_verification);
    };
    let changed = api.services.domains.change(&domain, |change| apply(&mut change.settings)).await?;
    let changed = changed.ok_or_else(gone)?;
    let mut answer = shown(&changed);
    answer["message"] =
        "Domain connection settings have been updated, may take 10 minutes to fully propagate".into();
    answer["require-tls"] = changed.settings.require_tls.into();
    answer["skip-verification"] = changed.settings.skip_verification.into();
    Ok(json_response(StatusCode::OK, &answer))
}

/// Clients read either form.
fn shown(domain: &Domain) -> Value {
    let (require_tls, skip_verification) = (domain.settings.require_tls, domain.settings.skip_verification);
    json!({
        "connection": { "require_tls": require_tls, "skip_verification": skip_verification },
        "require_tls": require_tls,
        "skip_verification": skip_verification,
    })
}

/// `PUT /v3/domains/{domain}/web_prefix`
pub(crate) async fn set_web_prefix(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let prefix = web_prefix(&asked.needed("web_prefix")?)?;
    let change = |change: &mut waxseal_store::domain::DomainChange| {
        change.settings.details.web_prefix.clone_from(&prefix);
    };
    api.services.domains.change(&domain, change).await?.ok_or_else(gone)?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Domain web prefix updated" })))
}

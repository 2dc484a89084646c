//! `/v1/privacy/access`: when operators had sight of the account's content, and why; its consent, and its refusal.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_mail::date;
use waxseal_model::Timestamp;
use waxseal_privacy::audit::{AuditEvent, AuditPurpose};
use waxseal_store::grant::{Grant, GrantState};

use super::{page::page, record::record};
use crate::{
    error::{ApiError, json_response},
    links::Base,
    state::{Api, CUSTOMER},
};

/// Grants for the account's content, newest first.
pub(crate) async fn access(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let (limit, before) = page(&api, request).await?;
    let grants = api.services.store.grants(Some(caller.account), before, limit).await?;
    let now = api.services.clock.now();
    let items: Vec<Value> = grants.iter().map(|grant| shown(grant, now)).collect();
    let next = grants.last().map(|grant| grant.id).or(before);
    let next = next.map(|page| format!("&page={page}")).unwrap_or_default();
    let body = json!({
        "items": items,
        "paging": {
            "first": base.url(&format!("/v1/privacy/access?limit={limit}")),
            "next": base.url(&format!("/v1/privacy/access?limit={limit}{next}")),
        },
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `POST /v1/privacy/access/{id}/consent`: the operator may look, until the grant ends.
pub(crate) async fn consent(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let grant = known(&api, &caller, &id).await?;
    let now = api.services.clock.now();
    if !grant.needs_consent || matches!(grant.state(now), GrantState::Closed | GrantState::Expired) {
        let text = "This access does not wait for your consent: it is over, or none was asked for";
        return Err(ApiError::new(StatusCode::CONFLICT, text.to_owned()));
    }
    // Once is enough.
    if grant.consented_at.is_none() {
        let what = AuditEvent::BreakGlassConsented { grant: grant.number };
        record(&api, &caller, AuditPurpose::Support, what).await?;
        api.services.store.consent_to_grant(grant.number).await?;
    }
    answer(&api, &caller, &id).await
}

/// `DELETE /v1/privacy/access/{id}/consent`: ends the grant, whether it waits or is open.
pub(crate) async fn withdraw(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let grant = known(&api, &caller, &id).await?;
    let now = api.services.clock.now();
    if !matches!(grant.state(now), GrantState::Closed | GrantState::Expired) {
        let what = AuditEvent::BreakGlassWithdrawn { grant: grant.number };
        record(&api, &caller, AuditPurpose::Support, what).await?;
        api.services.store.close_grant(grant.number).await?;
    }
    answer(&api, &caller, &id).await
}

async fn answer(api: &Api, caller: &Caller, id: &str) -> Result<Response, ApiError> {
    let grant = known(api, caller, id).await?;
    Ok(json_response(StatusCode::OK, &shown(&grant, api.services.clock.now())))
}

async fn known(api: &Api, caller: &Caller, id: &str) -> Result<Grant, ApiError> {
    let found = match id.parse() {
        Ok(id) => api.services.store.grant_of_account(caller.account, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| ApiError::not_found("No such access: `GET /v1/privacy/access` lists them".to_owned()))
}

fn shown(grant: &Grant, now: Timestamp) -> Value {
    json!({
        "id": grant.id.to_string(),
        "reason": grant.reason.as_ref().map(|reason| reason.open(&CUSTOMER)),
        "state": match grant.state(now) {
            GrantState::Open => "open",
            GrantState::Waiting | GrantState::Unconsented => "waiting",
            GrantState::Closed => "closed",
            GrantState::Expired => "expired",
        },
        "opened-at": date::rfc3339_millis(grant.opened_at),
        "expires-at": date::rfc3339_millis(grant.expires_at),
        "closed-at": grant.closed_at.map(date::rfc3339_millis),
        "needs-consent": grant.needs_consent,
        "consented-at": grant.consented_at.map(date::rfc3339_millis),
        "openings": grant.openings,
    })
}

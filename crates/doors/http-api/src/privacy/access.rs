//! `GET /v1/privacy/access`: when operators had sight of the account's content, and why.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_mail::date;
use waxseal_model::Timestamp;
use waxseal_store::grant::{Grant, GrantState};

use super::page::page;
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

fn shown(grant: &Grant, now: Timestamp) -> Value {
    json!({
        "id": grant.id.to_string(),
        "reason": grant.reason.as_ref().map(|reason| reason.open(&CUSTOMER)),
        "state": match grant.state(now) {
            GrantState::Open => "open",
            GrantState::Waiting => "waiting",
            GrantState::Closed => "closed",
            GrantState::Expired => "expired",
        },
        "opened-at": date::rfc3339_millis(grant.opened_at),
        "expires-at": date::rfc3339_millis(grant.expires_at),
        "closed-at": grant.closed_at.map(date::rfc3339_millis),
        "openings": grant.openings,
    })
}

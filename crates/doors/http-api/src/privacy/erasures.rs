//! `/v1/privacy/erasures`: everything about one recipient within the account.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_privacy::audit::{AuditEvent, AuditPurpose};
use waxseal_store::erasure::Erasure;

use super::{account::refusal, page::page, record::record, render};
use crate::{
    error::{ApiError, json_response},
    form,
    links::Base,
    state::Api,
};

/// `GET /v1/privacy/erasures`: newest first.
pub(crate) async fn erasures(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let (limit, before) = page(&api, request).await?;
    let found = api.services.store.erasures(caller.account, before, limit).await?;
    let mut items = Vec::with_capacity(found.len());
    for erasure in &found {
        items.push(render::shown(&api, erasure).await?);
    }
    let link = |before: Option<u64>| {
        let page = before.map(|number| format!("&page={number}")).unwrap_or_default();
        base.url(&format!("/v1/privacy/erasures?limit={limit}{page}"))
    };
    let last = found.last().map(|erasure| erasure.number).or(before);
    let body = json!({ "items": items, "paging": { "first": link(None), "next": link(last) } });
    Ok(json_response(StatusCode::OK, &body))
}

/// `POST /v1/privacy/erasures` with `recipient`.
pub(crate) async fn erase(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut form = form::read(&api, request).await?;
    let recipient = form.take_first("recipient").unwrap_or_default();
    if recipient.trim().is_empty() {
        return Err(ApiError::bad_request("recipient parameter is missing"));
    }
    record(&api, &caller, AuditPurpose::Erasure, AuditEvent::RecipientEraseAsked).await?;
    let erasure = api.services.eraser.erase_recipient(caller.account, &recipient).await.map_err(refusal)?;
    let shown = render::shown(&api, &erasure).await?;
    let body = json!({ "message": "The recipient is being erased", "erasure": shown });
    Ok(json_response(StatusCode::OK, &body))
}

/// `GET /v1/privacy/erasures/{id}`
pub(crate) async fn erasure(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let erasure = own(&api, &caller, &id).await?;
    Ok(json_response(StatusCode::OK, &render::shown(&api, &erasure).await?))
}

/// The caller's own erasure with this id.
pub(super) async fn own(api: &Api, caller: &Caller, id: &str) -> Result<Erasure, ApiError> {
    let missing = || ApiError::not_found("Erasure not found");
    let id = id.parse().map_err(|_| missing())?;
    api.services.store.erasure_of(caller.account, id).await?.ok_or_else(missing)
}

//! `/v1/privacy/erasures`: everything about one person within the account: a recipient, who has a login, the owner.

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

use super::{account::refusal, page::page, record::recorded, render};
use crate::{
    error::{ApiError, json_response},
    form::{self, Form},
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

/// `POST /v1/privacy/erasures` with one of `recipient`, `login` and `owner`.
pub(crate) async fn erase(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let person = Person::named(&mut form::read(&api, request).await?)?;
    let (eraser, account) = (&api.services.eraser, caller.account);
    let asking = async {
        match &person {
            Person::Recipient(address) => eraser.erase_recipient(account, address).await,
            Person::Login(login) => eraser.erase_login(account, login).await,
            Person::Owner => eraser.erase_owner(account).await,
        }
    };
    let asked = recorded(&api, &caller, (AuditPurpose::Erasure, person.event()), asking, refusal).await?;
    let shown = render::shown(&api, &asked).await?;
    let message = person.message();
    Ok(json_response(StatusCode::OK, &json!({ "message": message, "erasure": shown })))
}

/// Whom an erasure is about.
enum Person {
    Recipient(String),
    Login(String),
    Owner,
}

impl Person {
    /// Whom the form names: exactly one.
    fn named(form: &mut Form) -> Result<Self, ApiError> {
        let given = ["recipient", "login", "owner"].map(|field| form.take_first(field));
        let given = given.map(|value| value.map(|value| value.trim().to_owned()));
        match given {
            [Some(address), None, None] if !address.is_empty() => Ok(Self::Recipient(address)),
            [None, Some(login), None] if !login.is_empty() => Ok(Self::Login(login)),
            [None, None, Some(owner)] if owner == "yes" => Ok(Self::Owner),
            [None, None, Some(_)] => {
                Err(ApiError::bad_request("owner: only `yes` is understood, to erase the account's owner"))
            }
            [Some(_), None, None] => Err(ApiError::bad_request("recipient parameter is missing")),
            [None, Some(_), None] => Err(ApiError::bad_request("login parameter is missing")),
            [None, None, None] => {
                Err(ApiError::bad_request("recipient parameter is missing; or name a login, or owner=yes"))
            }
            _ => Err(ApiError::bad_request("name one of recipient, login and owner, not several")),
        }
    }

    const fn message(&self) -> &'static str {
        match self {
            Self::Recipient(_) => "The recipient is being erased",
            Self::Login(_) => "The login is being erased",
            Self::Owner => "The owner is being erased",
        }
    }

    const fn event(&self) -> AuditEvent {
        match self {
            Self::Recipient(_) => AuditEvent::RecipientEraseAsked,
            Self::Login(_) => AuditEvent::LoginEraseAsked,
            Self::Owner => AuditEvent::OwnerEraseAsked,
        }
    }
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

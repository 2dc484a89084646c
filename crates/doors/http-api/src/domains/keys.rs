//! DKIM keys of domains.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_domains::signing_keys::{AddKeyError, ChangeKeyError, KeySource, SigningKey};
use waxseal_store::{
    StoreError,
    domain::{Checked, Domain},
};

use super::{known, list::every, render::record};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    links::Base,
    path::Segments,
    state::Api,
};

const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 100;

/// `GET /v4/domains/{domain}/keys`
pub(crate) async fn keys_of_domain(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let authority = api.services.domains.wished_authority(&domain).await?;
    let items = keys_of(&api, &authority).await?;
    Ok(json_response(StatusCode::OK, &json!({ "items": items })))
}

/// `PUT /v4/domains/{domain}/keys/{selector}/activate`
pub(crate) async fn activate(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, selector)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    switch(&api, &caller, &name, &selector, true).await
}

/// `PUT /v4/domains/{domain}/keys/{selector}/deactivate`
pub(crate) async fn deactivate(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, selector)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    switch(&api, &caller, &name, &selector, false).await
}

async fn switch(
    api: &Api,
    caller: &Caller,
    name: &str,
    selector: &str,
    active: bool,
) -> Result<Response, ApiError> {
    let domain = known(api, caller, name).await?;
    let switched = api.services.domains.switch_key(&domain, selector, active).await.map_err(refused)?;
    let message = if active { "domain key activated" } else { "domain key deactivated" };
    let body = json!({
        "message": message,
        "authority": domain.name,
        "selector": switched.key.selector,
        // It may wait for its record; the list of keys says whether it does.
        "active": active,
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `GET /v1/dkim/keys`: keys of all domains of the account.
pub(crate) async fn all_keys(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = Asked(form::read(&api, request).await?);
    let limit = asked.number("limit", 1, MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
    let skip: usize = match asked.0.take_word("page") {
        Some(page) => {
            let place = page.strip_prefix('k').and_then(|place| place.parse().ok());
            place.ok_or_else(|| ApiError::bad_request("page parameter is not valid"))?
        }
        None => 0,
    };
    let (of, selector) = (asked.0.take_word("signing_domain"), asked.0.take_word("selector"));
    let domains = match of {
        Some(name) => vec![known(&api, &caller, &name).await?],
        None => every(&api, &caller).await?,
    };
    let mut items = Vec::new();
    for domain in &domains {
        items.extend(keys_of(&api, domain).await?);
    }
    if let Some(selector) = &selector {
        items.retain(|item| item["selector"].as_str().is_some_and(|of| of.eq_ignore_ascii_case(selector)));
    }
    let last = items.len().saturating_sub(1) / limit * limit;
    let filters = [
        domains
            .first()
            .filter(|_| domains.len() == 1)
            .map(|domain| format!("&signing_domain={}", domain.name)),
        selector
            .filter(|text| waxseal_domains::signing_keys::selector(text).is_ok())
            .map(|text| format!("&selector={text}")),
    ];
    let filters: String = filters.into_iter().flatten().collect();
    let link = |skip: usize| base.url(&format!("/v1/dkim/keys?page=k{skip}&limit={limit}{filters}"));
    let body = json!({
        "paging": {
            "first": link(0),
            "last": link(last),
            "next": link(skip.saturating_add(limit)),
            "previous": link(skip.saturating_sub(limit)),
        },
        "items": items.into_iter().skip(skip).take(limit).collect::<Vec<_>>(),
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `POST /v1/dkim/keys`: makes a key, or takes one in as PEM.
pub(crate) async fn add_key(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = Asked(form::read(&api, request).await?);
    let name = asked.needed("signing_domain")?;
    let selector = asked.needed("selector")?;
    // Both give the same key: 1024 bits are too few today (RFC 8301 section 3.2).
    asked.choice("bits", &[("1024", ()), ("2048", ())])?;
    let source = match asked.0.take_bytes("pem").filter(|pem| !pem.is_empty()) {
        Some(pem) => KeySource::Pem(pem),
        None => KeySource::Fresh,
    };
    let domain = known(&api, &caller, &name).await?;
    let added = api.services.domains.add_key(&domain, &selector, source).await.map_err(not_added)?;
    Ok(json_response(StatusCode::OK, &shown(&added, &domain)))
}

/// `DELETE /v1/dkim/keys`
pub(crate) async fn remove_key(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = Asked(form::read(&api, request).await?);
    let (name, selector) = (asked.needed("signing_domain")?, asked.needed("selector")?);
    let domain = known(&api, &caller, &name).await?;
    api.services.domains.delete_key(&domain, &selector).await.map_err(refused)?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "success" })))
}

async fn keys_of(api: &Api, domain: &Domain) -> Result<Vec<Value>, ApiError> {
    let keys = api.services.domains.signing_keys(domain).await?;
    Ok(keys.iter().map(|key| shown(key, domain)).collect())
}

fn shown(key: &SigningKey, domain: &Domain) -> Value {
    let checked: Option<&Checked> = domain.settings.details.checked.as_ref();
    json!({
        "signing_domain": domain.name,
        "selector": key.key.selector,
        "active": key.key.active,
        "dns_record": record(&key.record, checked),
    })
}

/// Why a key was not changed.
pub(super) fn refused(error: ChangeKeyError) -> ApiError {
    match error {
        ChangeKeyError::NotFound | ChangeKeyError::Gone(_) => ApiError::not_found(error.to_string()),
        ChangeKeyError::Store(error) => error.into(),
        ChangeKeyError::LastActive(_)
        | ChangeKeyError::TooMany
        | ChangeKeyError::Taken
        | ChangeKeyError::Selector(_) => ApiError::bad_request(error.to_string()),
    }
}

/// Why a key was not added.
pub(super) fn not_added(error: AddKeyError) -> ApiError {
    match error {
        AddKeyError::Keys(error) => StoreError::from(error).into(),
        AddKeyError::Store(error) => error.into(),
        AddKeyError::Gone(_) => ApiError::not_found(error.to_string()),
        AddKeyError::Selector(_)
        | AddKeyError::Duplicate
        | AddKeyError::TooMany
        | AddKeyError::Pem
        | AddKeyError::Size => ApiError::bad_request(error.to_string()),
    }
}

//! Who calls: HTTP Basic with user `api` and an API key as password.

mod throttle;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use waxseal_accounts::{
    api_key::shown_key_id,
    caller::{Caller, Proof},
};
use waxseal_store::domain::Domain;

pub(crate) use throttle::FailedLogins;

use crate::{body, entry::Peer, error::ApiError, state::Api};

/// Lets in whoever has a key; only the sending endpoints also take keys of one domain.
pub(crate) async fn any_key(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admit(&api, request, next, true).await
}

/// Lets in keys of the whole account.
pub(crate) async fn account_key(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admit(&api, request, next, false).await
}

async fn admit(api: &Api, mut request: Request, next: Next, domain_keys: bool) -> Response {
    let caller = match caller_of(api, request.headers(), request.extensions().get::<Peer>().copied()).await {
        Ok(caller) => caller,
        Err(error) => {
            body::refuse(api, request).await;
            return error.into_response();
        }
    };
    let key_id = match &caller.proof {
        Proof::ApiKey(id) => HeaderValue::from_str(&shown_key_id(*id)).ok(),
        Proof::SmtpCredential(_) | Proof::Network(_) => None,
    };
    let mut response = if caller.only_domain.is_some() && !domain_keys {
        ApiError::forbidden().into_response()
    } else {
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    if let Some(id) = key_id {
        response.headers_mut().insert("x-mailgun-key-id", id);
    }
    response
}

async fn caller_of(api: &Api, headers: &HeaderMap, peer: Option<Peer>) -> Result<Caller, ApiError> {
    let peer = peer.map(|peer| peer.0);
    let found = match basic_key(headers) {
        Some(key) => api.services.accounts.by_api_key(&key, peer).await?,
        None => None,
    };
    match (found, peer) {
        (Some(caller), _) => Ok(caller),
        (None, Some(peer)) => match api.failed_logins.note(peer, api.services.clock.monotonic()) {
            Ok(()) => Err(ApiError::unauthorized()),
            Err(wait) => Err(too_many_failures(api, wait)),
        },
        (None, None) => Err(ApiError::unauthorized()),
    }
}

fn too_many_failures(api: &Api, wait_secs: u64) -> ApiError {
    let reset =
        api.services.clock.now().as_secs().saturating_add(i64::try_from(wait_secs).unwrap_or(i64::MAX));
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too many requests with a wrong key, try again later")
        .retry_after(wait_secs)
        .with(header::HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(reset))
}

/// The password of user `api`.
fn basic_key(headers: &HeaderMap) -> Option<String> {
    waxseal_form::basic_password(headers.get(header::AUTHORIZATION)?.to_str().ok()?, "api")
}

/// The caller's own domain of this name, for the endpoints that send.
pub(crate) async fn sending_domain(api: &Api, caller: &Caller, name: &str) -> Result<Domain, ApiError> {
    let found = api.services.domains.by_name(caller.account, name).await?;
    match (found, caller.only_domain) {
        (Some(domain), None) => Ok(domain),
        (Some(domain), Some(only)) if domain.id == only => Ok(domain),
        (_, Some(_)) => Err(ApiError::unauthorized()),
        (None, None) => Err(unknown_domain(name)),
    }
}

/// The caller's own domain of this name.
pub(crate) async fn own_domain(api: &Api, caller: &Caller, name: &str) -> Result<Domain, ApiError> {
    let found = api.services.domains.by_name(caller.account, name).await?;
    found.ok_or_else(|| unknown_domain(name))
}

fn unknown_domain(name: &str) -> ApiError {
    let name: String = name.chars().filter(|c| !c.is_control()).take(255).collect();
    ApiError::not_found(format!("Domain not found: {name}"))
}

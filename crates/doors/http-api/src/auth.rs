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
    api_key::{KeyHolder, shown_key_id},
    caller::{Caller, Proof},
};
use waxseal_mail::date;
use waxseal_model::Timestamp;
use waxseal_store::domain::Domain;

pub(crate) use throttle::FailedLogins;

use crate::{entry::Peer, error::ApiError, state::Api};

/// Lets in whoever has a key; only the sending endpoints also take keys of one domain.
pub(crate) async fn any_key(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admit(&api, request, next, Admitted { sending_keys: true, closed_accounts: false }).await
}

/// Lets in keys of the whole account.
pub(crate) async fn account_key(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    admit(&api, request, next, Admitted { sending_keys: false, closed_accounts: false }).await
}

/// Lets in keys of the whole account, also of one that is closed to be erased.
pub(crate) async fn closed_account_key(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    admit(&api, request, next, Admitted { sending_keys: false, closed_accounts: true }).await
}

/// Whom a route lets in beside keys of open accounts.
#[derive(Clone, Copy)]
struct Admitted {
    sending_keys: bool,
    closed_accounts: bool,
}

async fn admit(api: &Api, mut request: Request, next: Next, admitted: Admitted) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let caller = match caller_of(api, request.headers(), peer, admitted.closed_accounts).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let key_id = match &caller.proof {
        Proof::ApiKey(id) => HeaderValue::from_str(&shown_key_id(*id)).ok(),
        Proof::SmtpCredential(_) | Proof::Network(_) => None,
    };
    let mut response = if caller.only_domain.is_some() && !admitted.sending_keys {
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

async fn caller_of(
    api: &Api,
    headers: &HeaderMap,
    peer: Option<Peer>,
    closed_accounts: bool,
) -> Result<Caller, ApiError> {
    let peer = peer.map(|peer| peer.0);
    let found = match basic_key(headers) {
        Some(key) => api.services.accounts.key_holder(&key, peer).await?,
        None => None,
    };
    match (found, peer) {
        (Some(KeyHolder::Open(caller)), _) => Ok(caller),
        (Some(KeyHolder::Closed { caller, .. }), _) if closed_accounts => Ok(caller),
        (Some(KeyHolder::Closed { erased_from, .. }), _) => Err(closed(erased_from)),
        (None, Some(peer)) => match api.failed_logins.note(peer, api.services.clock.monotonic()) {
            Ok(()) => Err(ApiError::unauthorized()),
            Err(wait) => Err(too_many_failures(api, wait)),
        },
        (None, None) => Err(ApiError::unauthorized()),
    }
}

fn closed(erased_from: Timestamp) -> ApiError {
    let when = date::rfc3339_millis(erased_from);
    ApiError::new(
        StatusCode::FORBIDDEN,
        format!(
            "The account is closed and erased from {when} on; POST /v1/privacy/account/undelete opens it again"
        ),
    )
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

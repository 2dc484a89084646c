//! Who calls: HTTP Basic with user `api` and an API key as password.

mod throttle;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use waxseal_accounts::caller::{Caller, Proof};
use waxseal_store::domain::Domain;

pub(crate) use throttle::FailedLogins;

use crate::{body, entry::Peer, error::ApiError, state::Api};

/// Longest `Authorization` header that is looked at.
const MAX_HEADER: usize = 1_024;

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
        Proof::ApiKey(id) => HeaderValue::from_str(id).ok(),
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
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if value.len() > MAX_HEADER || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoder = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let text = String::from_utf8(decoder.decode(encoded.trim()).ok()?).ok()?;
    let (user, key) = text.split_once(':')?;
    (user == "api").then(|| key.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().expect("value"));
        basic_key(&headers)
    }

    #[test]
    fn the_key_is_the_password_of_user_api() {
        assert_eq!(key("Basic YXBpOmtleS0x"), Some("key-1".into()));
        assert_eq!(key("basic YXBpOmtleS0xOg=="), Some("key-1:".into()));
        assert_eq!(key("Basic YXBpOmtleS0xOg"), Some("key-1:".into()), "padding may be missing");
    }

    #[test]
    fn anything_else_is_no_key() {
        for value in
            ["Basic", "Basic ", "Basic !!", "Bearer YXBpOmtleS0x", "Basic Ym9iOmtleS0x", "Basic YXBp"]
        {
            assert_eq!(key(value), None, "{value}");
        }
        assert_eq!(key(&format!("Basic {}", "YXBp".repeat(300))), None);
        assert_eq!(basic_key(&HeaderMap::new()), None);
    }
}

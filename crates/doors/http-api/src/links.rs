//! Absolute links: what clients follow, and take apart.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use waxseal_model::MessageId;

use crate::state::Api;

/// Where absolute links of an answer start: the operator's public URL, else what the request calls us.
pub(crate) struct Base(String);

impl Base {
    /// A link to this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// A link to a stored message.
    pub(crate) fn message(&self, domain: &str, message: MessageId) -> String {
        self.url(&format!("/v3/domains/{domain}/messages/{message}"))
    }
}

impl FromRequestParts<Arc<Api>> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        let named = || format!("{}://{}", scheme(api, &parts.headers), host(&parts.headers));
        Ok(Self(api.public_url.clone().unwrap_or_else(named)))
    }
}

/// How the request came, `https` or `http`. A proxy that ends TLS says so.
pub(crate) fn scheme(api: &Api, headers: &HeaderMap) -> &'static str {
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    if forwarded { "https" } else { api.scheme }
}

/// The host as the request names it, if it looks like one.
fn host(headers: &HeaderMap) -> &str {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if named.is_empty() || named.len() > 255 || !named.chars().all(plain) { "localhost" } else { named }
}

//! Paths as clients write them: doubled and trailing slashes mean nothing, and nothing is redirected,
//! because a redirect loses the body.

use axum::{
    extract::{FromRequestParts, Path},
    http::{Uri, request::Parts, uri::PathAndQuery},
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The named segments of the path, percent-decoded.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Segments<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments)).map_err(|_| ApiError::not_found("Not Found"))
    }
}

/// The same address with single slashes and without one at the end; as it was if nothing is to change.
pub(crate) fn tidy(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path.len() == 1 || !path.ends_with('/')) {
        return None;
    }
    let mut tidied = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        tidied.push('/');
        tidied.push_str(segment);
    }
    if tidied.is_empty() {
        tidied.push('/');
    }
    if let Some(query) = uri.query() {
        tidied.push('?');
        tidied.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(tidied.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_are_dropped() {
        let tidied = |text: &str| tidy(&text.parse().expect("uri")).map(|uri| uri.to_string());
        assert_eq!(tidied("//v3/d//messages/?a=//b/"), Some("/v3/d/messages?a=//b/".into()));
        assert_eq!(tidied("/v3/d/messages/"), Some("/v3/d/messages".into()));
        assert_eq!(tidied("//"), Some("/".into()));
        assert_eq!(tidied("/v3/d/messages"), None);
        assert_eq!(tidied("/"), None);
    }
}

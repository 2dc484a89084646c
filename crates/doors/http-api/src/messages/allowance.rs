//! What a caller may still send, in the headers of an answer (Mailgun API, rate limits).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use waxseal_sending::allowance::{Left, Share};

/// Adds `X-RateLimit-*` for requests and `X-Recipient-*` for recipients, where they are limited. Times are seconds since
/// 1970: clients read them so.
pub(crate) fn tell(left: Left, headers: &mut HeaderMap) {
    let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    add(left.requests, &left, names, headers);
    let names = ["x-recipient-limit", "x-recipient-remaining", "x-recipient-reset"];
    add(left.recipients, &left, names, headers);
}

fn add(share: Option<Share>, left: &Left, names: [&'static str; 3], headers: &mut HeaderMap) {
    let Some(share) = share else { return };
    let values = [share.limit.into(), share.left.into(), HeaderValue::from(left.resets_at.as_secs())];
    headers.extend(names.map(HeaderName::from_static).into_iter().zip(values));
}

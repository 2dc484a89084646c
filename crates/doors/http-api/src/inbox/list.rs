//! `GET /v1/inbox` and `DELETE /v1/inbox`.

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
use waxseal_model::{DomainId, InboxId, event::EventDetails};
use waxseal_store::{domain::Domain, inbox::InboxItem};

use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form,
    links::Base,
    state::{Api, CUSTOMER},
};

const DEFAULT_PAGE: u64 = 100;
const MAX_PAGE: u64 = 300;

/// What was asked of the list.
#[derive(Default)]
struct Asked {
    domain: Option<Domain>,
    recipient: Option<String>,
    limit: Option<u64>,
    before: Option<InboxId>,
}

/// `GET /v1/inbox`: captured messages, newest first.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = asked(&api, &caller, request).await?;
    let limit = asked.limit.unwrap_or(DEFAULT_PAGE);
    let domain = asked.domain.as_ref().map(|domain| domain.id);
    let recipient = asked.recipient.as_deref();
    let found = api.services.store.inbox(caller.account, domain, recipient, asked.before, limit).await?;
    let mut items = Vec::with_capacity(found.len());
    for item in &found {
        let message = api.services.store.message(caller.account, item.message).await?;
        let details = message.as_ref().map(|message| message.template.open(&CUSTOMER));
        items.push(summary(&base, item, details));
    }
    let last = found.last().map(|item| item.id).or(asked.before);
    let body = json!({
        "items": items,
        "paging": { "first": link(&base, &asked, None), "next": link(&base, &asked, last) },
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `DELETE /v1/inbox`: all captured messages of the account, or of one domain.
pub(crate) async fn clear(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = asked(&api, &caller, request).await?;
    if asked.recipient.is_some() || asked.before.is_some() || asked.limit.is_some() {
        return Err(ApiError::bad_request("domain is the only parameter when all messages are deleted"));
    }
    let domain: Option<DomainId> = asked.domain.map(|domain| domain.id);
    let count = api.services.store.clear_inbox(caller.account, domain).await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Inbox has been cleared", "count": count })))
}

async fn asked(api: &Api, caller: &Caller, request: Request) -> Result<Asked, ApiError> {
    let mut asked = Asked::default();
    for field in form::parameters(api, request).await? {
        let value = String::from_utf8_lossy(&field.bytes).trim().to_owned();
        match field.name.as_str() {
            _ if value.is_empty() => {}
            "domain" => asked.domain = Some(own_domain(api, caller, &value).await?),
            "recipient" => asked.recipient = Some(value),
            "limit" => asked.limit = Some(page_size(&value)?),
            "page" => {
                let page = value.parse().map_err(|_| ApiError::bad_request("page parameter is not valid"))?;
                asked.before = Some(page);
            }
            name => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(ApiError::bad_request(format!("{name} parameter is not known")));
            }
        }
    }
    Ok(asked)
}

fn page_size(value: &str) -> Result<u64, ApiError> {
    match value.parse::<u64>() {
        Ok(limit) if limit > 0 => Ok(limit.min(MAX_PAGE)),
        _ => Err(ApiError::bad_request(format!("limit parameter must be a number from 1 to {MAX_PAGE}"))),
    }
}

fn link(base: &Base, asked: &Asked, before: Option<InboxId>) -> String {
    let mut query = vec![format!("limit={}", asked.limit.unwrap_or(DEFAULT_PAGE))];
    query.extend(asked.domain.as_ref().map(|domain| format!("domain={}", domain.name)));
    query.extend(asked.recipient.as_deref().map(|recipient| {
        let escaped = percent_encoding::utf8_percent_encode(recipient, percent_encoding::NON_ALPHANUMERIC);
        format!("recipient={escaped}")
    }));
    query.extend(before.map(|page| format!("page={page}")));
    base.url(&format!("/v1/inbox?{}", query.join("&")))
}

/// One item: who wrote to whom about what, and where the rest is.
pub(super) fn summary(base: &Base, item: &InboxItem, details: Option<&EventDetails>) -> Value {
    let envelope = item.envelope.open(&CUSTOMER);
    let message = details.map(|details| &details.message);
    let url = base.url(&format!("/v1/inbox/{}", item.id));
    json!({
        "id": item.id.to_string(),
        "message-id": message.map(|message| message.message_id.as_str()).unwrap_or_default(),
        "sender": envelope.reverse_path,
        "recipient": envelope.recipient,
        "from": message.map(|message| message.from.as_str()).unwrap_or_default(),
        "to": message.map(|message| message.to.as_str()).unwrap_or_default(),
        "subject": message.map(|message| message.subject.as_str()).unwrap_or_default(),
        "size": message.map(|message| message.size).unwrap_or_default(),
        "tags": details.map(|details| details.tags.clone()).unwrap_or_default(),
        "captured-at": date::rfc3339_millis(item.captured_at),
        "expires-at": date::rfc3339_millis(item.expires_at),
        "url": url,
        "raw-url": format!("{url}/raw"),
    })
}

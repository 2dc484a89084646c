//! `GET /v3/domains/{domain}/messages/{key}` and its attachments.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Map, Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_mail::inspect;
use waxseal_model::{MessageId, Purpose};
use waxseal_store::message::StoredMessage;

use super::render;
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    links::Base,
    path::Segments,
    privacy::opened,
    state::{Api, CUSTOMER},
};

/// `GET /v3/domains/{domain}/messages/{key}`; with `Accept: message/rfc2822` the MIME in JSON.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, key)): Segments<(String, String)>,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (message, mime) = fetch(&api, &caller, &name, &key).await?;
    let details = message.template.open(&CUSTOMER);
    let envelope = render::Envelope {
        sender: details.envelope.as_ref().map(|envelope| envelope.sender.clone()).unwrap_or_default(),
        recipients: details.message.recipients.join(", "),
    };
    let body = if wants_mime(&headers) {
        render::mime(&envelope, &mime)
    } else {
        let url = base.message(&name, message.id);
        render::message(&envelope, &inspect::stored(&mime), &url)
    };
    Ok(json_response(StatusCode::OK, &body))
}

/// `GET …/attachments/{number}`: the file's bytes.
pub(crate) async fn attachment(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, key, number)): Segments<(String, String, String)>,
) -> Result<Response, ApiError> {
    let (_, mime) = fetch(&api, &caller, &name, &key).await?;
    file(&mime, &number)
}

/// The account's message of this key in this domain, with its MIME, unless it is gone.
async fn fetch(
    api: &Api,
    caller: &Caller,
    domain: &str,
    key: &str,
) -> Result<(StoredMessage, Vec<u8>), ApiError> {
    let domain = own_domain(api, caller, domain).await?;
    let id: MessageId = key.parse().map_err(|_| missing())?;
    let store = &api.services.store;
    let message = store.message(caller.account, id).await?.ok_or_else(missing)?;
    if message.domain != domain.id || !message.retrievable(api.services.clock.now()) {
        return Err(missing());
    }
    let mime = store.body_for(Purpose::CustomerAccess, caller.account, id).await?.ok_or_else(missing)?;
    Ok((message, opened(api, mime).await?))
}

/// There is no such message (any more).
pub(super) fn missing() -> ApiError {
    ApiError::not_found("Message not found")
}

fn wants_mime(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(kind.as_str(), "message/rfc2822" | "message/rfc822")
    })
}

/// One file of a message. Never shown by a browser as a page of ours.
pub(crate) fn file(mime: &[u8], number: &str) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("Attachment not found");
    let number: usize = number.parse().map_err(|_| missing())?;
    let file = inspect::attachment(mime, number).ok_or_else(missing)?;
    let mut response = Response::new(Body::from(file.bytes));
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(&file.info.content_type);
    headers.insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

/// The list of files as the API writes it, with links below `url`.
pub(crate) fn files(stored: &inspect::Stored, url: &str) -> (Vec<Value>, Map<String, Value>) {
    let files: Vec<Value> = stored
        .summary
        .attachments
        .iter()
        .enumerate()
        .map(|(number, file)| {
            json!({
                "url": format!("{url}/attachments/{number}"),
                "content-type": file.content_type,
                "name": file.name,
                "size": file.size,
            })
        })
        .collect();
    let by_id = stored
        .content_ids
        .iter()
        .filter_map(|(id, index)| Some((format!("<{id}>"), files.get(*index)?.clone())))
        .collect();
    (files, by_id)
}

//! One captured message: taken apart, as MIME, file by file, deleted.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_mail::inspect;
use waxseal_model::{InboxId, Purpose};
use waxseal_store::inbox::InboxItem;

use super::list::summary;
use crate::{
    error::{ApiError, json_response},
    links::Base,
    path::Segments,
    privacy::opened,
    state::{Api, CUSTOMER},
    stored::{self, render},
};

/// `GET /v1/inbox/{id}`: what a stored message tells, and the item's own members.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
    base: Base,
) -> Result<Response, ApiError> {
    let item = item(&api, &caller, &id).await?;
    let mime = mime(&api, &caller, &item).await?;
    let message = api.services.store.message(caller.account, item.message).await?;
    let details = message.as_ref().map(|message| message.template.open(&CUSTOMER));
    let envelope = item.envelope.open(&CUSTOMER);
    let envelope =
        render::Envelope { sender: envelope.reverse_path.clone(), recipients: envelope.recipient.clone() };
    let url = base.url(&format!("/v1/inbox/{}", item.id));
    let mut body = render::message(&envelope, &inspect::stored(&mime), &url);
    if let (Value::Object(body), Value::Object(own)) = (&mut body, summary(&base, &item, details)) {
        body.extend(own);
    }
    Ok(json_response(StatusCode::OK, &body))
}

/// `GET /v1/inbox/{id}/raw`: the MIME, byte for byte as it would have left.
pub(crate) async fn raw(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    let item = item(&api, &caller, &id).await?;
    let mut response = Response::new(Body::from(mime(&api, &caller, &item).await?));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/rfc822"));
    Ok(response)
}

/// `GET /v1/inbox/{id}/attachments/{number}`: a file's bytes.
pub(crate) async fn attachment(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((id, number)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let item = item(&api, &caller, &id).await?;
    stored::file(&mime(&api, &caller, &item).await?, &number)
}

/// `DELETE /v1/inbox/{id}`
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    let id: InboxId = id.parse().map_err(|_| missing())?;
    if !api.services.store.delete_inbox_item(caller.account, id).await? {
        return Err(missing());
    }
    Ok(json_response(StatusCode::OK, &json!({ "message": "Message has been deleted" })))
}

async fn item(api: &Api, caller: &Caller, id: &str) -> Result<InboxItem, ApiError> {
    let id: InboxId = id.parse().map_err(|_| missing())?;
    let item = api.services.store.inbox_item(caller.account, id).await?;
    item.filter(|item| item.expires_at > api.services.clock.now()).ok_or_else(missing)
}

async fn mime(api: &Api, caller: &Caller, item: &InboxItem) -> Result<Vec<u8>, ApiError> {
    let body = api.services.store.body_for(Purpose::CustomerAccess, caller.account, item.message).await?;
    opened(api, body.ok_or_else(missing)?).await
}

fn missing() -> ApiError {
    ApiError::not_found("Message not found")
}

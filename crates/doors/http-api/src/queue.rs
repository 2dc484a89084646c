//! `GET /v1/queue/{message}`: why a message of the account is where it is.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_delivery::why;
use waxseal_model::{AccountId, MessageId};
use waxseal_store::{
    StoreError,
    event_log::{EventQuery, StoredEvent},
};

use crate::{
    error::{ApiError, json_response},
    path::Segments,
    state::{Api, CUSTOMER},
};

/// For every recipient what it waits for, whose limit that is and what would free it. The message is named by its storage
/// key, or by its Message-ID while its events are kept.
pub(crate) async fn why(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let found = find(&api, caller.account, &name).await?;
    let (message, header_id) = found.ok_or_else(|| ApiError::not_found("Message not found"))?;
    let services = &api.services;
    let asked = (&services.store, services.delivering.as_ref(), &*services.clock);
    let recipients = why::recipients(asked, (caller.account, message, &header_id), told).await?;
    let body = json!({ "message": message.to_string(), "recipients": recipients });
    Ok(json_response(StatusCode::OK, &body))
}

/// A message of this account, and its Message-ID.
async fn find(api: &Api, account: AccountId, name: &str) -> Result<Option<(MessageId, String)>, ApiError> {
    if let Ok(key) = name.parse::<MessageId>() {
        return match api.services.store.message(account, key).await {
            Ok(found) => {
                Ok(found.map(|message| (key, message.template.open(&CUSTOMER).message.message_id.clone())))
            }
            Err(StoreError::Erased) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
    let header = name.trim_start_matches('<').trim_end_matches('>').to_owned();
    let events = api.services.store.events(&EventQuery::of_message(account, header.clone())).await?;
    Ok(events.iter().find_map(|event| event.message).map(|message| (message, header)))
}

fn told(event: &StoredEvent) -> Option<why::Told> {
    let details = event.details.open(&CUSTOMER);
    let status = details.delivery_status.as_ref();
    Some(why::Told {
        recipient: details.recipient.clone()?,
        reply: status.map(|status| {
            let said = if status.message.is_empty() { &status.description } else { &status.message };
            format!("{} {said}", status.code)
        }),
        attempts: status.map_or(0, |status| status.attempt_no),
    })
}

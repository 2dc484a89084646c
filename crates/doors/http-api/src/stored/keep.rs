//! Sending a stored message again, and deleting it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_model::MessageId;
use waxseal_sending::resend::ResendError;

use super::show::missing;
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form,
    messages::{self, SendAnswer, refused},
    path::Segments,
    state::Api,
};

/// `POST /v3/domains/{domain}/messages/{key}`: to the recipients in `to`.
pub(crate) async fn resend(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, key)): Segments<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let idempotency_key = messages::idempotency_key(request.headers())?;
    let to = form::read(&api, request).await?.take_all("to");
    let id: MessageId = key.parse().map_err(|_| missing())?;
    match api.services.sending.resend(&caller, &domain, id, &to, idempotency_key.as_deref()).await {
        Ok(sent) => Ok(json_response(StatusCode::OK, &SendAnswer::from(sent))),
        Err(ResendError::NotFound) => Err(missing()),
        Err(ResendError::Send(error)) => Err(refused(error, api.services.clock.now())),
    }
}

/// `DELETE /v3/domains/{domain}/messages/{key}`
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, key)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let id: MessageId = key.parse().map_err(|_| missing())?;
    if !api.services.store.delete_message(caller.account, domain.id, id).await? {
        return Err(missing());
    }
    Ok(json_response(StatusCode::OK, &json!({ "message": "Message has been deleted" })))
}

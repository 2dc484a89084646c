//! The two ways to send a message.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use hyper::body::Body as _;
use waxseal_accounts::caller::Caller;
use waxseal_sending::{
    error::SendError,
    request::{Content, SendRequest, Via},
};
use waxseal_store::domain::Domain;

use super::{
    allowance, refused,
    request::{self, Common, SendAnswer},
};
use crate::{
    auth::sending_domain,
    error::{ApiError, json_response},
    form::{self, Form},
    path::Segments,
    state::Api,
};

/// `POST /v3/{domain}/messages`: a message from its parts.
pub(crate) async fn parts(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(domain): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = sending_domain(&api, &caller, &domain).await?;
    let key = request::idempotency_key(request.headers())?;
    let mut form = read(&api, request).await?;
    let content = request::parts(&mut form);
    send(&api, caller, domain, content, form, key).await
}

/// `POST /v3/{domain}/messages.mime`: a message that is MIME already.
pub(crate) async fn mime(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(domain): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = sending_domain(&api, &caller, &domain).await?;
    let got = form::media_type(request.headers());
    if got != "multipart/form-data" {
        let got: String = got.chars().take(100).collect();
        return Err(ApiError::bad_request(format!(
            "Invalid request content type. Expecting 'multipart/form-data' but got '{got}'"
        )));
    }
    let key = request::idempotency_key(request.headers())?;
    let mut form = read(&api, request).await?;
    let content = request::mime(&mut form)?;
    send(&api, caller, domain, content, form, key).await
}

/// Reads a message's body, if there is likely to be room for it.
async fn read(api: &Api, request: Request) -> Result<Form, ApiError> {
    if !api.may_begin(request.body().size_hint().exact()) {
        metrics::counter!("waxseal_load_shed_total", "door" => "http").increment(1);
        return Err(refused(SendError::Busy, api.services.clock.now()));
    }
    form::read(api, request).await
}

async fn send(
    api: &Api,
    caller: Caller,
    domain: Domain,
    content: Content,
    mut form: Form,
    idempotency: Option<String>,
) -> Result<Response, ApiError> {
    let common = Common::take(&mut form);
    let request = SendRequest {
        caller,
        domain,
        via: Via::Http,
        content,
        options: common.options,
        variables: common.variables,
        recipient_variables: common.recipient_variables,
        template: common.template,
        idempotency,
        tls_report: false,
    };
    let outcome = api.services.sending.send(request).await;
    // The memory of the body counts until the message is stored.
    drop(form);
    match outcome {
        Ok(sent) => {
            let left = sent.left;
            let mut response = json_response(StatusCode::OK, &SendAnswer::from(sent));
            if let Some(left) = left {
                allowance::tell(left, response.headers_mut());
            }
            Ok(response)
        }
        Err(error) => Err(refused(error, api.services.clock.now())),
    }
}

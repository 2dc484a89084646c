//! `GET /v1/privacy/requests`: what the account asked about its data, by when it is answered, and how it was.

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
use waxseal_model::Timestamp;
use waxseal_store::request::{FeeState, PrivacyRequest, RequestDetails, RequestOutcome};

use super::page::page;
use crate::{
    error::{ApiError, json_response},
    links::Base,
    state::{Api, CUSTOMER},
};

/// The account's own requests, newest first. Requests of others are not the account's business, also where they are about
/// mail of it.
pub(crate) async fn requests(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let (limit, before) = page(&api, request).await?;
    let requests = api.services.store.requests_of_account(caller.account, before, limit).await?;
    let now = api.services.clock.now();
    let items: Vec<Value> = requests.iter().map(|request| shown(request, now)).collect();
    let next = requests.last().map(|request| request.id).or(before);
    let next = next.map(|page| format!("&page={page}")).unwrap_or_default();
    let body = json!({
        "items": items,
        "paging": {
            "first": base.url(&format!("/v1/privacy/requests?limit={limit}")),
            "next": base.url(&format!("/v1/privacy/requests?limit={limit}{next}")),
        },
    });
    Ok(json_response(StatusCode::OK, &body))
}

fn shown(request: &PrivacyRequest, now: Timestamp) -> Value {
    let details = request.details.as_ref().map(|details| details.open(&CUSTOMER));
    let fee = details.and_then(|details| details.fee.as_ref()).map(|fee| {
        let state = match fee.state {
            FeeState::Quoted => "quoted",
            FeeState::Paid => "paid",
            FeeState::Waived => "waived",
        };
        json!({ "amount": fee.amount, "currency": fee.currency, "because": fee.because, "state": state })
    });
    let extended = |details: &RequestDetails| details.extension.as_ref().map(|more| more.because.clone());
    let answer = |details: &RequestDetails| details.answer.as_ref().map(|answer| answer.note.clone());
    json!({
        "id": request.id.to_string(),
        "number": request.number,
        "kind": request.kind.as_str(),
        "state": match request.closed {
            Some((_, RequestOutcome::Answered)) => "answered",
            Some((_, RequestOutcome::Refused)) => "refused",
            None if request.is_overdue(now) => "overdue",
            None => "open",
        },
        "about": details.map(|details| &details.about),
        "received-at": date::rfc3339_millis(request.received_at),
        "due-at": date::rfc3339_millis(request.due_at),
        "closed-at": request.closed.map(|(at, _)| date::rfc3339_millis(at)),
        "fee": fee,
        "extended-because": details.and_then(extended),
        "answer": details.and_then(answer),
        "refused-because": details.and_then(|details| details.refused_because.as_ref()),
    })
}

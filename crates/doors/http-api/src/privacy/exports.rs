//! Copies of what is kept: asked for, looked after, fetched and deleted by the customer.

use std::{io::Read as _, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_mail::date;
use waxseal_model::ExportId;
use waxseal_privacy::{
    audit::{AuditEvent, AuditPurpose},
    export::{Asked, MOST},
};
use waxseal_store::{
    export::{ExportState, ExportSubject, KeptExport},
    export_file::{ExportKey, ExportReader},
};

use super::record::record;
use crate::{
    error::{ApiError, json_response},
    form,
    path::Segments,
    state::Api,
};

/// The header that brings an export's key: in no address, so in no log of a proxy.
const KEY: &str = "x-waxseal-export-key";
/// Bytes handed on at a time.
const PIECE: usize = 64 * 1024;

/// `POST /v1/privacy/exports`: of the account, or of one `recipient` or one `login` in it.
pub(crate) async fn ask(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut form = form::read(&api, request).await?;
    let account = caller.account;
    let (subject, event) = match (form.take_first("recipient"), form.take_first("login")) {
        (None, None) => (ExportSubject::Account(account), AuditEvent::AccountExported),
        (Some(address), None) if address.contains('@') && address.len() <= 320 => {
            (ExportSubject::Recipient { account, address }, AuditEvent::RecipientExported)
        }
        (Some(_), None) => {
            return Err(ApiError::bad_request("recipient: expected a full address such as bob@example.org"));
        }
        (None, Some(login)) => {
            let found = api.services.store.smtp_credential(&login).await?;
            if found.is_none_or(|found| found.account != account) {
                return Err(ApiError::not_found("login: the account has no such login"));
            }
            (ExportSubject::Login { account, login }, AuditEvent::LoginExported)
        }
        (Some(_), Some(_)) => return Err(ApiError::bad_request("name recipient or login, not both")),
    };
    record(&api, &caller, AuditPurpose::Export, event).await?;
    match api.services.exports.ask(subject).await? {
        Asked::Making(made, key) => {
            let mut body = shown(&made);
            body["key"] = json!(*key.text());
            body["message"] = json!("The export is being made. Keep the key: it is shown this once");
            Ok(json_response(StatusCode::ACCEPTED, &body))
        }
        Asked::TooMany => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("there are {MOST} exports already: delete one, or wait until one expires"),
        )),
    }
}

/// `GET /v1/privacy/exports`
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let exports = api.services.exports.list(caller.account).await?;
    let items: Vec<Value> = exports.iter().map(shown).collect();
    Ok(json_response(StatusCode::OK, &json!({ "items": items })))
}

/// `GET /v1/privacy/exports/{id}`
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    Ok(json_response(StatusCode::OK, &shown(&existing(&api, &caller, &id).await?)))
}

/// `DELETE /v1/privacy/exports/{id}`
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    let found = existing(&api, &caller, &id).await?;
    record(&api, &caller, AuditPurpose::Export, AuditEvent::ExportDeleted).await?;
    api.services.exports.delete(caller.account, found.id).await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "Export has been deleted" })))
}

/// `GET /v1/privacy/exports/{id}/download`: the ZIP, opened with the key in `X-Waxseal-Export-Key` on the way.
pub(crate) async fn download(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let found = existing(&api, &caller, &id).await?;
    if found.state != ExportState::Ready {
        let message = format!("the export is not ready: {}", found.state.as_str());
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).and_then(ExportKey::parse);
    let Some(key) = key else {
        return Err(ApiError::bad_request(
            "X-Waxseal-Export-Key: the 64 hex digits that came with the export",
        ));
    };
    let Some(reader) = api.services.exports.open(&found, &key).await? else {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "the key does not open this export"));
    };
    record(&api, &caller, AuditPurpose::Export, AuditEvent::ExportDownloaded).await?;
    let mut response = Response::new(Body::from_stream(pieces(reader)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}.zip\"", found.id)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// What is read, piece by piece: the next one only when the last was taken.
fn pieces(reader: ExportReader) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = reader.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((Bytes::from(piece), reader))
        });
        let (piece, reader) = read.await.map_err(std::io::Error::other)??;
        Ok((!piece.is_empty()).then_some((piece, reader)))
    })
}

async fn existing(api: &Api, caller: &Caller, id: &str) -> Result<KeptExport, ApiError> {
    let missing = || ApiError::not_found("Export not found");
    let id: ExportId = id.parse().map_err(|_| missing())?;
    api.services.exports.one(caller.account, id).await?.ok_or_else(missing)
}

fn shown(export: &KeptExport) -> Value {
    json!({
        "id": export.id.to_string(),
        "kind": export.kind,
        "state": export.state.as_str(),
        "requested-at": date::rfc3339_millis(export.asked_at),
        "expires-at": date::rfc3339_millis(export.expires_at),
        "bytes": export.bytes,
        "rows": export.rows,
        "messages": export.messages,
    })
}

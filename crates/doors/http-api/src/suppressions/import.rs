//! Files of entries: `POST /v3/{domain}/bounces/import` and the like, and how far they are.

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
use waxseal_model::ImportId;
use waxseal_store::{
    StoreError,
    suppression_import::{ImportState, SuppressionImport},
};
use waxseal_suppression::{Asked, import::MOST};

use super::words::List;
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form,
    links::Base,
    path::Segments,
    state::Api,
};

/// What clients wait for.
const TAKEN: &str = "file uploaded successfully for processing. standby...";
const NO_HEADER: &str = "while reading csv header";
const NO_FILE: &str = "Missing mandatory parameter: file, a CSV file in a multipart/form-data form";
/// Imports on a page: there is one page.
const NEWEST: u64 = 20;

/// `POST /v3/{domain}/bounces/import` and the like.
pub(crate) async fn import(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments(name): Segments<String>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let file = form::file(&api, request, api.limits.import).await?;
    let (content, _held) = file.ok_or_else(|| ApiError::bad_request(NO_FILE))?;
    let imports = &api.services.imports;
    let asked = match imports.ask((caller.account, domain.id), list.kind, content).await {
        // It was deleted while the file came.
        Err(StoreError::Conflict { .. }) => return Err(ApiError::not_found("Domain not found")),
        asked => asked?,
    };
    match asked {
        Asked::Taken(id) => {
            let url = base.url(&format!("/v3/{}/{}/import/{id}", domain.name, list.name));
            let body = json!({ "message": TAKEN, "id": id.to_string(), "url": url });
            Ok(json_response(StatusCode::ACCEPTED, &body))
        }
        Asked::NoHeader => Err(ApiError::bad_request(NO_HEADER)),
        Asked::TooMany => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("{MOST} imports are under way already: wait until one is done"),
        )
        .retry_after(60)),
    }
}

/// `GET /v3/{domain}/bounces/import` and the like.
pub(crate) async fn imports(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let of = (caller.account, domain.id);
    let imports = api.services.store.suppression_imports(of, list.kind, NEWEST).await?;
    let items: Vec<Value> = imports.iter().map(shown).collect();
    Ok(json_response(StatusCode::OK, &json!({ "items": items })))
}

/// `GET /v3/{domain}/bounces/import/{id}` and the like.
pub(crate) async fn progress(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let missing = || ApiError::not_found("Import not found");
    let id: ImportId = id.parse().map_err(|_| missing())?;
    let found = api.services.store.suppression_import(caller.account, id).await?;
    let found = found.filter(|found| found.domain == domain.id && found.kind == list.kind);
    Ok(json_response(StatusCode::OK, &shown(&found.ok_or_else(missing)?)))
}

fn shown(import: &SuppressionImport) -> Value {
    let problem = |(line, reason)| json!({ "line": line, "reason": reason });
    // A failure is of the file as a whole.
    let failed = (import.state == ImportState::Failed)
        .then_some((import.line, "the file cannot be read from here on: import it again"));
    let problems = import.problems.iter().map(|known| (known.line, known.reason.as_str())).chain(failed);
    json!({
        "id": import.id.to_string(),
        "state": import.state.as_str(),
        "rows": import.rows,
        "added": import.added,
        "refused": import.refused,
        "bytes_done": import.done,
        "bytes_total": import.bytes,
        "created_at": date::rfc1123_utc(import.created_at),
        "finished_at": import.finished_at.map(date::rfc1123_utc),
        "problems": problems.map(problem).collect::<Vec<_>>(),
    })
}

//! Certificates of erasures, and the key they are signed with.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_store::erasure::{Erasure, ErasureKind};

use super::erasures::own;
use crate::{
    error::{ApiError, json_response},
    state::Api,
};

/// `GET /v1/privacy/erasures/{id}/certificate`
pub(crate) async fn certificate(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    shown(&own(&api, &caller, &id).await?)
}

/// `GET /v1/privacy/certificates/{id}`: for who had an account and has no key any more. The certificate names nobody,
/// and its id cannot be guessed.
pub(crate) async fn account_certificate(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("Certificate not found");
    let id = id.parse().map_err(|_| missing())?;
    let found = api.services.store.erasure(id).await?;
    shown(&found.filter(|erasure| erasure.kind == ErasureKind::Account).ok_or_else(missing)?)
}

/// `GET /v1/privacy/public-key`
pub(crate) async fn public_key(State(api): State<Arc<Api>>) -> Response {
    let body = json!({ "algorithm": "Ed25519", "public_key": api.services.eraser.public_key() });
    json_response(StatusCode::OK, &body)
}

fn shown(erasure: &Erasure) -> Result<Response, ApiError> {
    let Some(certificate) = &erasure.certificate else {
        let message = "The erasure is not done yet; its certificate comes at the end";
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    };
    let certificate: Value = serde_json::from_str(certificate).map_err(|_| ApiError::internal())?;
    Ok(json_response(StatusCode::OK, &certificate))
}

//! One entry of a list.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_mail::Address;
use waxseal_model::suppression::SuppressionKind;

use super::words::{List, allowed};
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form,
    path::Segments,
    state::Api,
};

/// Nobody unsubscribed from this tag.
const NO_SUCH_TAG: &str = "Unsubscribe event for this tag does not exist";

/// `GET /v3/{domain}/bounces/{address}` and the like.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments((name, value)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let of = (caller.account, domain.id);
    let asked = named(list, &value);
    let found = api.services.store.suppression(of, list.kind, &asked).await?;
    let found = found.ok_or_else(|| ApiError::not_found(list.missing))?;
    Ok(json_response(StatusCode::OK, &list.entry(&found, Some(&asked))))
}

/// `DELETE /v3/{domain}/bounces/{address}` and the like. Of an unsubscription one `tag` may go.
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments((name, value)): Segments<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let asked = named(list, &value);
    let tag = match list.kind {
        SuppressionKind::Unsubscribe => tag(&api, request).await?,
        _ => None,
    };
    let store = &api.services.store;
    match tag {
        None if !store.unsuppress(caller.account, domain.id, list.kind, &asked).await? => {
            return Err(ApiError::not_found(list.missing));
        }
        Some(tag) if !store.resubscribe((caller.account, domain.id), &asked, &tag).await? => {
            return Err(ApiError::not_found(NO_SUCH_TAG));
        }
        _ => {}
    }
    let (_, value) = allowed(&asked);
    let key = if list.takes_domains() { "value" } else { "address" };
    Ok(json_response(StatusCode::OK, &json!({ "message": list.removed, key: value })))
}

async fn tag(api: &Api, request: Request) -> Result<Option<String>, ApiError> {
    let fields = form::parameters(api, request).await?;
    let tag = fields.into_iter().find(|field| field.name == "tag");
    Ok(tag.map(|tag| tag.into_text(None).trim().to_owned()).filter(|tag| !tag.is_empty()))
}

/// The entry that a path names: of the allow list also a domain.
fn named(list: List, value: &str) -> String {
    let value = value.trim();
    if !list.takes_domains() || value.contains('@') {
        return value.to_owned();
    }
    // Its name is known in the form that addresses have it in.
    Address::new("x", value).map_or_else(|_| format!("@{value}"), |address| format!("@{}", address.domain()))
}

//! Adding to a list: one entry by a form, or up to a thousand by a JSON list.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_model::{Timestamp, suppression::SuppressionKind};
use waxseal_store::{domain::Domain, suppression::NewSuppression};
use waxseal_suppression::{Given, Refused};

use super::words::{List, allowed};
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form::{self, Form, Rows},
    path::Segments,
    state::Api,
};

/// Entries of one JSON list.
const MOST: usize = 1_000;
/// `POST /v3/{domain}/bounces` and the like.
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let now = api.services.clock.now();
    match form::rows(&api, request, MOST).await? {
        Rows::One(form) => {
            let entry = entry(list, &domain, form, now)?;
            let (kind, value) = allowed(&entry.address);
            let body = match list.takes_domains() {
                true => json!({ "message": list.added, "type": kind, "value": value }),
                false => json!({ "message": list.added, "address": value }),
            };
            keep(&api, list, vec![entry]).await?;
            Ok(json_response(StatusCode::OK, &body))
        }
        Rows::Many(forms) if forms.len() > MOST => {
            Err(ApiError::bad_request("Batch size should be less than 1000"))
        }
        Rows::Many(forms) => {
            let count = forms.len();
            let mut entries = Vec::with_capacity(count);
            for (index, form) in forms.into_iter().enumerate() {
                entries.push(entry(list, &domain, form, now).map_err(|refused| of_item(index, &refused))?);
            }
            keep(&api, list, entries).await?;
            let message = format!("{count} {}", list.many_added);
            Ok(json_response(StatusCode::OK, &json!({ "message": message })))
        }
    }
}

/// The same of one of several.
fn of_item(index: usize, refused: &Refused) -> ApiError {
    ApiError::bad_request(format!("item {index}: {}", refused.of_parameters()))
}

async fn keep(api: &Api, list: List, entries: Vec<NewSuppression>) -> Result<(), ApiError> {
    let store = &api.services.store;
    match list.kind {
        SuppressionKind::Unsubscribe => store.unsubscribe(entries).await?,
        _ => store.suppress(entries).await?,
    }
    Ok(())
}

/// An entry as a form describes it.
fn entry(list: List, domain: &Domain, mut form: Form, now: Timestamp) -> Result<NewSuppression, Refused> {
    let mut tags = form.take_all("tags");
    tags.extend(form.take_all("tag"));
    let given = Given {
        address: form.take_first("address"),
        domain: form.take_first("domain"),
        created_at: form.take_first("created_at"),
        code: form.take_first("code"),
        error: form.take_first("error"),
        reason: form.take_first("reason"),
        tags,
    };
    waxseal_suppression::entry::entry(list.kind, (domain.account, domain.id), given, now)
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::bad_request(refused.of_parameters())
    }
}

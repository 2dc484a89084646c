//! A list as a whole: its pages, and clearing it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_store::suppression::{ListPage, ListPlace, Suppression};

use super::words::{List, allowed};
use crate::{
    auth::own_domain,
    error::{ApiError, json_response},
    form,
    links::Base,
    path::Segments,
    state::{Api, CUSTOMER},
};

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;

/// What was asked of the list.
struct Asked {
    limit: usize,
    page: String,
    /// The address that a page stands behind or before.
    address: String,
    /// What addresses begin with.
    term: String,
}

/// `GET /v3/{domain}/bounces` and the like.
pub(crate) async fn page(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments(name): Segments<String>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let asked = Asked::read(&api, request).await?;
    let page = ListPage { place: asked.place()?, prefix: asked.term.clone(), limit: asked.limit };
    let found = api.services.store.suppression_page((caller.account, domain.id), list.kind, page).await?;
    let items: Vec<Value> = found.iter().map(|entry| list.entry(entry, None)).collect();
    let link = |page: &str, pivot: Option<&str>| {
        let query = asked.query(page, pivot);
        base.url(&format!("/v3/{}/{}?{query}", domain.name, list.name))
    };
    let pivot = |entry: Option<&Suppression>| match entry.and_then(|entry| entry.address.as_ref()) {
        Some(address) => allowed(address.open(&CUSTOMER)).1.to_owned(),
        None => asked.address.clone(),
    };
    let body = json!({
        "items": items,
        "paging": {
            "first": link("", None),
            "last": link("last", None),
            "next": link("next", Some(&pivot(found.last()))),
            "previous": link("previous", Some(&pivot(found.first()))),
        },
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `DELETE /v3/{domain}/bounces` and the like.
pub(crate) async fn clear(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(list): Extension<List>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    api.services.store.clear_suppressions((caller.account, domain.id), list.kind).await?;
    Ok(json_response(StatusCode::OK, &json!({ "message": list.cleared })))
}

impl Asked {
    async fn read(api: &Api, request: Request) -> Result<Self, ApiError> {
        let mut asked =
            Self { limit: DEFAULT_PAGE, page: String::new(), address: String::new(), term: String::new() };
        for field in form::parameters(api, request).await? {
            let value = String::from_utf8_lossy(&field.bytes).trim().to_owned();
            match field.name.as_str() {
                _ if value.is_empty() => {}
                "limit" => asked.limit = page_size(&value)?,
                "page" => asked.page = value.to_ascii_lowercase(),
                "address" => asked.address = value,
                "term" => asked.term = value,
                _ => {}
            }
        }
        Ok(asked)
    }

    fn place(&self) -> Result<ListPlace, ApiError> {
        let pivot = || Some(self.address.clone()).filter(|address| !address.is_empty());
        match self.page.as_str() {
            "" | "first" => Ok(ListPlace::First),
            "last" => Ok(ListPlace::Last),
            "next" => Ok(pivot().map_or(ListPlace::First, ListPlace::After)),
            "previous" | "prev" => Ok(pivot().map_or(ListPlace::Last, ListPlace::Before)),
            _ => Err(ApiError::bad_request("page parameter must be first, last, next or previous")),
        }
    }

    /// The query of a link to a page.
    fn query(&self, page: &str, pivot: Option<&str>) -> String {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let page = if page.is_empty() { String::new() } else { format!("page={page}&") };
        let pivot = pivot.map(|pivot| format!("address={}&", encoded(pivot))).unwrap_or_default();
        format!("{page}{pivot}limit={}&term={}", self.limit, encoded(&self.term))
    }
}

fn page_size(value: &str) -> Result<usize, ApiError> {
    match value.parse::<u64>() {
        Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE)),
        _ => Err(ApiError::bad_request(format!("limit parameter must be a number from 1 to {MAX_PAGE}"))),
    }
}

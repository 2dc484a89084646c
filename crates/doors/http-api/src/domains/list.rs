//! `GET /v3/domains`

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_store::domain::{Domain, DomainState};

use super::render;
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    state::Api,
};

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;
/// Domains read at once where all are looked through.
const STEP: u64 = 1_000;

const STATES: [(&str, DomainState); 3] = [
    ("active", DomainState::Active),
    ("unverified", DomainState::Unverified),
    ("disabled", DomainState::Disabled),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Ascending,
    Descending,
}

/// Domains of the account, newest first.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = Asked(form::read(&api, request).await?);
    let limit = asked.number("limit", 1, usize::MAX)?.unwrap_or(DEFAULT_PAGE);
    if limit > MAX_PAGE {
        return Err(ApiError::bad_request(format!("limit parameter must be a number from 1 to {MAX_PAGE}")));
    }
    let skip = asked.number("skip", 0, u64::MAX >> 1)?.unwrap_or(0);
    // There are none yet.
    asked.flag("include_subaccounts")?;
    let state = asked.choice("state", &STATES)?;
    let sort = asked.choice(
        "sort",
        &[("name", Sort::Ascending), ("name:asc", Sort::Ascending), ("name:desc", Sort::Descending)],
    )?;
    let search = asked.0.take_word("search").map(|text| text.to_lowercase());
    let authority = asked.0.take_word("authority").map(|text| text.to_lowercase());
    let (count, page) = if state.is_none() && sort.is_none() && search.is_none() && authority.is_none() {
        api.services.store.domains(caller.account, skip, limit as u64).await?
    } else {
        // Names rest sealed: whoever looks through them opens all.
        let mut found = every(&api, &caller).await?;
        found.retain(|domain| state.is_none_or(|state| domain.state == state));
        found.retain(|domain| search.as_ref().is_none_or(|text| domain.name.contains(text)));
        if let Some(authority) = &authority {
            let mut signed = Vec::with_capacity(found.len());
            for domain in found {
                if api.services.domains.wished_authority(&domain).await?.name == *authority {
                    signed.push(domain);
                }
            }
            found = signed;
        }
        match sort {
            Some(Sort::Ascending) => found.sort_by(|a, b| a.name.cmp(&b.name)),
            Some(Sort::Descending) => found.sort_by(|a, b| b.name.cmp(&a.name)),
            None => {}
        }
        let count = found.len() as u64;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        (count, found.into_iter().skip(skip).take(limit).collect())
    };
    let items: Vec<Value> = page.iter().map(render::domain).collect();
    Ok(json_response(StatusCode::OK, &json!({ "total_count": count, "items": items })))
}

/// All domains of the account, newest first.
pub(super) async fn every(api: &Api, caller: &Caller) -> Result<Vec<Domain>, ApiError> {
    let mut found = Vec::new();
    loop {
        let (_, page) = api.services.store.domains(caller.account, found.len() as u64, STEP).await?;
        let is_last = (page.len() as u64) < STEP;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

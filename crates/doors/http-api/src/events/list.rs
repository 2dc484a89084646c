//! Pages of events.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_insight::search::{Place, Search};
use waxseal_store::domain::Domain;

use super::{parameters::Asked, render, token};
use crate::{
    auth::own_domain,
    error::{ApiError, json_response, pretty_response},
    form,
    path::Segments,
    state::{Api, CUSTOMER},
};

/// `GET /v3/{domain}/events`: the first page.
pub(crate) async fn first(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let query = form::pairs(query.as_deref().unwrap_or_default(), api.limits.fields)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let asked = Asked::read(query, api.services.clock.now())?;
    answer(&api, &caller, &domain, &asked, Place::First).await
}

/// `GET /v3/{domain}/events/{token}`: a page that an earlier one pointed to.
pub(crate) async fn page(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, token)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let (asked, place) =
        token::read(&token).ok_or_else(|| ApiError::bad_request("page token is not valid"))?;
    answer(&api, &caller, &domain, &asked, place).await
}

async fn answer(
    api: &Api,
    caller: &Caller,
    domain: &Domain,
    asked: &Asked,
    place: Place,
) -> Result<Response, ApiError> {
    let search = Search {
        account: caller.account,
        domain: Some(domain.id),
        range: asked.range,
        filters: asked.parsed()?,
        place,
        limit: asked.limit,
    };
    let page = api.services.insight.search(&search, &CUSTOMER).await?;
    let render = render::Renderer { domain: &domain.name, public_url: &api.public_url };
    let items: Vec<Value> = page.events.iter().map(|event| render.event(event)).collect();
    let link = |place| format!("{}/v3/{}/events/{}", api.public_url, domain.name, token::write(asked, place));
    let body = json!({
        "items": items,
        "paging": {
            "previous": link(page.previous),
            "first": link(Place::First),
            "last": link(Place::Last),
            "next": link(page.next),
        },
    });
    Ok(if asked.pretty { pretty_response(&body) } else { json_response(StatusCode::OK, &body) })
}

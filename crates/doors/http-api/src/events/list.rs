//! Pages of events.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_insight::search::{Place, Search};
use waxseal_store::domain::Domain;

use super::{parameters::Asked, render::Renderer, token};
use crate::{
    auth::own_domain,
    error::{ApiError, json_response, pretty_response},
    form,
    links::Base,
    path::Segments,
    state::{Api, CUSTOMER},
};

/// `GET /v3/{domain}/events`: the first page.
pub(crate) async fn first(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    base: Base,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let fields = form::parameters(&api, request).await?;
    let asked = Asked::read(fields, api.services.clock.now())?;
    answer(&api, &base, &search_of(&caller, &domain, &asked, Place::First)?, &domain, &asked).await
}

/// `GET /v3/{domain}/events/{token}`: a page that an earlier one pointed to.
pub(crate) async fn page(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, token)): Segments<(String, String)>,
    base: Base,
) -> Result<Response, ApiError> {
    let domain = own_domain(&api, &caller, &name).await?;
    let (asked, place) =
        token::read(&token).ok_or_else(|| ApiError::bad_request("page token is not valid"))?;
    answer(&api, &base, &search_of(&caller, &domain, &asked, place)?, &domain, &asked).await
}

fn search_of(caller: &Caller, domain: &Domain, asked: &Asked, place: Place) -> Result<Search, ApiError> {
    Ok(Search {
        account: caller.account,
        domain: Some(domain.id),
        range: asked.range,
        filters: asked.parsed()?,
        place,
        limit: asked.limit,
    })
}

async fn answer(
    api: &Api,
    base: &Base,
    search: &Search,
    domain: &Domain,
    asked: &Asked,
) -> Result<Response, ApiError> {
    let page = api.services.insight.search(search, &CUSTOMER).await?;
    let render = Renderer { domain: &domain.name, base };
    let items: Vec<Value> = page.events.iter().map(|event| render.event(event)).collect();
    let link = |place| base.url(&format!("/v3/{}/events/{}", domain.name, token::write(asked, place)));
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

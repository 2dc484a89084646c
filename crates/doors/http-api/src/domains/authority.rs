//! Whose DKIM keys sign a domain's mail, and under which selector.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;
use waxseal_accounts::caller::Caller;
use waxseal_store::domain::DkimAuthority;

use super::{gone, keys::refused, known, render::with_records};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::Api,
};

/// `PUT /v3/domains/{domain}/dkim_authority`
pub(crate) async fn set_authority(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let wanted = if asked.needed_flag("self")? { DkimAuthority::Own } else { DkimAuthority::Parent };
    let before = api.services.domains.wished_authority(&domain).await?;
    let change = |change: &mut waxseal_store::domain::DomainChange| {
        change.settings.details.dkim_authority = wanted;
    };
    let domain = api.services.domains.change(&domain, change).await?.ok_or_else(gone)?;
    // Without a domain above it, it signs itself whatever it says.
    let changed = api.services.domains.wished_authority(&domain).await?.id != before.id;
    let how = if changed { "has been changed" } else { "has not been changed" };
    let mut answer = json!({ "message": format!("Domain DKIM authority {how}"), "changed": changed });
    answer["sending_dns_records"] = with_records(&api, &domain, None).await?["sending_dns_records"].take();
    Ok(json_response(StatusCode::OK, &answer))
}

/// `PUT /v3/domains/{domain}/dkim_selector`
pub(crate) async fn set_selector(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let selector = asked.needed("dkim_selector")?;
    api.services.domains.rename_selector(&domain, &selector).await.map_err(refused)?;
    Ok(json_response(StatusCode::OK, &json!({ "message": "DKIM selector changed" })))
}

//! `POST /v3/domains`

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use waxseal_accounts::caller::Caller;
use waxseal_domains::{Wanted, name};

use super::{
    render::{refusal, with_records},
    settings::Given,
};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    state::Api,
};

use super::credentials::{check_password, set_password};

/// Makes a domain that may send once its records are seen.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = Asked(form::read(&api, request).await?);
    let wanted = asked.needed("name")?;
    let wanted = name::normalise(&wanted, false).map_err(|error| refusal(error.into()))?;
    let mut given = Given::read(&mut asked)?;
    given.check(&api, &wanted)?;
    // Both sizes give the same key: 1024 bits are too few today (RFC 8301 section 3.2).
    asked.choice("dkim_key_size", &[("1024", ()), ("2048", ())])?;
    let root_signs = asked.flag("force_root_dkim_host")?.unwrap_or(false);
    let own_keys = asked.flag("force_dkim_authority")?.unwrap_or(false) && !root_signs;
    let selector = asked.0.take_word("dkim_selector");
    if let Some(password) = &given.smtp_password {
        check_password(password)?;
    }
    let mut settings = api.services.domains.usual_settings();
    given.apply(&mut settings);
    let new = Wanted { name: wanted, settings, selector, own_keys };
    let made = api.services.domains.create_as(caller.account, new).await.map_err(refusal)?;
    let mut answer = with_records(&api, &made.domain, Some("Domain DNS records have been created")).await?;
    if let Some(password) = &given.smtp_password {
        if let Err(error) = set_password(&api, &made.domain, "postmaster", password).await {
            // All or nothing: whoever tries again finds the name free.
            api.services.domains.delete(&made.domain).await?;
            return Err(error);
        }
        answer["domain"]["smtp_password"] = password.as_str().into();
    }
    Ok(json_response(StatusCode::OK, &answer))
}

//! What of a domain's messages is followed.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_store::domain::{ClickTracking, Domain, Tracking};

use super::{gone, known, render::web_scheme};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::Api,
};

/// Characters of a footer, at most.
const LONGEST_FOOTER: usize = 16 * 1024;
const UPDATED: &str = "Domain tracking settings have been updated";
const HTML_FOOTER: &str = "\n<br>\n<p><a href=\"%unsubscribe_url%\">unsubscribe</a></p>\n";
const TEXT_FOOTER: &str = "\n\nTo unsubscribe click: <%unsubscribe_url%>\n\n";

const CLICKS: [(&str, ClickTracking); 9] = [
    ("yes", ClickTracking::Yes),
    ("true", ClickTracking::Yes),
    ("1", ClickTracking::Yes),
    ("on", ClickTracking::Yes),
    ("no", ClickTracking::No),
    ("false", ClickTracking::No),
    ("0", ClickTracking::No),
    ("off", ClickTracking::No),
    ("htmlonly", ClickTracking::HtmlOnly),
];

/// `GET /v3/domains/{domain}/tracking`
pub(crate) async fn tracking(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let followed = &domain.settings.details.tracking;
    let body = json!({
        "tracking": {
            "open": opens(followed),
            "click": clicks(followed),
            "unsubscribe": unsubscribes(followed),
            "web_scheme": web_scheme(domain.settings.details.web_scheme),
        },
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `PUT /v3/domains/{domain}/tracking/open`
pub(crate) async fn set_opens(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let active = asked.needed_flag("active")?;
    let top = asked.flag("place_at_the_top")?;
    let changed = change(&api, &domain, |followed| {
        followed.opens = active;
        followed.pixel_at_the_top = top.unwrap_or(followed.pixel_at_the_top);
    });
    let body = json!({ "message": UPDATED, "open": opens(&changed.await?) });
    Ok(json_response(StatusCode::OK, &body))
}

/// `PUT /v3/domains/{domain}/tracking/click`
pub(crate) async fn set_clicks(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let Some(which) = asked.choice("active", &CLICKS)? else {
        return Err(ApiError::bad_request("active parameter is missing"));
    };
    let changed = change(&api, &domain, |followed| followed.clicks = which);
    let body = json!({ "message": UPDATED, "click": clicks(&changed.await?) });
    Ok(json_response(StatusCode::OK, &body))
}

/// `PUT /v3/domains/{domain}/tracking/unsubscribe`
pub(crate) async fn set_unsubscribes(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let active = asked.flag("active")?;
    let html = asked.text("html_footer", LONGEST_FOOTER)?;
    let text = asked.text("text_footer", LONGEST_FOOTER)?;
    if active.is_none() && html.is_none() && text.is_none() {
        return Err(ApiError::bad_request("active parameter is missing"));
    }
    let changed = change(&api, &domain, |followed| {
        followed.unsubscribes = active.unwrap_or(followed.unsubscribes);
        followed.html_footer = html.clone().or_else(|| followed.html_footer.take());
        followed.text_footer = text.clone().or_else(|| followed.text_footer.take());
    });
    let body = json!({ "message": UPDATED, "unsubscribe": unsubscribes(&changed.await?) });
    Ok(json_response(StatusCode::OK, &body))
}

async fn change(
    api: &Api,
    domain: &Domain,
    mut change: impl FnMut(&mut Tracking) + Send,
) -> Result<Tracking, ApiError> {
    let changed = api.services.domains.change(domain, |domain| change(&mut domain.settings.details.tracking));
    Ok(changed.await?.ok_or_else(gone)?.settings.details.tracking)
}

fn opens(followed: &Tracking) -> Value {
    json!({ "active": followed.opens, "place_at_the_top": followed.pixel_at_the_top })
}

/// Strict clients read `active` as a boolean, so that HTML alone has a word of its own.
fn clicks(followed: &Tracking) -> Value {
    let html_only = followed.clicks == ClickTracking::HtmlOnly;
    json!({ "active": followed.clicks != ClickTracking::No, "html_only": html_only })
}

fn unsubscribes(followed: &Tracking) -> Value {
    json!({
        "active": followed.unsubscribes,
        "html_footer": followed.html_footer.as_deref().unwrap_or(HTML_FOOTER),
        "text_footer": followed.text_footer.as_deref().unwrap_or(TEXT_FOOTER),
    })
}

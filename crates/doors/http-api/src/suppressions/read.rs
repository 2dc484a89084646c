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
use waxseal_mail::{Address, date};
use waxseal_model::{Timestamp, suppression::SuppressionKind};
use waxseal_store::{
    domain::Domain,
    suppression::{NewSuppression, SuppressionDetails},
};

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
/// Longest text of a bounce, or reason of an entry of the allow list, in characters.
const LONGEST_TEXT: usize = 1_024;
/// Tags that one unsubscription may name, and the longest of them in characters.
const MOST_TAGS: usize = 100;
const LONGEST_TAG: usize = 128;

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
                entries.push(entry(list, &domain, form, now).map_err(|error| error.of_item(index))?);
            }
            keep(&api, list, entries).await?;
            let message = format!("{count} {}", list.many_added);
            Ok(json_response(StatusCode::OK, &json!({ "message": message })))
        }
    }
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
    let address = match (list.takes_domains(), form.take_first("address"), form.take_first("domain")) {
        (_, Some(address), _) if !address.trim().is_empty() => self::address(&address)?,
        (true, _, Some(domain)) if !domain.trim().is_empty() => all_of(&domain)?,
        (true, ..) => return Err(Refused("Missing mandatory parameter: address/domain".into())),
        (false, ..) => return Err(Refused("Missing mandatory parameter: address".into())),
    };
    let created_at = match form.take_first("created_at").filter(|text| !text.trim().is_empty()) {
        None => now,
        Some(text) => date::parse(text.trim()).ok_or_else(|| {
            Refused("created_at parameter is not an RFC 2822 date or seconds since the epoch".into())
        })?,
    };
    let mut details = SuppressionDetails::default();
    match list.kind {
        SuppressionKind::Bounce => {
            details.code = code(form.take_first("code"))?;
            details.error = text("error", form.take_first("error"))?;
        }
        SuppressionKind::Unsubscribe => details.tags = tags(&mut form)?,
        SuppressionKind::Complaint => {}
        SuppressionKind::Allow => details.error = text("reason", form.take_first("reason"))?,
    }
    // What is to come has not happened.
    let created_at = created_at.min(now);
    Ok(NewSuppression {
        account: domain.account,
        domain: domain.id,
        kind: list.kind,
        address,
        details,
        created_at,
    })
}

fn address(text: &str) -> Result<String, Refused> {
    let read = Address::parse(text.trim());
    read.map(|address| address.to_string())
        .map_err(|error| Refused(format!("address parameter is not a valid address: {error}")))
}

/// What stands for all addresses of a domain.
fn all_of(domain: &str) -> Result<String, Refused> {
    let read = Address::new("x", domain.trim());
    read.map(|address| format!("@{}", address.domain()))
        .map_err(|_| Refused("domain parameter is not a domain name".into()))
}

fn code(text: Option<String>) -> Result<String, Refused> {
    let text = text.unwrap_or_default();
    match text.trim() {
        "" => Ok("550".into()),
        code if code.len() <= 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => Ok(code.to_owned()),
        _ => Err(Refused("code parameter must be a number of three digits at most".into())),
    }
}

fn text(name: &str, text: Option<String>) -> Result<String, Refused> {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refused(format!("{name} parameter is longer than {LONGEST_TEXT} characters")));
    }
    Ok(text)
}

fn tags(form: &mut Form) -> Result<Vec<String>, Refused> {
    let named = form.take_all("tags").into_iter().chain(form.take_all("tag"));
    let tags: Vec<_> = named.map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
    let printable = |tag: &String| tag.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if tags.len() > MOST_TAGS || tags.iter().any(|tag| tag.len() > LONGEST_TAG || !printable(tag)) {
        return Err(Refused(format!(
            "tags are at most {MOST_TAGS}, of {LONGEST_TAG} ASCII characters at most"
        )));
    }
    Ok(if tags.is_empty() { vec!["*".into()] } else { tags })
}

/// Why an entry is none.
struct Refused(String);

impl Refused {
    /// The same of one of several.
    fn of_item(self, index: usize) -> Self {
        Self(format!("item {index}: {}", self.0))
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::bad_request(refused.0)
    }
}

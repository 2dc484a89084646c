//! Keys that take the place of others.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use waxseal_accounts::caller::Caller;
use waxseal_domains::signing_keys::SigningKey;
use waxseal_store::domain::{DkimAlgorithm, Domain};

use super::{
    gone,
    keys::not_added,
    known,
    render::{id, state},
};
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::Api,
};

/// Days between two keys.
const LEAST_DAYS: u32 = 5;
const USUAL_DAYS: u32 = 120;
const MOST_DAYS: u32 = 3_650;

/// `PUT /v1/dkim_management/domains/{domain}/rotation`
pub(crate) async fn set_rotation(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let enabled = asked.needed_flag("rotation_enabled")?;
    let days = asked.0.take_word("rotation_interval").map(|interval| days(&interval)).transpose()?;
    let now = api.services.clock.now();
    let change = |change: &mut waxseal_store::domain::DomainChange| {
        let rotation = &mut change.settings.details.rotation;
        if enabled && rotation.every_days.is_none() {
            rotation.since = now.as_micros();
        }
        rotation.every_days = enabled.then(|| days.or(rotation.every_days).unwrap_or(USUAL_DAYS));
        // When to look at it next is worked out then.
        change.tend_at = Some(now);
    };
    let domain = api.services.domains.change(&domain, change).await?.ok_or_else(gone)?;
    Ok(json_response(StatusCode::OK, &json!({ "domain": shown(&api, &domain).await? })))
}

/// `POST /v1/dkim_management/domains/{domain}/rotate`: makes the next key. It signs once its record is seen.
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let next = api.services.domains.rotate(&domain).await.map_err(not_added)?;
    let body = json!({ "message": "ok", "dns_record": super::render::record(&next.record, None) });
    Ok(json_response(StatusCode::OK, &body))
}

async fn shown(api: &Api, domain: &Domain) -> Result<Value, ApiError> {
    let keys = api.services.domains.signing_keys(domain).await?;
    let rotation = &domain.settings.details.rotation;
    let awaited = |key: &SigningKey| rotation.awaited.contains(&key.key.id.as_u128());
    let is_rsa = |key: &&SigningKey| key.key.algorithm == DkimAlgorithm::RsaSha256;
    let mut rsa: Vec<&SigningKey> = keys.iter().filter(is_rsa).collect();
    // Of a domain that waits for its records, the key that is to sign.
    rsa.sort_by_key(|key| (!key.key.active, !awaited(key)));
    let signs = rsa.first().filter(|key| key.key.active || awaited(key));
    let records: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({
                "name": key.record.name,
                "type": key.record.record_type,
                "identifier": key.key.selector,
                "value": key.record.value,
                "comment": if key.key.active { "signs" } else { "does not sign" },
            })
        })
        .collect();
    let every_days = rotation.every_days;
    Ok(json!({
        "id": id(domain.id),
        "account_id": domain.account.to_string(),
        "sid": id(domain.id),
        "name": domain.name,
        "state": state(domain.state),
        "active_selector": signs.map(|key| key.key.selector.as_str()).unwrap_or_default(),
        "rotation_enabled": every_days.is_some().to_string(),
        "rotation_interval": every_days.map(|days| format!("{days}d")).unwrap_or_default(),
        "records": records,
    }))
}

/// Days of `5d`, `2w`, `6m` or `1y`.
fn days(interval: &str) -> Result<u32, ApiError> {
    let unit = interval.chars().last().unwrap_or_default().to_ascii_lowercase();
    let each = match unit {
        'd' => 1,
        'w' => 7,
        'm' => 30,
        'y' => 365,
        _ => 0,
    };
    let number = interval.get(..interval.len().saturating_sub(unit.len_utf8())).unwrap_or_default();
    let days = number.trim().parse::<u32>().ok().and_then(|number| number.checked_mul(each));
    days.filter(|days| (LEAST_DAYS..=MOST_DAYS).contains(days)).ok_or_else(|| {
        ApiError::bad_request(format!(
            "rotation_interval parameter must be a time from {LEAST_DAYS}d to {MOST_DAYS}d, such as 30d, 8w or 6m"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_a_unit() {
        for (text, expected) in [("5d", 5), ("2w", 14), ("6M", 180), ("1y", 365)] {
            assert_eq!(days(text).ok(), Some(expected), "{text}");
        }
        for text in ["", "d", "4d", "5", "-5d", "5h", "99999999999d", "11y", "5ö"] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}

//! The audit trail by command: check it, give it out.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use waxseal_model::Timestamp;
use waxseal_privacy::audit::{Operator, Query};

use super::existing;
use crate::house::House;

pub(super) async fn verify(house: &House) -> Result<Value> {
    let verdict = house.audit.verify().await?;
    Ok(serde_json::to_value(verdict)?)
}

pub(super) async fn export(
    house: &House,
    since: Option<String>,
    account: Option<String>,
    by: Option<String>,
) -> Result<Value> {
    let since = since.map(|since| time("--since", &since)).transpose()?;
    let account = match account {
        Some(account) => Some(existing(house, &account).await?),
        None => None,
    };
    let by = match by {
        Some(by) => Some(by.parse::<Operator>().map_err(|why| anyhow::anyhow!("--by: {why}"))?),
        None => None,
    };
    let entries = house.audit.entries(Query { since, account, by, ..Query::default() }).await?;
    Ok(json!({ "entries": entries }))
}

/// A time as people write it: a day, or a moment with its zone.
pub(super) fn time(option: &str, text: &str) -> Result<Timestamp> {
    let moment = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => {
            let Ok(day) = text.parse::<jiff::civil::Date>() else {
                bail!("{option} {text}: expected a day (2026-03-01) or a time (2026-03-01T12:00:00Z)");
            };
            day.to_zoned(jiff::tz::TimeZone::UTC).context(option.to_owned())?.timestamp()
        }
    };
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}

//! The promises by command.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use waxseal_privacy::{
    audit::{AuditActor, Operator},
    policy::{SignedReport, Tally, nightly},
};

use crate::{house::House, policy};

/// Checks every row now; where no report has been kept since one was due, this becomes it.
pub(super) async fn verify(house: &House, by: Operator) -> Result<Value> {
    let report = policy::report(house, AuditActor::Operator(by)).await?;
    let rows = serde_json::to_value(&report.rows)?;
    let Tally { works, not_yet, failed } = Tally::of(&report.rows);
    if nightly::is_due(&house.reports, house.clock.now(), house.config.verify_at).await.unwrap_or(false) {
        house.reports.keep(report).await?;
    }
    Ok(json!({ "rows": rows, "works": works, "not_yet": not_yet, "failed": failed, "sound": failed == 0 }))
}

/// The report of a day, or the latest, with its signature.
pub(super) async fn report(house: &House, day: Option<&str>) -> Result<Value> {
    if let Some(day) = day
        && day.parse::<jiff::civil::Date>().is_err()
    {
        bail!("{day}: expected a day, such as 2026-03-01");
    }
    let Some(signed) = house.reports.of(day).await? else {
        bail!("there is no such report: the server makes one every night, `waxseal policy verify` the first");
    };
    let rows = serde_json::to_value(&signed.report.rows)?;
    Ok(json!({ "rows": rows, "signed": signed }))
}

/// Whether a file is as this instance signed it.
pub(super) async fn verify_report(house: &House, file: &str) -> Result<Value> {
    let Some(signed) = SignedReport::read(file.as_bytes()) else {
        return Ok(json!({ "sound": false, "found": "it is not as it was signed" }));
    };
    let own = house.reports.is_own(&signed).await?;
    let found =
        if own { "as this instance signed it" } else { "signed with another key than this instance's" };
    Ok(json!({ "sound": own, "found": found, "at": signed.report.at, "key": signed.key }))
}

//! `waxseal policy`: every promise, how it is kept, and what was checked just now on this instance.
//!
//! The table is in the files of the chapters, a row each: the promise in few words, the mechanism, what is missing, and
//! the check that runs. Nothing here says `works` by itself: that takes a check that held and nothing missing.

mod choices;
mod collection;
mod content;
mod figures;
mod proof;
mod row;
mod security;
mod service;
mod sharing;
mod standards;
mod table;
#[cfg(test)]
mod tests;

use anyhow::Result;
use waxseal_privacy::{
    audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose},
    policy::{CheckedRow, Report, RowState, Tally},
};

use self::row::{Found, Instance, Row};
pub(crate) use self::table::table;
use crate::house::House;

/// The table, chapter by chapter.
const CHAPTERS: [&[Row]; 7] = [
    service::ROWS,
    collection::ROWS,
    content::ROWS,
    sharing::ROWS,
    choices::ROWS,
    security::ROWS,
    standards::ROWS,
];

/// Checks every row, and records in the audit trail who asked and what was found.
pub(crate) async fn report(house: &House, actor: AuditActor) -> Result<Report> {
    let rows = check(house).await;
    let Tally { works, not_yet, failed } = Tally::of(&rows);
    let what = AuditEvent::PolicyReported { works, not_yet, failed };
    let entry = AuditEntry { actor, purpose: AuditPurpose::SelfCheck, what, account: None, count: 1 };
    house.audit.record(entry).await?;
    let trail = house.audit.verify().await?;
    Ok(Report {
        at: house.clock.now().as_micros(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home_region: house.config.home_region.clone(),
        audit_entries: trail.entries,
        audit_head: trail.head,
        rows,
    })
}

/// Checks every row, one after the other.
async fn check(house: &House) -> Vec<CheckedRow> {
    let instance = Instance::of(house);
    let mut rows = Vec::new();
    for row in CHAPTERS.into_iter().flatten() {
        rows.push(judged(row, row.look(&instance).await));
    }
    rows
}

/// The state follows from what the check found and what the row says is missing.
fn judged(row: &Row, found: Result<Option<Found>>) -> CheckedRow {
    let missing = row.missing.map(str::to_owned);
    let (state, checked, missing) = match found {
        Err(error) => (RowState::Failed, format!("{error:#}"), missing),
        Ok(None) => (RowState::NotYet, "nothing: it is not built".to_owned(), missing),
        Ok(Some(Found { text, lacks })) => {
            let missing = match (missing, lacks) {
                (Some(built), Some(set_up)) => Some(format!("{built}; {set_up}")),
                (built, set_up) => built.or(set_up),
            };
            let state = if missing.is_some() { RowState::NotYet } else { RowState::Works };
            (state, text, missing)
        }
    };
    CheckedRow {
        row: row.row.to_owned(),
        state,
        mechanism: row.mechanism.to_owned(),
        checked: crate::logging::redacted(&checked).into_owned(),
        promise: row.promise.to_owned(),
        missing,
    }
}

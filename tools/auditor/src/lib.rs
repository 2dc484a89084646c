//! How old the oldest thing of each kind is, in every store of an instance, and whether it should have gone.
//!
//! It shares no code with the server and takes no limit from it: tables, files and what they are kept for are written
//! here a second time, so that a fault in the retention engine, or in the inventory that drives it, does not hide
//! itself here. It only reads.

mod backup_file;
mod config;
mod database;
mod files;
mod keys;
mod limits;
mod report;
mod tables;

use anyhow::Result;

pub use self::{
    config::{Also, Instance},
    limits::Limits,
    report::{Item, Report, Store},
};

/// Looks through every store of an instance as of `now`, in microseconds since the epoch.
pub async fn audit(instance: &Instance, now: i64) -> Result<Report> {
    let at = limits::Moment { now, limits: instance.limits };
    let mut report = Report::new(now);
    let mut ring = keys::Ring::open(&instance.keys).await?;
    let mut database = database::Database::open(&instance.data, &instance.database).await?;
    tables::known(&mut database, &mut report).await?;
    let found = tables::read(&mut database, &at).await?;
    // Last, so that a key which goes meanwhile counts as gone.
    let keys = ring.keys().await?;
    for table in found {
        report.items.push(table.judged(&keys, &at));
    }
    ring.judge(&keys, &mut database, &at, &mut report).await?;
    files::judge(instance, &at, &mut report)?;
    Ok(report)
}

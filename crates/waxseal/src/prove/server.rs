//! What belongs to PostgreSQL and not to Waxseal: its log of changes (`pg_wal`) and what it writes to its own log.

use anyhow::Result;
use waxseal_store::proof::{Recycled, Scratch};

use super::{report::Report, traces::Traces};

const WHAT: &str = "after: PostgreSQL's log of changes shows nothing of it";

/// Looks through them, where they can be read. Where the proof may, the log of changes is brought to be written over first.
pub(super) async fn look(report: &mut Report, scratch: &Scratch, traces: &Traces) -> Result<()> {
    let recycled = scratch.recycle_wal().await?;
    let Some(files) = scratch.files().await? else {
        let none =
            "PostgreSQL's log of changes and its own log: not searched, no access to the server's files";
        report.notes.push(none.into());
        return Ok(());
    };
    let found = traces.in_files(&[files.wal]).await?;
    let told = format!("{} hits in {} files of {} bytes", found.hits, found.files, found.bytes);
    match recycled {
        Recycled::Segments(segments) => {
            let told = format!("{told}, after {segments} segments were written over it{}", found.told());
            report.check(WHAT, found.hits == 0, told);
        }
        Recycled::NotAllowed => report.notes.push(format!(
            "PostgreSQL's log of changes: {told}; it is not the proof's to have it written over, and goes by PostgreSQL's rules"
        )),
        Recycled::TooMany(segments) => report.notes.push(format!(
            "PostgreSQL's log of changes: {told}; with {segments} segments it is too long to have it written over"
        )),
    }
    match files.log {
        Some(folder) => {
            let found = traces.in_files(&[folder]).await?;
            let told = format!(
                "{} hits in {} files of {} bytes{}",
                found.hits,
                found.files,
                found.bytes,
                found.told()
            );
            report.check("the whole run: PostgreSQL's own log shows nothing of it", found.hits == 0, told);
        }
        None => report
            .notes
            .push("PostgreSQL's own log: not searched, it goes to standard error or cannot be read".into()),
    }
    Ok(())
}

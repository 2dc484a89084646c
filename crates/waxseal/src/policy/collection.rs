//! What is collected: P1 and P2.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, ensure};
use waxseal_model::data_class::Subject;
use waxseal_privacy::inventory;
use waxseal_store::Store;

use super::{
    figures::kept,
    row::{Found, Instance, Row},
};
use crate::logging;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "P1",
        promise: "Every stored field is classified as personal or not; one nobody classified cannot ship",
        mechanism: "one inventory of columns, files, log fields, metric labels, memory and what passes: an exhaustive \
                    match over each table's columns, without which nothing compiles; a log that leaves out fields it \
                    does not know; the live schema and the data folder are compared with it",
        missing: None,
        check: Some(|instance| Box::pin(classified(instance))),
    },
    Row {
        row: "P2",
        promise: "Log data is non-personal or short-lived; web logs hold no more than is listed",
        mechanism: "everything logged passes a filter that takes addresses out; no web log exists; events are \
                    deleted and their day's key destroyed; the audit trail stays, with pseudonyms and without names",
        missing: None,
        check: Some(|instance| Box::pin(short_lived_logs(instance))),
    },
];

async fn classified(instance: &Instance<'_>) -> Result<Found> {
    let live: BTreeSet<(String, String)> = instance.house.store.live_columns().await?.into_iter().collect();
    let map = Store::data_map();
    let known: BTreeSet<(String, String)> =
        map.iter().map(|column| (column.table.to_owned(), column.column.to_owned())).collect();
    let names = |columns: Vec<&(String, String)>| {
        columns.iter().map(|(table, column)| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
    };
    let unclassified: Vec<_> = live.difference(&known).collect();
    ensure!(unclassified.is_empty(), "columns without a class: {}", names(unclassified));
    let gone: Vec<_> = known.difference(&live).collect();
    ensure!(gone.is_empty(), "classes without a column: {}", names(gone));
    let personal = map.iter().filter(|column| column.class.subject != Subject::Nobody).count();
    let tables = live.iter().map(|(table, _)| table).collect::<BTreeSet<_>>().len();
    let config = &instance.house.config;
    let (folder, keys) = (config.data_dir.clone(), config.key_store().to_owned());
    let (files, strange) = tokio::task::spawn_blocking(move || files(&folder, &keys)).await??;
    let text = format!(
        "{} columns of {tables} tables in the live schema, 0 unclassified; {personal} personal, {} not; {files} files, {} \
         unknown",
        live.len(),
        map.len() - personal,
        strange.len(),
    );
    ensure!(strange.is_empty(), "{text}; not Waxseal's, so move them away: {}", strange.join(", "));
    Found::all(text)
}

/// How many files the folders of data and keys hold, and the first of those that the inventory does not know.
fn files(top: &Path, keys: &Path) -> Result<(usize, Vec<String>)> {
    let (mut known, mut strange, mut folders) = (0, Vec::new(), vec![top.to_owned()]);
    if !keys.starts_with(top) {
        folders.push(keys.to_owned());
    }
    while let Some(folder) = folders.pop() {
        // What nobody may read is not Waxseal's: `lost+found` of a disk.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            let apart = path.strip_prefix(keys).ok().filter(|_| keys != top);
            let name = apart.map_or_else(|| path.strip_prefix(top), Ok)?.display().to_string();
            let is_known = match apart {
                Some(_) => inventory::knows_key_file(&name),
                None => inventory::knows_file(&name),
            };
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if is_known {
                known += 1;
            } else if strange.len() < 10 {
                strange.push(name);
            }
        }
    }
    Ok((known, strange))
}

/// Forms in which an address could get into a log.
const FORMS: [&str; 5] = [
    "550 5.1.1 <canary@example.org>: unknown",
    "RCPT TO:<canary@example.org> SIZE=1",
    "GET /v3/example.org/events?recipient=canary%40example.org",
    "\"canary sparrow\"@example.org gone",
    "to=canary@[192.0.2.1]",
];

async fn short_lived_logs(instance: &Instance<'_>) -> Result<Found> {
    for (number, form) in FORMS.into_iter().enumerate() {
        ensure!(
            !logging::redacted(form).contains("canary"),
            "form {number} of an address passes the log's filter"
        );
    }
    let events = kept(instance.holdings().await?.events, "events")?;
    let days = instance.house.config.events_days;
    Found::all(format!(
        "{} forms of addresses through the log's filter: 0 passed; {events} of {days} days; web logs: none are written",
        FORMS.len()
    ))
}

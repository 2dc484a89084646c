//! Where a term is kept in the tables, and in those of backups: places and counts. What customers write is not searched:
//! an operator would learn from yes and no what stands in it. The files are searched by whoever asked, in a process of its
//! own: one that closes a database's file loses the locks that SQLite holds on it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use waxseal_model::{Access, actor, data_class::AtRest, purpose};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose, Operator};
use waxseal_scan::Scanner;
use waxseal_store::{
    backup::{BackupError, BackupKey},
    search::{Look, Place, Searched},
};

use crate::house::House;

/// Looks through every column, and through those of backups; what was opened on the way is recorded.
pub(super) async fn tables(house: &House, by: Operator, term: &str, backups: &[PathBuf]) -> Result<Value> {
    let scanner = Arc::new(Scanner::new([term]).context("the term")?);
    let look: Look = {
        let scanner = Arc::clone(&scanner);
        Arc::new(move |value: &[u8]| scanner.count(value).total())
    };
    let access = Access::new(actor::Operator, purpose::Operation);
    let mut searched = house.store.search(term, Arc::clone(&look), &access).await?;
    let (mut in_backups, mut unopened) = (Vec::new(), Vec::new());
    for path in backups {
        let named = scanner.count(path.as_os_str().as_encoded_bytes()).total() > 0;
        let name = if named { "a file named after it".into() } else { path.display().to_string() };
        match backup(house, path, term, &look, &access).await {
            Ok(found) => {
                searched.values += found.values;
                searched.opened += found.opened;
                searched.unreadable += found.unreadable;
                in_backups.extend(found.places.iter().map(|place| found_in(place, &name)));
            }
            // Its text names the file.
            Err(_) if named => unopened.push(name),
            Err(error) => unopened.push(error.to_string()),
        }
    }
    let Searched { places, values, opened, unreadable, not_searched } = searched;
    let entry = AuditEntry {
        actor: AuditActor::Operator(by),
        purpose: AuditPurpose::Operation,
        what: AuditEvent::ValuesOpened,
        account: None,
        count: opened,
    };
    house.audit.record(entry).await?;
    let engine = match house.config.store_url.expose() {
        "sqlite" => "sqlite",
        _ => "postgres",
    };
    let mut matches: Vec<Value> = places.iter().map(|place| found(place, engine)).collect();
    matches.extend(in_backups);
    let not_searched: Vec<String> =
        not_searched.iter().map(|(table, column)| format!("{table}.{column}")).collect();
    Ok(json!({
        "matches": matches,
        "values": values,
        "opened": opened,
        "unreadable": unreadable,
        "not_searched": not_searched,
        "backups": backups.len() - unopened.len(),
        "backups_not_opened": unopened,
    }))
}

async fn backup(
    house: &House,
    path: &Path,
    term: &str,
    look: &Look,
    access: &Access<purpose::Operation>,
) -> Result<Searched, BackupError> {
    let key = BackupKey::load(&house.backups.config().key, None).await?;
    house.store.search_backup(path, &key, term, look, access).await
}

fn found_in(place: &Place, file: &str) -> Value {
    let (table, rests) = (place.table, rests(place.at_rest));
    json!({ "store": "backup", "place": format!("{file}: {table}.{} ({rests})", place.column), "count": place.rows })
}

fn found(place: &Place, engine: &str) -> Value {
    let (store, table) = match place.table.strip_prefix("keys.") {
        Some(table) => ("keys", table),
        None => (engine, place.table),
    };
    let rests = rests(place.at_rest);
    json!({ "store": store, "place": format!("{table}.{} ({rests})", place.column), "count": place.rows })
}

const fn rests(at_rest: AtRest) -> &'static str {
    match at_rest {
        AtRest::Clear => "clear",
        AtRest::KeyedHash => "keyed hash",
        AtRest::SealedByAccount | AtRest::SealedByDay | AtRest::SealedByMaster => "sealed",
        AtRest::AsColumns | AtRest::Nowhere => "not a column",
    }
}

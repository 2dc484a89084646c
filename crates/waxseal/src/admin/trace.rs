//! Where a term is kept in the tables: places and counts. The files are searched by whoever asked, in a process of its
//! own: one that closes a database's file loses the locks that SQLite holds on it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use waxseal_model::{Access, actor, data_class::AtRest, purpose};
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose};
use waxseal_scan::Scanner;
use waxseal_store::search::{Place, Searched};

use crate::house::House;

/// Looks through every column; what was opened on the way is recorded.
pub(super) async fn tables(house: &House, term: &str) -> Result<Value> {
    let scanner = Scanner::new([term]).context("the term")?;
    let look = Arc::new(move |value: &[u8]| scanner.count(value).total());
    let access = Access::new(actor::Operator, purpose::Operation);
    let Searched { places, values, opened, unreadable } = house.store.search(term, look, &access).await?;
    let entry = AuditEntry {
        actor: AuditActor::Operator,
        purpose: AuditPurpose::Operation,
        what: AuditEvent::ContentOpened,
        account: None,
        count: opened,
    };
    house.audit.record(entry).await?;
    let engine = match house.config.store_url.expose() {
        "sqlite" => "sqlite",
        _ => "postgres",
    };
    let matches: Vec<Value> = places.iter().map(|place| found(place, engine)).collect();
    Ok(json!({ "matches": matches, "values": values, "opened": opened, "unreadable": unreadable }))
}

fn found(place: &Place, engine: &str) -> Value {
    let (store, table) = match place.table.strip_prefix("keys.") {
        Some(table) => ("keys", table),
        None => (engine, place.table),
    };
    let rests = match place.at_rest {
        AtRest::Clear => "clear",
        AtRest::KeyedHash => "keyed hash",
        AtRest::SealedByAccount | AtRest::SealedByDay | AtRest::SealedByMaster => "sealed",
        AtRest::AsColumns | AtRest::Nowhere => "not a column",
    };
    json!({ "store": store, "place": format!("{table}.{} ({rests})", place.column), "count": place.rows })
}

//! Backups, beside a running server and without one.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};
use waxseal_model::Timestamp;
use waxseal_privacy::audit::{AuditActor, Operator};
use waxseal_store::backup::{Header, Totals};

use super::named_path;
use crate::house::House;

/// Makes one.
pub(super) async fn create(house: &House, by: Operator, path: Option<PathBuf>) -> Result<Value> {
    let path = path.map(|path| named_path::check(house, by, path)).transpose()?;
    let (path, made) = house.backups.create(AuditActor::Operator(by), path).await?;
    let mut answer = told(&made.header, &made.totals);
    answer["path"] = path.display().to_string().into();
    answer["bytes"] = made.bytes.into();
    Ok(answer)
}

/// Copies the key store.
pub(super) async fn keys(house: &House, by: Operator, path: Option<PathBuf>, gone: bool) -> Result<Value> {
    let path = path.map(|path| named_path::check(house, by, path)).transpose()?;
    let (path, made) = house.key_copies.create(AuditActor::Operator(by), path, gone).await?;
    let mut answer = told(&made.header, &made.totals);
    answer["path"] = path.display().to_string().into();
    answer["bytes"] = made.bytes.into();
    answer["opens_until"] = moment(made.header.created() + house.key_copies.config().keep).into();
    Ok(answer)
}

/// Those in the folder, by what stands readable at their beginning.
pub(super) async fn list(house: &House) -> Result<Value> {
    let found = house.backups.list().await?;
    let items: Vec<Value> = found
        .iter()
        .map(|backup| {
            json!({
                "path": backup.path.display().to_string(),
                "created_at": moment(backup.header.created()),
                "bytes": backup.bytes,
                "version": backup.header.version,
                "engine": backup.header.engine,
                "kept_until": moment(backup.header.created() + house.backups.config().keep),
            })
        })
        .collect();
    Ok(json!({ "items": items }))
}

/// Deletes those whose days are over.
pub(super) async fn prune(house: &House, by: Operator) -> Result<Value> {
    let mut gone = house.backups.prune(AuditActor::Operator(by)).await?;
    gone.extend(house.key_copies.prune(AuditActor::Operator(by)).await?);
    let gone: Vec<String> = gone.iter().map(|path| path.display().to_string()).collect();
    Ok(json!({ "deleted": gone }))
}

/// What a backup says of itself.
pub(crate) fn told(header: &Header, totals: &Totals) -> Value {
    let tables: Vec<Value> = totals
        .tables
        .iter()
        .map(|total| json!({ "table": total.table, "rows": total.rows, "sha256": total.sha256 }))
        .collect();
    json!({
        "created_at": moment(header.created()),
        "version": header.version,
        "engine": header.engine,
        "schema": header.schema.last(),
        "audit_entry": header.audit.as_ref().map(|audit| audit.entry),
        "audit_head": header.audit.as_ref().map(|audit| audit.head.clone()),
        "rows": totals.rows(),
        "tables": tables,
    })
}

fn moment(at: Timestamp) -> String {
    format!("{:.0}", at.to_jiff())
}

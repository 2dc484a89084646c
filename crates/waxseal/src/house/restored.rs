//! After a restore of the database or the keys, before anybody comes in: what happened is recorded, and what is over by now goes.
//!
//! The store has erased again what was erased since. The restored database says that it is one until all of this is
//! done, so that a process that dies on the way leaves it to the next.

use anyhow::Result;
use waxseal_privacy::audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose};

use super::House;
use crate::operators::Asking;

/// Sees to a database that was restored; with any other it costs a look-up.
pub(super) async fn see_to(house: &House) -> Result<()> {
    let reapplied = house.store.reapplied();
    if reapplied.erasures > 0 {
        record(house, AuditActor::System, AuditEvent::ErasuresReapplied, reapplied.erasures).await?;
    }
    if reapplied.deletions > 0 {
        record(house, AuditActor::System, AuditEvent::DeletionsReapplied, reapplied.deletions).await?;
    }
    if house.store.keys_restored().await? {
        // What the trail told of: keys are gone already, now the rows go as well.
        house.eraser.run_once().await?;
        // Into an empty database one will be restored that needs its keys; then it is seen to.
        if !house.store.accounts(None, 1).await?.is_empty() {
            house.retention.run_once().await?;
            house.store.forget_keys_restored().await?;
        }
    }
    let Some(rows) = house.store.restored().await? else { return Ok(()) };
    let by = AuditActor::Operator(Asking::here(&house.config).operator());
    record(house, by, AuditEvent::BackupRestored, rows).await?;
    house.retention.run_once().await?;
    house.store.forget_restored().await?;
    Ok(())
}

async fn record(house: &House, actor: AuditActor, what: AuditEvent, count: u64) -> Result<()> {
    let entry = AuditEntry { actor, purpose: AuditPurpose::Backup, what, account: None, count };
    house.audit.record(entry).await?;
    Ok(())
}

//! What a copy of the keys cannot know: the audit trail tells what was erased, closed and opened again since it was
//! made. It is done to the ring before that gets its place, so before anybody can open anything with it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use thiserror::Error;
use waxseal_model::{AccountId, Clock};
use waxseal_store::{StoreError, backup::RestoringKeys, erasure::ErasureKind};

use crate::audit::{
    AuditActor, AuditConfig, AuditEntry, AuditError, AuditEvent, AuditPurpose, LooseTrail, Operator,
    RecordedEntry, Trouble,
};

/// What was done to the ring again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Entries of the trail that came after the copy.
    pub entries: u64,
    /// Accounts whose keys went again.
    pub erased: u64,
    /// Accounts that were closed again.
    pub closed: u64,
    /// Accounts that were opened again.
    pub opened: u64,
    /// Erasures of recipients, logins and owners that were taken up again.
    pub parts: u64,
    /// Erasures of which the copy does not know whose they were: it has no keys of theirs.
    pub unknown: u64,
    /// Legal holds that were added since and are lost: they have to be added again.
    pub holds_lost: u64,
}

/// The ring was not restored.
#[derive(Debug, Error)]
pub enum RecallError {
    /// The trail does not tell reliably what happened since.
    #[error(
        "the audit trail does not tell reliably what was erased since the copy was made ({0}): put it back with its \
         anchors, or give --without-audit-trail and erase again by hand what was erased"
    )]
    Trail(Trouble),
    /// The trail could not be read or written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The ring.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tells the ring what happened since its copy was made, and the trail that it is restored. `unverified` says to go by
/// what can be read of a trail that is not as it should be.
pub async fn recall(
    by: Operator,
    ring: &RestoringKeys,
    config: AuditConfig,
    clock: Arc<dyn Clock>,
    unverified: bool,
) -> Result<Recalled, RecallError> {
    let end = ring.header().audit.clone();
    let trail = LooseTrail::open(config, &ring.audit_seed().await?, clock, end, unverified).await?;
    let (mut trail, entries) = trail.map_err(RecallError::Trail)?;
    let mut recalled = Recalled { entries: entries.len() as u64, ..Recalled::default() };
    // Before any of their keys goes.
    let accounts = ring.accounts().await?;
    let failed: HashSet<u64> = entries.iter().filter_map(RecordedEntry::failed).collect();
    for entry in entries.iter().filter(|entry| !failed.contains(&entry.n)) {
        tell(ring, entry, &accounts, &mut recalled).await?;
    }
    let (actor, purpose, what) = (AuditActor::Operator(by), AuditPurpose::Backup, AuditEvent::KeysRestored);
    trail.record(AuditEntry { actor, purpose, what, account: None, count: ring.totals().rows() }).await?;
    Ok(recalled)
}

async fn tell(
    ring: &RestoringKeys,
    entry: &RecordedEntry,
    accounts: &HashMap<String, AccountId>,
    recalled: &mut Recalled,
) -> Result<(), StoreError> {
    let account = entry.account.as_ref().and_then(|name| accounts.get(name).copied());
    let at = entry.time();
    let count = match (entry.what.as_str(), account) {
        ("erasure_started", Some(account)) => {
            ring.erase_account(account, at).await.map(|()| &mut recalled.erased)
        }
        ("account_delete_asked", Some(account)) => {
            let hours = entry.more.get("grace_hours").and_then(Value::as_u64).unwrap_or(0);
            let final_at = at + Duration::from_secs(hours.saturating_mul(3_600));
            ring.close_account(account, at, final_at).await.map(|()| &mut recalled.closed)
        }
        ("account_undeleted", Some(account)) => {
            ring.reopen_account(account).await?;
            Ok(&mut recalled.opened)
        }
        ("part_erasure_started", Some(account)) => {
            let word = |name| entry.more.get(name).and_then(Value::as_str);
            let subject = word("subject").map(hex::decode).transpose().unwrap_or(Some(Vec::new()));
            match word("part").and_then(ErasureKind::parse) {
                Some(kind) => ring
                    .erase_part(kind, account, subject.as_deref(), at)
                    .await
                    .map(|known| if known { &mut recalled.parts } else { &mut recalled.unknown }),
                None => Ok(&mut recalled.unknown),
            }
        }
        ("erasure_started" | "part_erasure_started", None) => Ok(&mut recalled.unknown),
        ("hold_added", _) => Ok(&mut recalled.holds_lost),
        _ => return Ok(()),
    };
    match count {
        Ok(count) => *count += 1,
        // Its keys have gone in the meantime, and everything with them.
        Err(StoreError::Erased) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

//! Taking only what may leave: what is ready and paused is set aside on the way.

use std::sync::Arc;

use waxseal_model::{AccountId, DomainId, Timestamp};

use super::take;
use crate::{
    entity::queue_entry,
    error::StoreError,
    message::NewQueueEntry,
    open::Store,
    queue::{
        LeaseId, LeaseRequest, LeasedEntry,
        pause::{Current, Leaving, set_aside},
    },
    rows::RowId,
    writer::Tx,
};

/// How often one lease looks further, if all that it found is paused: it shall not take long.
const LOOKS: u32 = 8;

/// What one lease took.
pub(super) struct Taken {
    pub(super) rows: Vec<queue_entry::Model>,
    /// Something was set aside.
    pub(super) set_aside: bool,
    /// All that it looked at was paused or passed over, so that there may be more behind.
    pub(super) there_is_more: bool,
}

/// [`take::take`] until there is enough that may leave.
pub(super) async fn take(
    tx: &Tx,
    (request, skip): (LeaseRequest, take::Skip),
    lease: LeaseId,
    walk: &mut take::Walk,
    (closed, pauses): (&[Vec<u8>], &Arc<Current>),
) -> Result<Taken, StoreError> {
    let mut taken = Taken { rows: Vec::new(), set_aside: false, there_is_more: false };
    for _ in 0..LOOKS {
        let left = request.limit.saturating_sub(u32::try_from(taken.rows.len()).unwrap_or(u32::MAX));
        let wanted = LeaseRequest { limit: left, ..request.clone() };
        let rows = take::take(tx, (wanted, &skip), lease, walk, closed).await?;
        let (paused, free): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| pauses.holds_row(row, request.now));
        taken.rows.extend(free);
        taken.there_is_more = !paused.is_empty();
        if paused.is_empty() {
            break;
        }
        taken.set_aside = true;
        let ids: Vec<_> = paused.into_iter().map(|row| row.id).collect();
        set_aside(tx, &ids, lease, pauses.round).await?;
        if taken.rows.len() >= request.limit as usize {
            break;
        }
    }
    taken.there_is_more |= walk.goes_on();
    Ok(taken)
}

impl Store {
    /// Sets aside what turns out to be paused now that it is open.
    pub(super) async fn leave_paused(
        &self,
        entries: &mut Vec<LeasedEntry>,
        hashes: &mut Vec<Option<Vec<u8>>>,
        lease: LeaseId,
    ) -> Result<(), StoreError> {
        let pauses = self.inner.pauses.current();
        if !pauses.names_recipients() {
            return Ok(());
        }
        let (mut kept, mut kept_hashes, mut paused) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, hash) in entries.drain(..).zip(hashes.drain(..)) {
            if pauses.holds(self, &entry) {
                paused.push(entry.id.to_row());
            } else {
                kept.push(entry);
                kept_hashes.push(hash);
            }
        }
        (*entries, *hashes) = (kept, kept_hashes);
        if paused.is_empty() { Ok(()) } else { self.set_taken_aside(paused, lease, pauses.round).await }
    }

    /// Whether one of these recipients is paused: their message waits in the queue.
    pub(crate) fn is_any_paused(
        &self,
        (account, domain): (AccountId, DomainId),
        entries: &[NewQueueEntry],
    ) -> bool {
        self.is_paused()
            && entries.iter().any(|entry| {
                let (to, recipient) = (entry.envelope.recipient_domain(), entry.envelope.recipient.as_str());
                self.pause_on(&Leaving { account, domain, to, recipient, provider: None }).is_some()
            })
    }

    /// When the next pause ends by itself.
    pub(super) fn next_pause_end(&self) -> Option<Timestamp> {
        self.inner.pauses.current().next_end()
    }
}

//! Second copies: what was sent and not answered when a process died, and what becomes of it.
//!
//! Before the end of a message goes out, its entries are noted in the store; the notes go when the outcome is
//! committed. So after a crash the entries that have a note, and no others, may already have been delivered.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use waxseal_model::RecipientId;
use waxseal_store::{
    Store, StoreError,
    queue::LeasedEntry,
    sent_notes::{SentNote, Uncertain},
};

/// What to do after a crash with entries that may already have been delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterCrash {
    /// Try again: at worst a second copy arrives.
    #[default]
    Retry,
    /// Wait until an operator asks for another try: at worst nothing arrives until then.
    Hold,
}

/// Notes the entries of a message whose end is about to be sent.
pub(crate) struct EndNote {
    store: Store,
    notes: Vec<SentNote>,
}

impl EndNote {
    pub(crate) fn new(store: &Store, entries: &[LeasedEntry]) -> Self {
        let note = |entry: &LeasedEntry| SentNote { entry: entry.id, attempts: entry.attempts };
        Self { store: store.clone(), notes: entries.iter().map(note).collect() }
    }

    /// Whether the notes are on stable storage: without them the end must not go out.
    pub(crate) async fn write(&self) -> bool {
        let written = self.store.note_sent(&self.notes).await;
        if let Err(error) = &written {
            tracing::error!(%error, "the end of a message is held back: it cannot be noted now");
        }
        written.is_ok()
    }
}

/// Entries whose next outcome may be that of a second copy.
#[derive(Default)]
pub(crate) struct SecondCopies {
    entries: Mutex<HashSet<RecipientId>>,
}

impl SecondCopies {
    /// Names what may have been delivered before the process ended last, and frees it or holds it.
    pub(crate) async fn of_last_time(store: &Store, policy: AfterCrash) -> Result<Self, StoreError> {
        let uncertain = store.uncertain().await?;
        for Uncertain { entry, message } in &uncertain {
            tracing::warn!(
                mail = %message, recipient = %entry, held = (policy == AfterCrash::Hold),
                "sent and not answered when the process ended: another try may bring a second copy",
            );
        }
        metrics::counter!("waxseal_delivery_uncertain_total").increment(uncertain.len() as u64);
        let entries: Vec<_> = uncertain.iter().map(|one| one.entry).collect();
        if policy == AfterCrash::Hold && !entries.is_empty() {
            store.hold(&entries).await?;
        }
        Ok(Self { entries: Mutex::new(entries.into_iter().collect()) })
    }

    /// Names those of these entries that somebody else has by now: their messages went out here to their end, what came of it
    /// is not on record, and they are tried again. Which these are.
    pub(crate) async fn of_others(
        &self,
        store: &Store,
        sent: &[RecipientId],
    ) -> Result<HashSet<RecipientId>, StoreError> {
        if sent.is_empty() {
            return Ok(HashSet::new());
        }
        let queued = store.still_queued(sent).await?;
        for Uncertain { entry, message } in &queued {
            tracing::warn!(
                mail = %message, recipient = %entry,
                "sent, and taken by somebody else before that was on record: another try may bring a second copy",
            );
        }
        metrics::counter!("waxseal_delivery_uncertain_total").increment(queued.len() as u64);
        let queued: HashSet<_> = queued.iter().map(|one| one.entry).collect();
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).extend(&queued);
        Ok(queued)
    }

    pub(crate) fn contains(&self, entry: RecipientId) -> bool {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry)
    }

    /// The entry has ended.
    pub(crate) fn forget(&self, entry: RecipientId) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry);
    }
}

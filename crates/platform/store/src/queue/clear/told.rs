//! Entries that were cleared while somebody held them: known in memory until the holder has settled them.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;
use waxseal_model::RecipientId;

/// What holders are told.
pub(crate) struct Cleared {
    held: Mutex<HashSet<RecipientId>>,
    changes: watch::Sender<u64>,
    /// Marked entries may wait for their end, because the store did not answer.
    unfinished: AtomicBool,
}

impl Default for Cleared {
    fn default() -> Self {
        Self { held: Mutex::default(), changes: watch::channel(0).0, unfinished: AtomicBool::new(false) }
    }
}

impl Cleared {
    /// Tells the holders of these entries.
    pub(super) fn tell(&self, entries: &[RecipientId]) {
        if !entries.is_empty() {
            self.held().extend(entries);
            self.changes.send_modify(|count| *count += 1);
        }
    }

    pub(super) fn holds_any(&self, entries: impl IntoIterator<Item = RecipientId>) -> bool {
        let held = self.held();
        !held.is_empty() && entries.into_iter().any(|entry| held.contains(&entry))
    }

    pub(super) fn holds_something(&self) -> bool {
        !self.held().is_empty()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// These entries are settled by their holders; whether one of them was cleared.
    pub(crate) fn settled(&self, entries: &[RecipientId]) -> bool {
        let mut held = self.held();
        let before = held.len();
        if before > 0 {
            entries.iter().for_each(|entry| {
                held.remove(entry);
            });
        }
        held.len() < before
    }

    pub(super) fn set_unfinished(&self) {
        self.unfinished.store(true, Ordering::Release);
    }

    pub(super) fn take_unfinished(&self) -> bool {
        self.unfinished.swap(false, Ordering::AcqRel)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<RecipientId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Taking messages back: a queue may be cleared while its entries are in our hands.
//!
//! Until the first byte of its content goes out, a message can be taken back; from then on it goes its way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use waxseal_model::RecipientId;
use waxseal_store::{Store, queue::LeasedEntry};

use crate::{outcome::release, service::Shared};

/// Whether a message under way can still be taken back. Clones are about the same message.
#[derive(Clone)]
pub(crate) struct Recall {
    store: Store,
    entries: Arc<[RecipientId]>,
    begun: Arc<AtomicBool>,
}

impl Recall {
    pub(crate) fn new(store: &Store, entries: &[LeasedEntry]) -> Self {
        let entries = entries.iter().map(|entry| entry.id).collect();
        Self { store: store.clone(), entries, begun: Arc::default() }
    }

    /// Its content is about to go out; `false`: it must not, because the queue was cleared.
    pub(crate) fn begin(&self) -> bool {
        let may = self.begun.load(Ordering::Relaxed) || !self.is_asked();
        self.begun.store(may, Ordering::Relaxed);
        may
    }

    /// Whether it is to be taken back, and can be.
    pub(crate) fn is_due(&self) -> bool {
        !self.begun.load(Ordering::Relaxed) && self.is_asked()
    }

    /// Waits until it is to be taken back; for ever once its content has begun to go out.
    pub(crate) async fn due(&self) {
        let mut clearings = self.store.clearings();
        while !self.is_due() {
            if clearings.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn is_asked(&self) -> bool {
        self.store.is_any_cleared(self.entries.iter().copied())
    }
}

/// Gives back what waits for a connection and was cleared: the store ends it.
pub(crate) async fn give_back(shared: &Shared) {
    if !shared.store.is_anything_cleared() {
        return;
    }
    let recalled = shared.board().recall(|entry, _| shared.store.is_any_cleared([entry.id]));
    if !recalled.is_empty() {
        shared.settler.settle(recalled.iter().map(release).collect()).await;
    }
}

//! Keys seen a moment ago, so that a busy caller does not cost a look-up per message.
//!
//! Invariant: a deleted key, or one of an erased account, opens nothing in this process from the moment [`KeyCache::forget`] returns (or the
//! erasure is done),
//! and in any other process [`LIFETIME`] later at the latest.

use std::{collections::HashMap, time::Duration};

use waxseal_model::KeyId;
use waxseal_store::account::ApiKey;

/// Keys by the hash of their secret, each until its time.
#[derive(Default)]
pub(crate) struct KeyCache {
    keys: HashMap<[u8; 32], (ApiKey, Duration)>,
    generation: u64,
    /// The store's count of accounts closed, opened again and erased, as of the last look.
    closed_changes: u64,
}

impl KeyCache {
    /// Forgets everything if accounts were closed, opened again or erased since: keys of an erased one are gone.
    pub(crate) fn follow(&mut self, closed_changes: u64) {
        if self.closed_changes != closed_changes {
            self.closed_changes = closed_changes;
            self.generation += 1;
            self.keys.clear();
        }
    }

    /// The key, unless it was seen too long ago.
    pub(crate) fn look_up(&self, hash: &[u8; 32], now: Duration) -> Option<ApiKey> {
        self.keys.get(hash).filter(|(_, until)| now < *until).map(|(key, _)| key.clone())
    }

    /// Changes with every deletion.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Remembers a key read from the store when the cache was at `generation`.
    pub(crate) fn remember(&mut self, key: ApiKey, now: Duration, generation: u64) {
        if generation != self.generation {
            return;
        }
        if self.keys.len() >= MOST {
            self.keys.retain(|_, (_, until)| now < *until);
            if self.keys.len() >= MOST {
                self.keys.clear();
            }
        }
        self.keys.insert(key.secret_hash, (key, now + LIFETIME));
    }

    /// Forgets a key that was deleted.
    pub(crate) fn forget(&mut self, id: KeyId) {
        self.generation += 1;
        self.keys.retain(|_, (key, _)| key.id != id);
    }
}

const MOST: usize = 10_000;
const LIFETIME: Duration = Duration::from_secs(5);

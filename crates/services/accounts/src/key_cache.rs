//! Keys seen a moment ago, so that a busy caller does not cost a look-up per message.
//!
//! Invariant: a deleted key opens nothing in this process from the moment [`KeyCache::forget`] returns,
//! and in any other process [`LIFETIME`] later at the latest.

use std::{collections::HashMap, time::Duration};

use waxseal_model::KeyId;
use waxseal_store::account::ApiKey;

/// Keys by the hash of their secret, each until its time.
#[derive(Default)]
pub(crate) struct KeyCache {
    keys: HashMap<[u8; 32], (ApiKey, Duration)>,
    generation: u64,
}

impl KeyCache {
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

//! Unwrapped keys in memory.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use waxseal_model::AccountId;

use super::KeyName;
use crate::seal::{DataKey, Pepper};

/// So many keys are kept unwrapped (about 1 KB each); beyond that the cache starts afresh.
const MOST: usize = 50_000;

/// Unwrapped keys by name and by number.
#[derive(Default)]
pub(crate) struct Cache {
    keys: RwLock<Keys>,
}

#[derive(Default)]
struct Keys {
    by_name: HashMap<KeyName, Arc<DataKey>>,
    by_number: HashMap<i64, Arc<DataKey>>,
    peppers: HashMap<AccountId, Arc<Pepper>>,
}

impl Cache {
    /// The current key of this name.
    pub(crate) fn by_name(&self, name: KeyName) -> Option<Arc<DataKey>> {
        self.read().by_name.get(&name).cloned()
    }

    /// The key with this number.
    pub(crate) fn by_number(&self, number: i64) -> Option<Arc<DataKey>> {
        self.read().by_number.get(&number).cloned()
    }

    /// The pepper of an account.
    pub(crate) fn pepper(&self, account: AccountId) -> Option<Arc<Pepper>> {
        self.read().peppers.get(&account).cloned()
    }

    /// Remembers a pepper.
    pub(crate) fn insert_pepper(&self, account: AccountId, pepper: &Arc<Pepper>) {
        let mut keys = self.write();
        if keys.peppers.len() >= MOST {
            keys.peppers.clear();
        }
        keys.peppers.insert(account, Arc::clone(pepper));
    }

    /// Remembers a key.
    pub(crate) fn insert(&self, name: KeyName, key: &Arc<DataKey>) {
        let mut keys = self.write();
        if keys.by_name.len() >= MOST {
            // Keys in somebody's hands stay: see `evict_unused`.
            keys.by_name.retain(|_, key| Arc::strong_count(key) > 2);
            let held: HashMap<_, _> =
                keys.by_name.values().map(|key| (key.number(), Arc::clone(key))).collect();
            keys.by_number = held;
        }
        keys.by_name.insert(name, Arc::clone(key));
        keys.by_number.insert(key.number(), Arc::clone(key));
    }

    /// Forgets the key unless somebody else holds it: whether it is forgotten.
    pub(crate) fn evict_unused(&self, name: KeyName) -> bool {
        let mut keys = self.write();
        // One count for each map.
        if keys.by_name.get(&name).is_some_and(|key| Arc::strong_count(key) > 2) {
            return false;
        }
        keys.remove(name);
        true
    }

    /// Forgets the key.
    pub(crate) fn evict(&self, name: KeyName) {
        self.write().remove(name);
    }

    /// Forgets all keys of an account.
    pub(crate) fn evict_account(&self, account: AccountId) {
        let mut keys = self.write();
        let Keys { by_name, by_number, peppers } = &mut *keys;
        peppers.remove(&account);
        for (_, key) in by_name.extract_if(|name, _| name.account == account) {
            by_number.remove(&key.number());
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.write() = Keys::default();
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn remove(&mut self, name: KeyName) {
        if let Some(key) = self.by_name.remove(&name) {
            self.by_number.remove(&key.number());
        }
    }
}

//! Logins and domains read a moment ago: whoever sends many messages would ask for the same ones with each.
//!
//! **Invariant:** what was changed, deleted or erased through this store is read anew from the moment the change is
//! answered, and what anybody else changed [`LIFETIME`] later at the latest.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use waxseal_model::AccountId;

use crate::{error::StoreError, open::Store};

/// How long what was read counts.
const LIFETIME: Duration = Duration::from_secs(5);
/// Entries kept.
const MOST: usize = 10_000;

/// What was read a moment ago. Once anything changed, nothing of before is kept.
pub(crate) struct Recent<K, V>(Mutex<Known<K, V>>);

struct Known<K, V> {
    /// The count of changes when all of them were about to be read.
    changes: u64,
    /// Until when each counts.
    entries: HashMap<K, (V, Duration)>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Known { changes: 0, entries: HashMap::new() }))
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    fn look_up(&self, key: &K, changes: u64, now: Duration) -> Option<V> {
        let mut known = self.at(changes);
        let (value, until) = known.of(changes)?.get(key)?;
        (now < *until).then(|| value.clone())
    }

    fn remember(&self, key: K, value: V, changes: u64, now: Duration) {
        let mut known = self.at(changes);
        let Some(entries) = known.of(changes) else { return };
        if entries.len() >= MOST {
            entries.retain(|_, (_, until)| now < *until);
            if entries.len() >= MOST {
                entries.clear();
            }
        }
        entries.insert(key, (value, now + LIFETIME));
    }

    /// What is known, without what is from before the latest change.
    fn at(&self, changes: u64) -> MutexGuard<'_, Known<K, V>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if changes > known.changes {
            *known = Known { changes, entries: HashMap::new() };
        }
        known
    }
}

impl<K, V> Known<K, V> {
    /// The entries, unless something changed since this count was taken.
    fn of(&mut self, changes: u64) -> Option<&mut HashMap<K, (V, Duration)>> {
        (self.changes == changes).then_some(&mut self.entries)
    }
}

impl Store {
    /// What was read under this key a moment ago, or what is read now. Nothing is remembered of what is not there, nor
    /// of accounts that are to be erased.
    pub(crate) async fn recent<K, V>(
        &self,
        recent: &Recent<K, V>,
        key: K,
        owner: impl FnOnce(&V) -> AccountId,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<V>, StoreError>
    where
        K: Eq + Hash,
        V: Clone,
    {
        let now = self.inner.clock.monotonic();
        // Before it is read: a change in between then keeps it out.
        let changes = self.ways_in_changes();
        if let Some(value) = recent.look_up(&key, changes, now) {
            return Ok(Some(value));
        }
        let found = read.await?;
        if let Some(value) = &found
            && self.closed_until_erased(owner(value)).is_none()
        {
            recent.remember(key, value.clone(), changes, now);
        }
        Ok(found)
    }

    /// Changes whenever a login or a domain is changed, deleted or erased, or an account closed, opened again or erased.
    fn ways_in_changes(&self) -> u64 {
        self.inner.writer.changes().ways_in.borrow().wrapping_add(self.closed_changes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_counts_for_a_moment_and_until_something_changes() {
        let recent = Recent::default();
        recent.remember(1, "one", 7, Duration::ZERO);
        assert_eq!(recent.look_up(&1, 7, LIFETIME - Duration::from_millis(1)), Some("one"));
        assert_eq!(recent.look_up(&1, 7, LIFETIME), None);
        assert_eq!(recent.look_up(&2, 7, Duration::ZERO), None);
        assert_eq!(recent.look_up(&1, 8, Duration::ZERO), None);
    }

    #[test]
    fn nothing_of_before_a_change_stays_in_memory() {
        let recent = Recent::default();
        recent.remember(1, "before", 7, Duration::ZERO);
        assert_eq!(recent.look_up(&2, 8, Duration::ZERO), None);
        assert!(recent.0.lock().expect("whole").entries.is_empty());
        recent.remember(1, "read before, told after", 7, Duration::ZERO);
        assert!(recent.0.lock().expect("whole").entries.is_empty());
        recent.remember(1, "after", 8, Duration::ZERO);
        assert_eq!(recent.look_up(&1, 8, Duration::ZERO), Some("after"));
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let recent = Recent::default();
        for key in 0..MOST + 1 {
            recent.remember(key, (), 0, Duration::ZERO);
        }
        assert_eq!(recent.look_up(&0, 0, Duration::ZERO), None);
        assert_eq!(recent.look_up(&MOST, 0, Duration::ZERO), Some(()));
    }
}

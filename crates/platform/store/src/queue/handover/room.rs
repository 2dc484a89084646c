//! How much is handed over and not done with, in all and of each account.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use waxseal_model::AccountId;

use super::HandoverLimits;

/// An account gets no more than this many times what is free then: alone seven eighths, of two that want everything
/// seven fifteenths each. The rest is for whoever comes next.
const SHARE: usize = 7;

/// An amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    recipients: usize,
    bytes: usize,
}

/// What is taken, and how much there is.
pub(super) struct Rooms {
    most: Load,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: Load,
    of: HashMap<AccountId, Load>,
}

/// The room of a message: free again when it is dropped.
pub(crate) struct Room {
    rooms: Arc<Rooms>,
    account: AccountId,
    load: Load,
}

impl Rooms {
    pub(super) fn new(limits: &HandoverLimits) -> Self {
        let most = Load { recipients: limits.recipients, bytes: limits.bytes };
        Self { most, taken: Mutex::default() }
    }

    /// Room for a message of the account, if there is any and the account has not had its share.
    pub(super) fn take(
        self: &Arc<Self>,
        account: AccountId,
        recipients: usize,
        bytes: usize,
    ) -> Option<Room> {
        let load = Load { recipients, bytes };
        let mut taken = self.taken();
        let free = self.most.less(taken.all);
        let own = taken.of.get(&account).copied().unwrap_or_default();
        // Whoever has nothing takes as much as there is: it is one message.
        if !load.fits(free) || own != Load::default() && !own.is_within_share_of(free) {
            return None;
        }
        taken.all = taken.all.and(load);
        taken.of.insert(account, own.and(load));
        Some(Room { rooms: Arc::clone(self), account, load })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    const fn and(self, more: Self) -> Self {
        Self { recipients: self.recipients + more.recipients, bytes: self.bytes + more.bytes }
    }

    const fn less(self, other: Self) -> Self {
        Self {
            recipients: self.recipients.saturating_sub(other.recipients),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    const fn fits(self, free: Self) -> bool {
        self.recipients <= free.recipients && self.bytes <= free.bytes
    }

    const fn is_within_share_of(self, free: Self) -> bool {
        self.recipients < free.recipients.saturating_mul(SHARE)
            && self.bytes < free.bytes.saturating_mul(SHARE)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken();
        taken.all = taken.all.less(self.load);
        if let Some(own) = taken.of.get_mut(&self.account) {
            *own = own.less(self.load);
            if *own == Load::default() {
                taken.of.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use waxseal_model::{ManualClock, SeededRandom, Timestamp};

    use super::*;

    fn rooms(recipients: usize, bytes: usize) -> Arc<Rooms> {
        Arc::new(Rooms::new(&HandoverLimits { recipients, bytes, hold_for: Duration::ZERO }))
    }

    fn accounts<const N: usize>() -> [AccountId; N] {
        let (clock, random) = (ManualClock::at(Timestamp::from_secs(1_000)), SeededRandom::new(1));
        std::array::from_fn(|_| AccountId::new(&clock, &random))
    }

    fn flood(rooms: &Arc<Rooms>, account: AccountId) -> Vec<Room> {
        std::iter::from_fn(|| rooms.take(account, 1, 10)).collect()
    }

    #[test]
    fn who_takes_all_they_get_leaves_some_for_each_who_comes_after() {
        for rooms in [rooms(800, 1_000_000), rooms(1_000_000, 8_000)] {
            let [first, second, third] = accounts();
            let of_first = flood(&rooms, first);
            assert_eq!(of_first.len(), 700);
            let (of_second, of_third) = (flood(&rooms, second), flood(&rooms, third));
            assert!(of_second.len() >= 80 && of_third.len() >= 10, "{}, {}", of_second.len(), of_third.len());
            drop((of_first, of_second, of_third));
            let taken = rooms.taken();
            assert_eq!((taken.all, taken.of.len()), (Load::default(), 0), "nothing is left behind");
        }
    }

    #[test]
    fn what_is_larger_than_all_that_is_free_gets_nothing() {
        let rooms = rooms(10, 1_000);
        let [first, second] = accounts();
        assert!(rooms.take(first, 11, 1).is_none() && rooms.take(first, 1, 1_001).is_none());
        let all = rooms.take(first, 10, 1_000).expect("it fits");
        assert!(rooms.take(second, 1, 0).is_none());
        drop(all);
        assert!(rooms.take(second, 1, 0).is_some());
    }
}

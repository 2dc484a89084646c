//! How much is handed over and not done with, in all, of each account, and of that for each domain of recipients: what is
//! stuck at one destination leaves room for the account's mail to others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use waxseal_model::AccountId;

use super::HandoverLimits;

/// An account gets no more than this many times what is free then: alone seven eighths, of two that want everything
/// seven fifteenths each. The rest is for whoever comes next.
const SHARE: usize = 7;
/// The same of a destination of an account, and what is free for that account: three quarters of what it gets, three quarters
/// of the rest for the next.
const SHARE_OF_DESTINATION: usize = 3;

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
    of: HashMap<AccountId, Own>,
}

/// What an account has taken.
#[derive(Default)]
struct Own {
    all: Load,
    /// For each domain of recipients. A message for several counts for each, with all of its bytes.
    destinations: HashMap<String, Load>,
}

/// The room of a message: free again when it is dropped.
pub(crate) struct Room {
    rooms: Arc<Rooms>,
    account: AccountId,
    load: Load,
    destinations: Vec<(String, Load)>,
}

impl Rooms {
    pub(super) fn new(limits: &HandoverLimits) -> Self {
        let most = Load { recipients: limits.recipients, bytes: limits.bytes };
        Self { most, taken: Mutex::default() }
    }

    /// Room for a message of the account to recipients at these domains, if there is any and neither the account nor a
    /// destination has had its share.
    pub(super) fn take<'a>(
        self: &Arc<Self>,
        account: AccountId,
        domains: impl Iterator<Item = &'a str>,
        bytes: usize,
    ) -> Option<Room> {
        let destinations = by_domain(domains, bytes);
        let recipients = destinations.iter().map(|(_, load)| load.recipients).sum();
        let load = Load { recipients, bytes };
        let mut taken = self.taken();
        let free = self.most.less(taken.all);
        let nothing = Own::default();
        let own = taken.of.get(&account).unwrap_or(&nothing);
        let free_for_it = own.all.left_of_share(free);
        let has_had_its_share = |(domain, _): &(String, Load)| {
            let so_far = own.destinations.get(domain);
            so_far.is_some_and(|so_far| !so_far.is_within(SHARE_OF_DESTINATION, free_for_it))
        };
        // Whoever has nothing takes as much as there is: it is one message.
        if !load.fits(free)
            || own.all != Load::default() && !own.all.is_within(SHARE, free)
            || destinations.iter().any(has_had_its_share)
        {
            return None;
        }
        taken.all = taken.all.and(load);
        let own = taken.of.entry(account).or_default();
        own.all = own.all.and(load);
        for (domain, load) in &destinations {
            let so_far = own.destinations.entry(domain.clone()).or_default();
            *so_far = so_far.and(*load);
        }
        Some(Room { rooms: Arc::clone(self), account, load, destinations })
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

    /// Whether it is less than so many times what is free.
    const fn is_within(self, share: usize, free: Self) -> bool {
        self.recipients < free.recipients.saturating_mul(share)
            && self.bytes < free.bytes.saturating_mul(share)
    }

    /// How much more an account may have that has this.
    const fn left_of_share(self, free: Self) -> Self {
        let share = Self {
            recipients: free.recipients.saturating_mul(SHARE),
            bytes: free.bytes.saturating_mul(SHARE),
        };
        let left = share.less(self);
        Self { recipients: left.recipients / (SHARE + 1), bytes: left.bytes / (SHARE + 1) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken();
        taken.all = taken.all.less(self.load);
        let Some(own) = taken.of.get_mut(&self.account) else { return };
        own.all = own.all.less(self.load);
        for (domain, load) in &self.destinations {
            if let Some(so_far) = own.destinations.get_mut(domain) {
                *so_far = so_far.less(*load);
                if *so_far == Load::default() {
                    own.destinations.remove(domain);
                }
            }
        }
        if own.all == Load::default() {
            taken.of.remove(&self.account);
        }
    }
}

/// How many recipients of a message are at each domain.
fn by_domain<'a>(domains: impl Iterator<Item = &'a str>, bytes: usize) -> Vec<(String, Load)> {
    let mut counted: HashMap<&str, usize> = HashMap::new();
    for domain in domains {
        *counted.entry(domain).or_default() += 1;
    }
    counted.into_iter().map(|(domain, recipients)| (domain.to_owned(), Load { recipients, bytes })).collect()
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

    /// Messages to a domain each, until there is no room for one.
    fn flood(rooms: &Arc<Rooms>, account: AccountId) -> Vec<Room> {
        let mut number = 0;
        let message = || {
            number += 1;
            rooms.take(account, [&*format!("d{number}.example")].into_iter(), 10)
        };
        std::iter::from_fn(message).collect()
    }

    /// Messages to one domain, until there is no room for one.
    fn flood_one(rooms: &Arc<Rooms>, account: AccountId, domain: &str) -> Vec<Room> {
        std::iter::from_fn(|| rooms.take(account, [domain].into_iter(), 10)).collect()
    }

    /// A message for so many at one domain.
    fn take(rooms: &Arc<Rooms>, account: AccountId, recipients: usize, bytes: usize) -> Option<Room> {
        rooms.take(account, std::iter::repeat_n("b.example", recipients), bytes)
    }

    #[test]
    fn a_destination_that_is_stuck_leaves_room_for_the_others_of_its_account() {
        for rooms in [rooms(8_000, 1_000_000), rooms(1_000_000, 80_000)] {
            let [account] = accounts();
            let (first, second) = (flood_one(&rooms, account, "one"), flood_one(&rooms, account, "two"));
            assert!(
                (5_200..5_300).contains(&first.len()),
                "three quarters of seven eighths: {}",
                first.len()
            );
            assert!((1_300..1_400).contains(&second.len()), "three quarters of the rest: {}", second.len());
            assert!(!flood_one(&rooms, account, "three").is_empty());
            let of_both = rooms.take(account, ["one", "four"].into_iter(), 10);
            assert!(of_both.is_none(), "it would wait behind what is stuck");
            drop(first);
            assert!(rooms.take(account, ["one", "four"].into_iter(), 10).is_some());
        }
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
        assert!(take(&rooms, first, 11, 1).is_none() && take(&rooms, first, 1, 1_001).is_none());
        let all = take(&rooms, first, 10, 1_000).expect("it fits");
        assert!(take(&rooms, second, 1, 0).is_none());
        drop(all);
        assert!(take(&rooms, second, 1, 0).is_some());
    }
}

//! Accounts on the board: what each has in memory, and how lanes come in turn by them.
//!
//! What one account may have is measured by what is free: as much as that, and no more. Alone it gets half, two get a
//! third each, and whatever the number of those who want everything, some is left for whoever comes next. (A. Choudhury
//! and E. Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998.)

use std::collections::HashMap;

use waxseal_model::AccountId;

/// Accounts that have something on the board.
#[derive(Default)]
pub(super) struct Shares(HashMap<AccountId, Share>);

/// What an account has.
#[derive(Default)]
struct Share {
    /// Recipients.
    held: usize,
    /// It had so much that the scheduler passed it over.
    skipped: bool,
    /// Which message of all that were taken was its last.
    taken: u64,
    /// Which connection of all that were planned was its last.
    planned: u64,
}

impl Shares {
    /// An account has one recipient more.
    pub(super) fn hold(&mut self, account: AccountId) {
        self.0.entry(account).or_default().held += 1;
    }

    /// An account has one recipient less, and so much is free now. Whether it was passed over and need not be any more.
    pub(super) fn release(&mut self, account: AccountId, free: usize) -> bool {
        let Some(share) = self.0.get_mut(&account) else { return false };
        share.held = share.held.saturating_sub(1);
        let again = share.skipped && share.held <= free / 2;
        share.skipped &= !again;
        if share.held == 0 {
            self.0.remove(&account);
        }
        again
    }

    /// Accounts that have as much as is free, or more: none of theirs is to be taken in for now.
    pub(super) fn full(&mut self, free: usize) -> Vec<AccountId> {
        let full = self.0.iter_mut().filter(|(_, share)| share.held >= free.max(1));
        let skip = |(account, share): (&AccountId, &mut Share)| {
            share.skipped = true;
            *account
        };
        full.map(skip).collect()
    }

    /// What the account has, if that is as much as is free, or more.
    pub(super) fn full_of(&self, account: AccountId, free: usize) -> Option<usize> {
        self.0.get(&account).map(|share| share.held).filter(|held| *held >= free.max(1))
    }

    /// A message of the account was taken.
    pub(super) fn note_taken(&mut self, account: AccountId, number: u64) {
        if let Some(share) = self.0.get_mut(&account) {
            share.taken = number;
        }
    }

    /// A connection was planned for a message of the account.
    pub(super) fn note_planned(&mut self, account: AccountId, number: u64) {
        if let Some(share) = self.0.get_mut(&account) {
            share.planned = number;
        }
    }

    /// Where the last message of the account was taken.
    pub(super) fn taken(&self, account: AccountId) -> u64 {
        self.0.get(&account).map_or(0, |share| share.taken)
    }

    /// Where the last connection of the account was planned.
    pub(super) fn planned(&self, account: AccountId) -> u64 {
        self.0.get(&account).map_or(0, |share| share.planned)
    }

    /// Whether nobody else is there with whom to take turns.
    pub(super) fn is_one(&self) -> bool {
        self.0.len() <= 1
    }
}

/// Counts how often each account had its turn, so that one with many lanes does not come first with all of them.
#[derive(Default)]
pub(super) struct Rounds(HashMap<AccountId, u32>);

/// Accounts of one lane that are looked at.
const LOOKED_AT: usize = 32;

impl Rounds {
    /// The turn of a lane of these accounts: that of the one whose turn comes first, and who that is. `last` tells when
    /// an account got something last.
    pub(super) fn next(
        &mut self,
        accounts: impl Iterator<Item = AccountId>,
        last: impl Fn(AccountId) -> u64,
    ) -> ((u32, u64), Option<AccountId>) {
        let turn = |account: &AccountId| (self.0.get(account).copied().unwrap_or(0), last(*account));
        let Some(first) = accounts.take(LOOKED_AT).min_by_key(turn) else { return ((0, 0), None) };
        let round = self.0.entry(first).or_default();
        *round += 1;
        ((*round, last(first)), Some(first))
    }
}

#[cfg(test)]
mod tests {
    use waxseal_model::{ManualClock, SeededRandom, Timestamp};

    use super::*;

    fn accounts<const N: usize>() -> [AccountId; N] {
        let (clock, random) = (ManualClock::at(Timestamp::from_secs(1_000)), SeededRandom::new(1));
        std::array::from_fn(|_| AccountId::new(&clock, &random))
    }

    /// Everybody takes what they get, until nobody gets anything; what is free then.
    fn fill(shares: &mut Shares, accounts: &[AccountId], most: usize) -> usize {
        let mut free = most - shares.0.values().map(|share| share.held).sum::<usize>();
        loop {
            let full = shares.full(free);
            let wanting: Vec<_> = accounts.iter().filter(|account| !full.contains(account)).collect();
            if wanting.is_empty() {
                return free;
            }
            for account in wanting {
                shares.hold(*account);
                free -= 1;
            }
        }
    }

    #[test]
    fn those_who_want_everything_get_the_same_and_leave_as_much() {
        for (many, each) in [(1, 500), (2, 333), (4, 200)] {
            let accounts = &accounts::<4>()[..many];
            let mut shares = Shares::default();
            let free = fill(&mut shares, accounts, 1_000);
            assert!(free.abs_diff(each) <= many, "{free} of {each}");
            assert!(shares.0.values().all(|share| share.held.abs_diff(each) <= many));
        }
    }

    #[test]
    fn whoever_comes_after_them_finds_room_and_they_go_on_when_they_have_less() {
        let [first, second] = accounts();
        let mut shares = Shares::default();
        assert_eq!(fill(&mut shares, &[first], 1_000), 500);
        assert_eq!(fill(&mut shares, &[second], 1_000), 250);
        assert_eq!(shares.full(250).len(), 2);
        let gone = (1..=500).position(|gone| shares.release(first, 250 + gone)).expect("it is told");
        assert_eq!((shares.0[&first].held, gone), (250, 249));
    }
}

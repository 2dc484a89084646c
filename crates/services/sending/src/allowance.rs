//! How much an account may send in an hour. Counted in memory, by hours of UTC: a restart begins anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use waxseal_model::{AccountId, Timestamp};

use crate::error::SendError;

const HOUR_SECS: i64 = 3_600;

/// What an account may send in an hour; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourlyLimits {
    /// Calls, and messages by SMTP.
    pub requests: u64,
    /// Recipients.
    pub recipients: u64,
    /// Bytes of content, once for each call.
    pub bytes: u64,
}

/// What of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The limit.
    pub limit: u64,
    /// What is left of it until it is whole again.
    pub left: u64,
}

/// What a caller hears of its account's limits; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Of requests.
    pub requests: Option<Share>,
    /// Of recipients.
    pub recipients: Option<Share>,
    /// When they are whole again.
    pub resets_at: Timestamp,
}

/// Counts for all accounts.
pub(crate) struct Allowances {
    limits: HourlyLimits,
    hour: Mutex<Hour>,
}

#[derive(Default)]
struct Hour {
    number: i64,
    spent: HashMap<AccountId, HourlyLimits>,
}

/// What one call took; given back unless it is kept.
pub(crate) struct Spending {
    allowances: Arc<Allowances>,
    account: AccountId,
    amount: HourlyLimits,
    hour: i64,
    left: Left,
    kept: bool,
}

impl Allowances {
    pub(crate) fn new(limits: HourlyLimits) -> Arc<Self> {
        Arc::new(Self { limits, hour: Mutex::default() })
    }

    /// Takes what a call needs, or says which limit is reached and until when.
    pub(crate) fn take(
        self: &Arc<Self>,
        account: AccountId,
        domain: &str,
        (recipients, bytes): (usize, usize),
        now: Timestamp,
    ) -> Result<Spending, SendError> {
        let number = now.as_secs().div_euclid(HOUR_SECS);
        let resets_at = Timestamp::from_secs((number + 1) * HOUR_SECS);
        let amount = HourlyLimits { requests: 1, recipients: recipients as u64, bytes: bytes as u64 };
        let limits = &self.limits;
        let mut hour = self.hour();
        if hour.number != number {
            *hour = Hour { number, spent: HashMap::new() };
        }
        let spent = hour.spent.get(&account).copied().unwrap_or_default();
        let after = HourlyLimits {
            requests: spent.requests + amount.requests,
            recipients: spent.recipients + amount.recipients,
            bytes: spent.bytes + amount.bytes,
        };
        for (reason, limit, after) in [
            ("request", limits.requests, after.requests),
            ("recipient", limits.recipients, after.recipients),
            ("bytes", limits.bytes, after.bytes),
        ] {
            if limit > 0 && after > limit {
                return Err(SendError::Throttled { domain: domain.into(), reason, retry_at: resets_at });
            }
        }
        if *limits != HourlyLimits::default() {
            hour.spent.insert(account, after);
        }
        drop(hour);
        let share = |limit: u64, after: u64| (limit > 0).then(|| Share { limit, left: limit - after });
        let left = Left {
            requests: share(limits.requests, after.requests),
            recipients: share(limits.recipients, after.recipients),
            resets_at,
        };
        let allowances = Arc::clone(self);
        Ok(Spending { allowances, account, amount, hour: number, left, kept: false })
    }

    fn hour(&self) -> MutexGuard<'_, Hour> {
        self.hour.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spending {
    /// The call was accepted: what it took is spent. What is left, if anything is limited.
    pub(crate) fn keep(mut self) -> Option<Left> {
        self.kept = true;
        (self.left.requests.is_some() || self.left.recipients.is_some()).then_some(self.left)
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut hour = self.allowances.hour();
        if hour.number == self.hour
            && let Some(spent) = hour.spent.get_mut(&self.account)
        {
            spent.requests -= self.amount.requests;
            spent.recipients -= self.amount.recipients;
            spent.bytes -= self.amount.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Timestamp = Timestamp::from_secs(1_795_000_000 / HOUR_SECS * HOUR_SECS);

    fn allowances() -> Arc<Allowances> {
        Allowances::new(HourlyLimits { requests: 3, recipients: 10, bytes: 0 })
    }

    fn reason(taken: Result<Spending, SendError>) -> Option<&'static str> {
        match taken {
            Err(SendError::Throttled { reason, retry_at, .. }) => {
                assert_eq!(retry_at.as_secs(), HOUR.as_secs() + HOUR_SECS);
                Some(reason)
            }
            _ => None,
        }
    }

    #[test]
    fn an_account_has_its_own_allowance_and_a_new_one_each_hour() {
        let allowances = allowances();
        let (one, other) = (AccountId::from_u128(1), AccountId::from_u128(2));
        let take = |account, recipients, now| allowances.take(account, "d.example", (recipients, 1), now);
        let left = take(one, 4, HOUR).expect("some").keep().expect("limits");
        assert_eq!(left.requests, Some(Share { limit: 3, left: 2 }));
        assert_eq!(left.recipients, Some(Share { limit: 10, left: 6 }));
        assert_eq!(reason(take(one, 7, HOUR)), Some("recipient"));
        take(one, 6, HOUR).expect("what is left").keep();
        assert_eq!(reason(take(one, 1, HOUR)), Some("recipient"));
        take(other, 10, HOUR).expect("another account").keep();
        let later = Timestamp::from_secs(HOUR.as_secs() + HOUR_SECS);
        take(one, 10, later).expect("the next hour").keep();
    }

    #[test]
    fn a_call_that_was_not_accepted_costs_nothing() {
        let allowances = allowances();
        let account = AccountId::from_u128(1);
        for _ in 0..5 {
            drop(allowances.take(account, "d.example", (10, 1), HOUR).expect("never spent"));
        }
        for _ in 0..3 {
            allowances.take(account, "d.example", (1, 1), HOUR).expect("three").keep();
        }
        assert_eq!(reason(allowances.take(account, "d.example", (1, 1), HOUR)), Some("request"));
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let allowances = Allowances::new(HourlyLimits::default());
        for _ in 0..3 {
            let taken = allowances.take(AccountId::from_u128(1), "d.example", (1_000, 1 << 30), HOUR);
            assert_eq!(taken.expect("no limit").keep(), None);
        }
        assert!(allowances.hour().spent.is_empty());
    }
}

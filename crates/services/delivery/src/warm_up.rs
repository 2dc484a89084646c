//! Warm-up: how much an address that receivers do not know yet may send to a provider in a day, and how much it has sent.
//!
//! What is counted is on stable storage before it goes: counts are written ahead, a part of the budget at a time, so a
//! process that dies has counted a little too much and never too little.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Mutex as AsyncMutex;
use waxseal_model::time::Day;
use waxseal_store::{
    Store, StoreError,
    sources::{Counted, WarmUp},
};

/// Destinations that belong to no provider of the table share a budget, under this name.
pub const OTHERS: &str = "others";
/// Recipients a day that an address begins with, and goes on with, unless an operator has other numbers.
pub const SCHEDULE: [u32; 12] =
    [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400];
/// A budget is written down in so many steps.
const STEPS: u32 = 20;

/// What an address may send to a provider on a day; `None`: as much as it takes.
pub fn budget(plan: &WarmUp, provider: &str, day: Day) -> Option<u32> {
    let daily = plan.providers.get(provider).unwrap_or(&plan.daily);
    match usize::try_from(i64::from(day.0) - i64::from(plan.start)) {
        Ok(stage) => daily.get(stage).copied(),
        // It has not begun.
        Err(_) => Some(0),
    }
}

/// A budget with nothing left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) address: IpAddr,
    pub(crate) provider: String,
    pub(crate) used: u32,
    pub(crate) budget: u32,
}

/// How the reason begins of what waits for a warm-up.
const REASON: &str = "warm-up of ";

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, provider, used, budget } = self;
        write!(f, "{REASON}{address}: {used} of {budget} recipients to {provider} today")
    }
}

impl Spent {
    /// What [`fmt::Display`] wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (address, rest) = text.strip_prefix(REASON)?.split_once(": ")?;
        let (used, rest) = rest.split_once(" of ")?;
        let (budget, rest) = rest.split_once(" recipients to ")?;
        let provider = rest.strip_suffix(" today")?.to_owned();
        Some(Self {
            address: address.parse().ok()?,
            provider,
            used: used.parse().ok()?,
            budget: budget.parse().ok()?,
        })
    }
}

/// What addresses that warm up sent.
#[derive(Default)]
pub(crate) struct Counts {
    of: Mutex<HashMap<IpAddr, HashMap<Arc<str>, Count>>>,
    /// Held while a count is written down.
    writing: AsyncMutex<()>,
}

/// Of an address, a provider and a day. One of a day that has not come was counted by a clock that was ahead: it counts for
/// the day on which the clock was put right, since what stood there before is forgotten, and nobody gets a budget anew by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    day: Day,
    used: u32,
    /// As many are on stable storage.
    noted: u32,
    /// The earliest day for which it counted.
    seen: Day,
}

impl Count {
    const fn none(day: Day) -> Self {
        Self { day, used: 0, noted: 0, seen: day }
    }
}

/// A part of a budget that was taken for a message; given back unless it was [used](Self::used).
pub(crate) struct Share<'a> {
    counts: &'a Counts,
    address: IpAddr,
    provider: Arc<str>,
    day: Day,
    recipients: u32,
    is_used: AtomicBool,
}

impl Counts {
    /// What was counted before.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let counts = Self::default();
        for Counted { address, provider, day, count } in store.sent_counts().await? {
            let known = Count { used: count, noted: count, ..Count::none(day) };
            counts.all().entry(address).or_default().insert(provider.into(), known);
        }
        Ok(counts)
    }

    /// Recipients of that day so far.
    pub(crate) fn used(&self, address: IpAddr, provider: &str, day: Day) -> u32 {
        self.find(address, provider, day).map_or(0, |count| count.used)
    }

    /// Every count of a day.
    pub(crate) fn of_day(&self, day: Day) -> Vec<Counted> {
        let of = |(address, counts): (&IpAddr, &HashMap<Arc<str>, Count>)| {
            let address = *address;
            let today = counts.iter().filter(move |(_, count)| count.day >= day);
            let told = move |(provider, count): (&Arc<str>, &Count)| Counted {
                address,
                provider: provider.to_string(),
                day,
                count: count.used,
            };
            today.map(told).collect::<Vec<_>>()
        };
        self.all().iter().flat_map(of).collect()
    }

    /// Takes a part of a budget for so many recipients, or for as many as it has left, once that is on stable storage. `None`: there is
    /// nothing left.
    pub(crate) async fn take(
        &self,
        store: &Store,
        (address, provider, day): (IpAddr, &str, Day),
        (recipients, budget): (u32, u32),
    ) -> Result<Option<Share<'_>>, StoreError> {
        let _turn = self.writing.lock().await;
        let Count { used, noted, day: of, .. } =
            self.find(address, provider, day).unwrap_or(Count::none(day));
        let recipients = recipients.min(budget.saturating_sub(used));
        if recipients == 0 {
            return Ok(None);
        }
        let after = used.saturating_add(recipients);
        let noted = if after > noted || of != day {
            let ahead = after.saturating_add(budget / STEPS).min(budget).max(after);
            let provider = provider.to_owned();
            store.note_sent_count(Counted { address, provider, day, count: ahead }).await?;
            ahead
        } else {
            noted
        };
        let provider: Arc<str> = provider.into();
        // What was given back meanwhile stays given back.
        let mut all = self.all();
        let of = all.entry(address).or_default();
        let count = of.entry(Arc::clone(&provider)).or_insert(Count::none(day));
        if count.day < day {
            *count = Count::none(day);
        }
        (count.day, count.seen) = (day, day);
        count.used = count.used.saturating_add(recipients);
        count.noted = noted;
        let is_used = AtomicBool::new(false);
        Ok(Some(Share { counts: self, address, provider, day, recipients, is_used }))
    }

    /// Writes down what was counted, and no more.
    pub(crate) async fn note(&self, store: &Store, day: Day) {
        let _turn = self.writing.lock().await;
        for counted in self.of_day(day) {
            if let Err(error) = store.note_sent_count(counted).await {
                tracing::warn!(%error, "what was sent today stays written down as a little more");
            }
        }
    }

    fn find(&self, address: IpAddr, provider: &str, day: Day) -> Option<Count> {
        let mut all = self.all();
        let counts = all.get_mut(&address)?;
        let count = counts.get_mut(provider)?;
        if count.seen < day && day < count.day {
            // It counted for a day before this one, and will not be its own for long.
            counts.remove(provider);
            return None;
        }
        count.seen = count.seen.min(day);
        Some(*count).filter(|count| count.day >= day)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<IpAddr, HashMap<Arc<str>, Count>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// For how many recipients it is.
    pub(crate) const fn recipients(&self) -> usize {
        self.recipients as usize
    }

    /// It was sent.
    pub(crate) fn used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if *self.is_used.get_mut() {
            return;
        }
        let mut all = self.counts.all();
        let count = all.get_mut(&self.address).and_then(|of| of.get_mut(&self.provider));
        if let Some(count) = count.filter(|count| count.day == self.day) {
            count.used = count.used.saturating_sub(self.recipients);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_begins_on_its_day_grows_and_ends() {
        let providers = [("google".to_owned(), vec![7])].into();
        let plan = WarmUp { start: 100, daily: vec![50, 100], providers };
        let of = |provider, day| budget(&plan, provider, Day(day));
        assert_eq!([99, 100, 101, 102].map(|day| of("microsoft", day)), [Some(0), Some(50), Some(100), None]);
        assert_eq!([99, 100, 101].map(|day| of("google", day)), [Some(0), Some(7), None]);
    }

    #[test]
    fn a_reason_is_read_as_it_was_written() {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let address = address.parse().expect("an address");
            let spent = Spent { address, provider: "google".into(), used: 50, budget: 50 };
            assert_eq!(Spent::read(&spent.to_string()), Some(spent));
        }
        assert_eq!(Spent::read("451 4.7.1 warm-up of x: 1 of 2 recipients to y today"), None);
    }
}

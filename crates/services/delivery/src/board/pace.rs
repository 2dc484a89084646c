//! How many connections a provider gets: fewer at once when it asks for less, more again little by little.
//!
//! Additive increase, multiplicative decrease. The upper bound is the table's.

use std::time::Duration;

use waxseal_model::Timestamp;

/// Refusals within this time of a decrease are of the same wave: they decrease nothing more.
const WAVE: Duration = Duration::from_secs(20);
/// Messages taken over each allowed connection before there is one more.
const PROOF: u32 = 10;
/// What a provider with nothing to do asked for is remembered for so long.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// The connections that a provider is given now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pace {
    most: usize,
    allowed: usize,
    taken: u32,
    wave_until: Option<Timestamp>,
    /// Since when it is slowed down.
    slowed_since: Option<Timestamp>,
}

impl Pace {
    /// Everything the table allows.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, allowed: most, taken: 0, wave_until: None, slowed_since: None }
    }

    /// Connections allowed now: one at least.
    pub(crate) const fn allowed(&self) -> usize {
        self.allowed
    }

    /// No more than this many from now on. Who is slowed down stays so.
    pub(crate) fn bound(&mut self, most: usize) {
        let was_slowed = self.is_slowed();
        self.most = most.max(1);
        self.allowed = if was_slowed { self.allowed.min(self.most) } else { self.most };
    }

    /// Since when it is slowed down, if it is.
    pub(crate) fn slowed_since(&self) -> Option<Timestamp> {
        self.slowed_since.filter(|_| self.is_slowed())
    }

    /// Whether it is slowed down.
    pub(crate) const fn is_slowed(&self) -> bool {
        self.allowed < self.most
    }

    /// Connections allowed when it asks for nothing.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Until when refusals are of the same wave: until then it gets no more.
    pub(crate) const fn wave_until(&self) -> Option<Timestamp> {
        self.wave_until
    }

    /// Whether what it asked for still counts, if nothing goes there meanwhile.
    pub(crate) fn is_remembered(&self, now: Timestamp) -> bool {
        self.is_slowed() && self.wave_until.is_some_and(|until| now < until + REMEMBERED)
    }

    /// A message was taken. Those that are taken among the refusals of a wave prove nothing.
    pub(crate) fn taken(&mut self, now: Timestamp) {
        if !self.is_slowed() || self.wave_until.is_some_and(|until| now < until) {
            return;
        }
        self.taken += 1;
        let proof = PROOF.saturating_mul(u32::try_from(self.allowed).unwrap_or(u32::MAX));
        if self.taken >= proof {
            self.allowed += 1;
            self.taken = 0;
        }
    }

    /// It asked for less. Whether that is news.
    pub(crate) fn asked_for_less(&mut self, now: Timestamp) -> bool {
        if self.wave_until.is_some_and(|until| now < until) {
            return false;
        }
        if !self.is_slowed() {
            self.slowed_since = Some(now);
        }
        self.wave_until = Some(now + WAVE);
        self.taken = 0;
        self.allowed = (self.allowed / 2).max(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_of_refusals_halves_once_and_what_is_taken_gives_back_one_by_one() {
        let mut now = Timestamp::from_secs(1_000);
        let mut pace = Pace::new(10);
        for _ in 0..50 {
            pace.asked_for_less(now);
        }
        assert_eq!(pace.allowed(), 5, "one wave");
        now = now + WAVE;
        assert!(pace.asked_for_less(now));
        assert_eq!(pace.allowed(), 2);
        for _ in 0..10_000 {
            pace.taken(now);
        }
        assert_eq!(pace.allowed(), 2, "no more while the refusals may go on");
        now = now + WAVE;
        for _ in 0..PROOF * 2 {
            pace.taken(now);
        }
        assert_eq!(pace.allowed(), 3, "one more after so many over each");
        for _ in 0..10_000 {
            pace.taken(now);
        }
        assert_eq!(pace.allowed(), 10, "never more than the table has");
    }

    #[test]
    fn another_bound_holds_at_once_and_does_not_undo_what_was_asked_for() {
        let now = Timestamp::from_secs(1_000);
        let mut pace = Pace::new(10);
        pace.bound(3);
        assert_eq!((pace.allowed(), pace.slowed_since()), (3, None));
        pace.bound(10);
        assert_eq!(pace.allowed(), 10);
        pace.asked_for_less(now);
        pace.bound(100);
        assert_eq!((pace.allowed(), pace.slowed_since()), (5, Some(now)), "no more because it may have more");
        pace.bound(2);
        assert_eq!(pace.allowed(), 2);
    }

    #[test]
    fn one_connection_is_always_left() {
        let mut now = Timestamp::from_secs(1_000);
        let mut pace = Pace::new(0);
        for _ in 0..5 {
            now = now + WAVE;
            pace.asked_for_less(now);
            assert_eq!(pace.allowed(), 1);
        }
    }
}

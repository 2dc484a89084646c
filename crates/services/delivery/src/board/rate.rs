//! How many messages a provider gets in a minute: spread evenly, a second's worth at once.
//!
//! A bucket of tokens, kept as the one time at which it is full again.

use std::time::Duration;

use waxseal_model::Timestamp;

/// The tokens of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Time in which a token comes.
    every: Duration,
    per_minute: u32,
    /// Tokens that there are at most.
    most: u32,
    full_at: Timestamp,
}

impl Rate {
    /// A full bucket.
    pub(crate) fn new(per_minute: u32) -> Self {
        let per_minute = per_minute.max(1);
        Self {
            every: Duration::from_micros(60_000_000 / u64::from(per_minute)),
            per_minute,
            most: per_minute.div_ceil(60),
            full_at: Timestamp::from_micros(i64::MIN),
        }
    }

    /// Messages in a minute.
    pub(crate) const fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Tokens that there are.
    pub(crate) fn tokens(&self, now: Timestamp) -> u32 {
        let missing = self.full_at(now).since(now).as_micros().div_ceil(self.every.as_micros().max(1));
        self.most.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        if self.tokens(now) == 0 {
            return false;
        }
        self.full_at = self.full_at(now).max(now) + self.every;
        true
    }

    /// When there is a token, if there is none now.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        (self.tokens(now) == 0).then(|| self.full_at(now) - self.every * (self.most - 1))
    }

    /// An empty bucket is full after `most` tokens, also where the clock was set back.
    fn full_at(&self, now: Timestamp) -> Timestamp {
        self.full_at.min(now + self.every * self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate, now: Timestamp) -> u32 {
        std::iter::repeat_with(|| rate.take(now)).take_while(|taken| *taken).map(|_| 1).sum()
    }

    #[test]
    fn in_a_minute_no_more_go_than_it_says_and_never_more_than_a_seconds_worth_at_once() {
        for per_minute in [1, 7, 60, 61, 1_000, 100_000] {
            let mut rate = Rate::new(per_minute);
            let mut now = Timestamp::from_secs(1_000_000);
            let at_once = per_minute.div_ceil(60);
            assert_eq!(taken(&mut rate, now), at_once, "{per_minute}");
            let mut in_a_minute = 0;
            for _ in 0..600 {
                now = now + Duration::from_millis(100);
                let more = taken(&mut rate, now);
                assert!(more <= at_once, "{per_minute}");
                in_a_minute += more;
            }
            assert!(
                (per_minute - at_once..=per_minute).contains(&in_a_minute),
                "{per_minute}: {in_a_minute}"
            );
            now = now + Duration::from_secs(3_600);
            assert_eq!(taken(&mut rate, now), at_once, "what was not used is not saved up");
        }
    }

    #[test]
    fn it_is_said_when_the_next_may_go() {
        let mut rate = Rate::new(120);
        let now = Timestamp::from_secs(1_000_000);
        assert_eq!(rate.due(now), None);
        taken(&mut rate, now);
        let due = rate.due(now).expect("there is none left");
        assert_eq!(due, now + Duration::from_millis(500));
        assert_eq!((rate.tokens(due - Duration::from_micros(1)), rate.tokens(due)), (0, 1));
    }

    #[test]
    fn a_clock_set_back_holds_nothing_up() {
        let mut rate = Rate::new(60);
        let now = Timestamp::from_secs(1_000_000);
        taken(&mut rate, now);
        let back = now - Duration::from_secs(86_400);
        assert!(rate.due(back).is_some_and(|due| due <= back + Duration::from_secs(1)));
    }
}

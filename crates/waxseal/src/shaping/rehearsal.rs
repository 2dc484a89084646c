//! What a rate would have done to the messages that went to a provider lately.

use std::{collections::BTreeMap, time::Duration};

use waxseal_model::Timestamp;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// What messages at these times come to under a rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rehearsal {
    /// Most in a minute, as it was.
    pub(crate) busiest_minute: u64,
    /// Most in an hour, as it was.
    pub(crate) busiest_hour: u64,
    /// Minutes in which more went than the rate allows.
    pub(crate) minutes_over: u64,
    /// How long the last message would have waited.
    pub(crate) last_waits: Duration,
    /// How long the message that waits longest would have waited.
    pub(crate) longest_wait: Duration,
}

/// Lets messages that went at these times (in order) go under a rate, spread evenly: `None` is no rate.
pub(crate) fn rehearse(times: &[Timestamp], per_minute: Option<u32>) -> Rehearsal {
    let most_in = |unit: i64| {
        let mut counts = BTreeMap::<i64, u64>::new();
        times.iter().for_each(|time| *counts.entry(time.as_micros().div_euclid(unit)).or_default() += 1);
        counts
    };
    let (minutes, hours) = (most_in(MINUTE), most_in(HOUR));
    let mut rehearsal = Rehearsal {
        busiest_minute: minutes.values().copied().max().unwrap_or(0),
        busiest_hour: hours.values().copied().max().unwrap_or(0),
        ..Rehearsal::default()
    };
    let Some(per_minute) = per_minute.filter(|rate| *rate > 0) else { return rehearsal };
    rehearsal.minutes_over = minutes.values().filter(|count| **count > u64::from(per_minute)).count() as u64;
    let every = Duration::from_micros(60_000_000 / u64::from(per_minute));
    let mut next = None;
    for time in times {
        let goes = next.map_or(*time, |next: Timestamp| next.max(*time));
        rehearsal.last_waits = goes.since(*time);
        rehearsal.longest_wait = rehearsal.longest_wait.max(rehearsal.last_waits);
        next = Some(goes + every);
    }
    rehearsal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: impl IntoIterator<Item = i64>) -> Vec<Timestamp> {
        seconds.into_iter().map(|second| Timestamp::from_secs(60_000 + second)).collect()
    }

    #[test]
    fn a_burst_is_spread_and_the_last_waits_for_all_before_it() {
        let burst = at(std::iter::repeat_n(0, 60));
        let spread = rehearse(&burst, Some(30));
        assert_eq!((spread.busiest_minute, spread.minutes_over), (60, 1));
        assert_eq!(spread.last_waits, Duration::from_secs(118), "59 before it, two seconds each");
        let now = rehearse(&burst, None);
        assert_eq!((now.busiest_minute, now.minutes_over, now.longest_wait), (60, 0, Duration::ZERO));
    }

    #[test]
    fn what_keeps_within_the_rate_waits_for_nothing() {
        let even = at((0..600).step_by(2));
        let rehearsal = rehearse(&even, Some(30));
        assert_eq!((rehearsal.minutes_over, rehearsal.longest_wait), (0, Duration::ZERO));
        let mixed = at(std::iter::repeat_n(0, 60).chain([1_000]));
        let rehearsal = rehearse(&mixed, Some(30));
        assert_eq!(
            (rehearsal.last_waits, rehearsal.longest_wait),
            (Duration::ZERO, Duration::from_secs(118))
        );
        assert_eq!(rehearse(&[], Some(1)), Rehearsal::default());
    }
}

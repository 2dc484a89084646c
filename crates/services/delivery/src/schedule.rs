//! When the next attempt is made.

use std::time::Duration;

use waxseal_model::{Random, Timestamp, options::Schedule};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Waits after the first failures, in seconds: those that the API documents.
const FIRST: [u64; 6] = [10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR];
/// Waits after that.
const LATER: u64 = 6 * HOUR;
/// Waits at the end of the list.
const LONGEST: u64 = 8 * HOUR;

/// The wait after `failures` failed attempts (from 1), before jitter.
pub fn base_wait(failures: u32) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let secs = match FIRST.get(index) {
        Some(secs) => *secs,
        None if index == FIRST.len() => LATER,
        None => LONGEST,
    };
    Duration::from_secs(secs)
}

/// The wait after `failures` failed attempts: the base, up to a tenth shorter or longer, in whole
/// seconds. The jitter keeps messages that failed together from coming back together.
pub fn wait(failures: u32, random: &dyn Random) -> Duration {
    let base = base_wait(failures).as_secs();
    let tenth = base / 10;
    Duration::from_secs(base - tenth + random.below(2 * tenth + 1))
}

/// The time of the attempt after `failures` failed ones, or `None` if the message is too old. The last
/// attempt is made at the very end of its time.
pub fn next_attempt(
    failures: u32,
    now: Timestamp,
    schedule: &Schedule,
    random: &dyn Random,
) -> Option<Timestamp> {
    if now >= schedule.give_up_at {
        return None;
    }
    Some((now + wait(failures, random)).min(schedule.give_up_at))
}

#[cfg(test)]
mod tests {
    use waxseal_model::SeededRandom;

    use super::*;

    #[test]
    fn waits_grow_as_documented_and_stay_within_a_tenth() {
        let minutes: Vec<_> = (1..=9).map(|failures| base_wait(failures).as_secs() / 60).collect();
        assert_eq!(minutes, [10, 15, 30, 60, 120, 240, 360, 480, 480]);
        let random = SeededRandom::new(3);
        let waits: Vec<_> = (0..500).map(|_| wait(1, &random).as_secs()).collect();
        assert!(waits.iter().all(|secs| (540..=660).contains(secs)));
        assert!(waits.iter().any(|secs| *secs < 560) && waits.iter().any(|secs| *secs > 640));
    }

    #[test]
    fn the_last_attempt_comes_at_the_end_and_none_after_it() {
        let random = SeededRandom::new(3);
        let start = Timestamp::from_secs(1_000_000);
        let schedule = Schedule { not_before: start, give_up_at: start + Duration::from_secs(300) };
        assert_eq!(next_attempt(1, start, &schedule, &random), Some(schedule.give_up_at));
        assert_eq!(next_attempt(2, schedule.give_up_at, &schedule, &random), None);
    }
}

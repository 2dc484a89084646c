//! A point in time: microseconds since the Unix epoch, UTC.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A whole UTC day, counted from 1970-01-01: the grain at which content and event keys live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

const MICROS_PER_SEC: i64 = 1_000_000;
const SECS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// The latest time there is.
    pub const MAX: Self = Self(i64::MAX);

    /// The time this many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The time this many seconds after the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SEC))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SEC)
    }

    /// Seconds since the epoch with their fraction, as the events of the API carry them.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SEC as f64
    }

    /// The UTC day this time lies in.
    pub fn day(self) -> Day {
        Day(i32::try_from(self.as_secs().div_euclid(SECS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// How long after `earlier` this is; zero if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant for formatting and calendars.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl Day {
    /// Midnight (UTC) at which the day starts.
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(i64::from(self.0) * SECS_PER_DAY)
    }

    /// Midnight (UTC) at which the day ends.
    pub fn end(self) -> Timestamp {
        Timestamp::from_secs((i64::from(self.0) + 1) * SECS_PER_DAY)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_and_end_at_midnight() {
        let noon = Timestamp::from_secs(86_400 * 20_000 + 43_200);
        assert_eq!(noon.day(), Day(20_000));
        assert_eq!(noon.day().end().day(), Day(20_001));
        assert_eq!(noon.since(noon.day().start()), Duration::from_secs(43_200));
        assert_eq!(Timestamp::from_micros(-1).day(), Day(-1));
    }
}

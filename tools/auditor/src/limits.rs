//! How long things may be kept. Times are microseconds since the epoch.

/// A second, an hour, a day.
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;

/// What retention may take longer than the limit: its rounds come every half hour.
pub(crate) const SLACK: i64 = HOUR;
/// How long a copy for a customer's archive may wait once it is due.
pub(crate) const ARCHIVE: i64 = DAY;
/// How long it is told of a file of suppressions that it was imported.
pub(crate) const IMPORT: i64 = 30 * DAY;
/// Content goes after so many days whatever its row says: seven ahead of its time, five of attempts, thirty kept.
pub(crate) const CONTENT_DAYS: i64 = 42;

/// What the operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Days that events are kept.
    pub events_days: u32,
    /// Days that people's requests are kept once they are answered.
    pub request_days: u32,
    /// Days that backups are kept.
    pub backup_days: u32,
    /// Hours that copies which customers asked for are kept.
    pub export_hours: u32,
    /// Days that copies of the keys are kept.
    pub key_copy_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events_days: 30, request_days: 365, backup_days: 7, export_hours: 24, key_copy_days: 7 }
    }
}

/// A moment with the limits that hold at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Now.
    pub(crate) now: i64,
    /// What the operator decides.
    pub(crate) limits: Limits,
}

impl Moment {
    /// What was to go before this time is late.
    pub(crate) const fn late(&self) -> i64 {
        self.now - SLACK
    }

    /// Events from before this time are late.
    pub(crate) fn late_events(&self) -> i64 {
        self.late() - i64::from(self.limits.events_days) * DAY
    }

    /// Requests that were answered before this time are late.
    pub(crate) fn late_requests(&self) -> i64 {
        self.late() - i64::from(self.limits.request_days) * DAY
    }
}

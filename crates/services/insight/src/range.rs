//! The time range of a search: two ends, and the direction between them.

use thiserror::Error;
use waxseal_model::Timestamp;

/// What a caller said about time. The order of `begin` and `end` is the direction of reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AskedRange {
    /// Where reading starts.
    pub begin: Option<Timestamp>,
    /// Where reading ends.
    pub end: Option<Timestamp>,
    /// Oldest first, newest first, or what the two ends say.
    pub ascending: Option<bool>,
}

/// A range with its direction settled. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The older end.
    pub oldest: Option<Timestamp>,
    /// The newer end.
    pub newest: Option<Timestamp>,
    /// Oldest first.
    pub ascending: bool,
}

/// `ascending` contradicts the order of `begin` and `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("ascending parameter contradicts the order of begin and end")]
pub struct Contradiction;

impl AskedRange {
    /// Settles the direction. Without any hint the newest come first; a lone `begin` reads from there
    /// to now, a lone `end` from now back to it.
    pub fn settle(self, now: Timestamp) -> Result<Range, Contradiction> {
        let ascending = match (self.begin, self.end, self.ascending) {
            (Some(begin), Some(end), Some(said)) if begin != end && said != (begin < end) => {
                return Err(Contradiction);
            }
            (_, _, Some(said)) => said,
            (Some(begin), Some(end), None) => begin < end,
            (Some(begin), None, None) => begin <= now,
            (None, Some(end), None) => end > now,
            (None, None, None) => false,
        };
        let (oldest, newest) = if ascending { (self.begin, self.end) } else { (self.end, self.begin) };
        Ok(Range { oldest, newest, ascending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn settle(
        begin: Option<i64>,
        end: Option<i64>,
        ascending: Option<bool>,
    ) -> Option<(Option<i64>, Option<i64>, bool)> {
        let asked = AskedRange {
            begin: begin.map(Timestamp::from_secs),
            end: end.map(Timestamp::from_secs),
            ascending,
        };
        let range = asked.settle(NOW).ok()?;
        Some((range.oldest.map(Timestamp::as_secs), range.newest.map(Timestamp::as_secs), range.ascending))
    }

    #[test]
    fn the_order_of_the_ends_is_the_direction() {
        assert_eq!(settle(Some(1), Some(5), None), Some((Some(1), Some(5), true)));
        assert_eq!(settle(Some(5), Some(1), None), Some((Some(1), Some(5), false)));
        assert_eq!(settle(Some(5), Some(1), Some(false)), Some((Some(1), Some(5), false)));
        assert_eq!(settle(Some(5), Some(5), Some(false)), Some((Some(5), Some(5), false)));
        assert_eq!(settle(Some(1), Some(5), Some(false)), None);
        assert_eq!(settle(Some(5), Some(1), Some(true)), None);
    }

    #[test]
    fn open_ranges_find_their_direction() {
        assert_eq!(settle(None, None, None), Some((None, None, false)));
        assert_eq!(settle(None, None, Some(true)), Some((None, None, true)));
        assert_eq!(settle(Some(5), None, None), Some((Some(5), None, true)));
        assert_eq!(settle(Some(5), None, Some(true)), Some((Some(5), None, true)));
        assert_eq!(settle(Some(5), None, Some(false)), Some((None, Some(5), false)));
        assert_eq!(settle(None, Some(5), None), Some((Some(5), None, false)));
        assert_eq!(settle(None, Some(5), Some(true)), Some((None, Some(5), true)));
        assert_eq!(settle(None, Some(2_000), None), Some((None, Some(2_000), true)));
    }
}

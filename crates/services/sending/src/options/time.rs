//! Options about time: when a message may leave, and until when it is tried.

use std::time::Duration;

use waxseal_mail::date;
use waxseal_model::{Timestamp, options::Schedule};

use crate::{config::SendingConfig, error::SendError};

/// What was said about time.
#[derive(Default)]
pub(crate) struct Timing {
    at: Option<Timestamp>,
    within: Option<Duration>,
    /// Time of day after midnight.
    local_time: Option<Duration>,
}

impl Timing {
    /// `o:deliverytime`: RFC 2822, or seconds since the epoch.
    pub(crate) fn delivery_time(&mut self, value: &str) -> Result<(), SendError> {
        let at = date::parse(value).ok_or_else(|| {
            let number = value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
            SendError::Invalid(match number {
                true => "invalid delivery time format".into(),
                false => format!("{} is not an RFC-2822 compliant date", shown(value)),
            })
        })?;
        self.at = Some(at);
        Ok(())
    }

    /// `o:deliver-within`: `1h30m`, `45m`, `2h`; five minutes to a day.
    pub(crate) fn deliver_within(&mut self, value: &str) -> Result<(), SendError> {
        let within = hours_and_minutes(value)
            .filter(|within| (SHORTEST_WITHIN..=LONGEST_WITHIN).contains(within))
            .ok_or_else(|| {
                SendError::Invalid("o:deliver-within must be between 5m and 24h, such as 1h30m".into())
            })?;
        self.within = Some(within);
        Ok(())
    }

    /// `o:time-zone-localize`: `HH:mm` or `hh:mmaa`. Nothing is known of where a recipient lives, so
    /// it is that time of day in UTC.
    pub(crate) fn localize(&mut self, value: &str) -> Result<(), SendError> {
        let half = value.len().checked_sub(2).and_then(|at| value.split_at_checked(at));
        let time = match half {
            Some((clock, half)) if half.eq_ignore_ascii_case("am") => twelve_hours(clock, 0),
            Some((clock, half)) if half.eq_ignore_ascii_case("pm") => twelve_hours(clock, 12),
            _ => {
                let time = clock(value, 0..=23);
                let text = || SendError::Invalid(format!("{} invalid 24 hour time", shown(value)));
                self.local_time = Some(time.ok_or_else(text)?);
                return Ok(());
            }
        };
        let text = || SendError::Invalid(format!("{} is not a valid time to send", shown(value)));
        self.local_time = Some(time.ok_or_else(text)?);
        Ok(())
    }

    /// The schedule, and whether the message has to wait at all.
    pub(crate) fn schedule(
        &self,
        now: Timestamp,
        config: &SendingConfig,
    ) -> Result<(Schedule, bool), SendError> {
        let mut not_before = self.at.map_or(now, |at| at.max(now));
        if not_before.since(now) > config.max_delay {
            let days = config.max_delay.as_secs() / 86_400;
            let text = format!("o:deliverytime is too far ahead, max is {days} days from now");
            return Err(SendError::Invalid(text));
        }
        if let Some(time) = self.local_time {
            let today = not_before.day().start() + time;
            not_before = if today < not_before { not_before.day().end() + time } else { today };
        }
        let give_up_at = not_before + self.within.unwrap_or(config.give_up_after);
        Ok((Schedule { not_before, give_up_at }, not_before > now))
    }
}

/// `o:deliverytime-optimize-period`: `24h` to `72h`. Nobody's habits are watched, so there is no best
/// time to find and the message is sent at once.
pub(crate) fn check_optimize_period(value: &str) -> Result<(), SendError> {
    let hours = value.strip_suffix(['h', 'H']).and_then(|hours| hours.parse::<u32>().ok());
    match hours {
        Some(24..=72) => Ok(()),
        Some(_) | None => {
            let text = "o:deliverytime-optimize-period must be between 24h and 72h";
            Err(SendError::Invalid(text.into()))
        }
    }
}

fn hours_and_minutes(value: &str) -> Option<Duration> {
    let value = value.to_ascii_lowercase();
    let (hours, rest) = match value.split_once('h') {
        Some((hours, rest)) => (small(hours)?, rest),
        None => (0, value.as_str()),
    };
    let minutes = match rest.strip_suffix('m') {
        Some(minutes) => small(minutes)?,
        None if rest.is_empty() && value.ends_with('h') => 0,
        None => return None,
    };
    Some(Duration::from_secs(hours * 3_600 + minutes * 60))
}

/// A number of one to four digits.
fn small(text: &str) -> Option<u64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn twelve_hours(text: &str, noon: u64) -> Option<Duration> {
    let time = clock(text.trim_end(), 1..=12)?;
    let past = time.as_secs() % (12 * 3_600);
    Some(Duration::from_secs(noon * 3_600 + past))
}

fn clock(text: &str, hours: std::ops::RangeInclusive<u64>) -> Option<Duration> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (small(hour)?, small(minute)?);
    (hours.contains(&hour) && minute < 60).then(|| Duration::from_secs(hour * 3_600 + minute * 60))
}

fn shown(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).take(64).collect()
}

const SHORTEST_WITHIN: Duration = Duration::from_secs(5 * 60);
const LONGEST_WITHIN: Duration = Duration::from_secs(24 * 3_600);

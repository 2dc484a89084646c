//! Dates: every form that callers write, and the forms that the API and mail carry.

#[cfg(test)]
mod tests;

use jiff::{civil, tz};
use waxseal_model::Timestamp;

/// Reads a date as the API takes it: RFC 2822 (one- or two-digit day, with or without weekday and
/// seconds, numeric zone or a name such as `GMT`), RFC 3339, or seconds since the epoch with or without
/// a fraction. Nothing else, and nothing before 1970 or after what can be written again (30 December 9999).
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    epoch(text).or_else(|| rfc3339_text(text)).or_else(|| rfc2822_text(text))
}

/// Reads the value of a `Date` header (RFC 5322 §3.3): of the forms of [`parse`], the one that may stand there.
pub fn of_header(value: &str) -> Option<Timestamp> {
    rfc2822_text(value.trim())
}

fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 12 {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds: i64 = whole.parse().ok()?;
    in_range(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

fn rfc3339_text(text: &str) -> Option<Timestamp> {
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    in_range(Timestamp::from_micros(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()))
}

/// `[Mon,] 2 Jan 2006 15:04[:05] ZONE [(comment)]` (RFC 5322 §3.3).
fn rfc2822_text(text: &str) -> Option<Timestamp> {
    let text = text.split('(').next().unwrap_or(text);
    let text = match text.split_once(',') {
        Some((weekday, rest)) if is_weekday(weekday.trim()) => rest,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?, 1, 2)?;
    let month = month(words.next()?)?;
    let year = number(words.next()?, 4, 4)?;
    let mut clock = words.next()?.split(':');
    let hour = number(clock.next()?, 1, 2)?;
    let minute = number(clock.next()?, 2, 2)?;
    let second = clock.next().map_or(Some(0), |text| number(text, 2, 2))?;
    let offset = zone(words.next()?)?;
    if clock.next().is_some() || words.next().is_some() {
        return None;
    }
    let small = |value: i16| i8::try_from(value).ok();
    // A leap second is the last second of its minute.
    let second = small(second)?.min(59);
    let local =
        civil::DateTime::new(year, month, small(day)?, small(hour)?, small(minute)?, second, 0).ok()?;
    let instant = tz::Offset::UTC.to_timestamp(local).ok()?;
    in_range(Timestamp::from_micros(instant.as_microsecond() - offset * 60 * 1_000_000))
}

/// A time that every zone can write with four digits for the year.
fn in_range(time: Timestamp) -> Option<Timestamp> {
    (0..=jiff::Timestamp::MAX.as_second()).contains(&time.as_secs()).then_some(time)
}

fn number(text: &str, min: usize, max: usize) -> Option<i16> {
    let valid = (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A weekday by its first three letters. Whether it fits the date is not checked: it says nothing more.
fn is_weekday(text: &str) -> bool {
    text.get(..3).is_some_and(|start| WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(start)))
}

fn month(text: &str) -> Option<i8> {
    let start = text.get(..3)?;
    let index = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(start))?;
    i8::try_from(index + 1).ok()
}

/// Minutes east of UTC.
fn zone(text: &str) -> Option<i64> {
    let named: &[(&str, i64)] = &[
        ("GMT", 0),
        ("UTC", 0),
        ("UT", 0),
        ("Z", 0),
        ("EST", -300),
        ("EDT", -240),
        ("CST", -360),
        ("CDT", -300),
        ("MST", -420),
        ("MDT", -360),
        ("PST", -480),
        ("PDT", -420),
    ];
    if let Some((_, minutes)) = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some(*minutes);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let value = i64::from(number(&digits, 4, 4)?);
    let (hours, minutes) = (value / 100, value % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// `Fri, 01 Nov 2024 01:00:00 +0000`: the `Date` header, and analytics.
pub fn rfc2822(time: Timestamp) -> String {
    format(time, "%a, %d %b %Y %H:%M:%S +0000")
}

/// `Sun, 26 Jan 2025 07:29:04 UTC`: suppressions, templates, statistics, event ranges.
pub fn rfc1123_utc(time: Timestamp) -> String {
    format(time, "%a, %d %b %Y %H:%M:%S UTC")
}

/// `Mon, 24 Feb 2025 22:44:03 GMT`: domains, routes, subaccounts.
pub fn rfc1123_gmt(time: Timestamp) -> String {
    format(time, "%a, %d %b %Y %H:%M:%S GMT")
}

/// `2025-06-25T17:19:51.166Z`: logs.
pub fn rfc3339_millis(time: Timestamp) -> String {
    format!("{}.{:03}Z", iso_no_zone(time), time.as_millis().rem_euclid(1_000))
}

/// `2026-01-23T10:16:00`: API keys.
pub fn iso_no_zone(time: Timestamp) -> String {
    format(time, "%Y-%m-%dT%H:%M:%S")
}

/// `20260210123456`, as in Message-IDs.
pub(crate) fn compact(time: Timestamp) -> String {
    format(time, "%Y%m%d%H%M%S")
}

fn format(time: Timestamp, pattern: &str) -> String {
    time.to_jiff().strftime(pattern).to_string()
}

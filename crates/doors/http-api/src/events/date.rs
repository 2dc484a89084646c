//! Times as callers write them: RFC 2822, or seconds since the epoch with or without a fraction.

use waxseal_model::Timestamp;

/// Parses a time.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return epoch(text);
    }
    // RFC 2822 has no name for UTC but `UT` and `GMT`; callers write it all the same.
    let zoned = text.strip_suffix("UTC").or_else(|| text.strip_suffix("utc"));
    let text =
        zoned.map_or_else(|| text.to_owned(), |text| format!("{}+0000", text.trim_end().to_owned() + " "));
    let parsed = jiff::fmt::rfc2822::parse(&text).map(|zoned| zoned.timestamp());
    let parsed = parsed.or_else(|_| text.parse::<jiff::Timestamp>());
    parsed.ok().map(|time| Timestamp::from_micros(time.as_microsecond()))
}

/// Digits with a fraction, without the rounding of floating point.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros: i64 = digits.parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(micros).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_many_forms() {
        for text in [
            "Fri, 06 Feb 2026 02:40:00 +0000",
            "Fri, 6 Feb 2026 02:40:00 -0000",
            "6 Feb 2026 02:40:00 GMT",
            "Fri, 06 Feb 2026 02:40:00 UTC",
            "Fri, 06 Feb 2026 04:40:00 +0200",
            "2026-02-06T02:40:00Z",
            "1770345600",
            "1770345600.0",
            " 1770345600 ",
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_secs(1_770_345_600)), "{text}");
        }
        assert_eq!(parse("1770345600.658528"), Some(Timestamp::from_micros(1_770_345_600_658_528)));
        assert_eq!(parse("1770345600.6585289"), Some(Timestamp::from_micros(1_770_345_600_658_528)));
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in
            ["", "yesterday", "1.2.3", "99999999999999999999", "Fri, 31 Feb 2026 02:40:00 +0000", "UTC"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! What must hold for dates and ids as callers write them.

use waxseal_mail::date;
use waxseal_model::MessageId;

/// A date that is taken lies between 1970 and 9999 and survives each form that it is written in; an id has
/// one text, but for its case.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(time) = date::parse(&text) {
        assert!((0..=253_402_300_799).contains(&time.as_secs()));
        let second = time.as_secs();
        for written in [date::rfc2822(time), date::rfc1123_utc(time)] {
            assert_eq!(date::parse(&written).map(|read| read.as_secs()), Some(second), "{written}");
        }
        let written = date::rfc3339_millis(time);
        assert_eq!(date::parse(&written).map(|read| read.as_millis()), Some(time.as_millis()), "{written}");
    }
    if let Ok(id) = text.parse::<MessageId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
}

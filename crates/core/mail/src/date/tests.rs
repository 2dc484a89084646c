//! Dates in and out.

use proptest::prelude::*;

use super::*;

#[test]
fn every_form_of_callers_is_read() {
    for text in [
        "Tue, 10 Feb 2026 12:34:56 +0000",
        "Tue, 10 Feb 2026 12:34:56 GMT",
        "Tue, 10 Feb 2026 12:34:56 UTC",
        "tue, 10 feb 2026 12:34:56 utc",
        "10 Feb 2026 12:34:56 -0000",
        "Tue, 10 Feb 2026 14:04:56 +0130",
        "Tue, 10 Feb 2026 07:34:56 EST",
        "Tuesday, 10 February 2026 12:34:56 GMT",
        "Tue,10 Feb 2026 12:34:56 Z (UTC)",
        "2026-02-10T12:34:56Z",
        "2026-02-10T13:34:56+01:00",
        "1770726896",
        "1770726896.0",
        " 1770726896.00 ",
    ] {
        assert_eq!(parse(text), Some(Timestamp::from_secs(1_770_726_896)), "{text}");
    }
    assert_eq!(parse("Fri, 6 Feb 2026 1:02 +0000"), Some(Timestamp::from_secs(1_770_339_720)));
    assert_eq!(parse("1770726896.25"), Some(Timestamp::from_micros(1_770_726_896_250_000)));
    assert_eq!(parse("1770726896.1234567"), Some(Timestamp::from_micros(1_770_726_896_123_456)));
}

#[test]
fn a_date_that_could_not_be_written_again_is_not_taken() {
    assert!(parse("30 Dec 9999 21:50 +0000").is_some());
    assert_eq!(parse("30 Dec 9999 3:50 -2359"), None);
}

#[test]
fn other_texts_are_no_dates() {
    for text in [
        "",
        "tomorrow",
        "10 Feb 2026",
        "Tue, 10 Feb 2026 12:34:56",
        "Tue, 32 Feb 2026 12:34:56 GMT",
        "Tue, 30 Feb 2026 12:34:56 GMT",
        "Tue, 10 Feb 2026 25:34:56 GMT",
        "Tue, 10 Feb 2026 12:34:56 GMT x",
        "Xyz, 10 Feb 2026 12:34:56 GMT",
        "Tue, 10 Feb 26 12:34:56 GMT",
        "-1770726896",
        "1e9",
        "1.7e9",
        ".5",
        "1770726896.",
        "999999999999999999",
        "NaN",
        "inf",
        "Tue, 10 Feb 2026 12:34:56 +9999",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn each_form_of_the_api_is_written() {
    let time = Timestamp::from_micros(1_738_654_143_166_900);
    assert_eq!(rfc2822(time), "Tue, 04 Feb 2025 07:29:03 +0000");
    assert_eq!(rfc1123_utc(time), "Tue, 04 Feb 2025 07:29:03 UTC");
    assert_eq!(rfc3339_millis(time), "2025-02-04T07:29:03.166Z");
    assert_eq!(iso_no_zone(time), "2025-02-04T07:29:03");
}

proptest! {
    #[test]
    fn what_is_written_is_read(seconds in 0i64..253_402_300_799) {
        let time = Timestamp::from_secs(seconds);
        for form in [rfc2822, rfc1123_utc, rfc3339_millis] {
            prop_assert_eq!(parse(&form(time)), Some(time));
        }
        prop_assert_eq!(parse(&seconds.to_string()), Some(time));
    }

    #[test]
    fn any_text_is_read_or_not(text in ".{0,60}") {
        let _ = parse(&text);
    }
}

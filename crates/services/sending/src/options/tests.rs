//! What each option means, and what is said about a wrong one.

use std::{net::IpAddr, time::Duration};

use waxseal_model::{
    Timestamp,
    options::{SourceWish, Tracking},
};
use waxseal_store::domain::DomainSettings;

use super::*;

/// Tuesday, 10 February 2026, 12:34:56 UTC.
const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);
const DAY: Duration = Duration::from_secs(86_400);

fn read_as(pairs: &[(&str, &str)], settings: &DomainSettings) -> Result<Options, SendError> {
    let config = SendingConfig::new("mail.example.org");
    read(pairs.iter().copied(), &Rules { now: NOW, settings, config: &config })
}

fn settings() -> DomainSettings {
    DomainSettings {
        require_tls: false,
        skip_verification: false,
        message_ttl_secs: 0,
        ..DomainSettings::default()
    }
}

fn good(pairs: &[(&str, &str)]) -> Options {
    read_as(pairs, &settings()).unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
}

fn bad(name: &str, value: &str) -> String {
    read_as(&[(name, value)], &settings()).expect_err(value).to_string()
}

#[test]
fn without_options_a_message_is_signed_and_leaves_at_once() {
    let options = good(&[]);
    assert!(options.sign && !options.scheduled && !options.delivery.test_mode);
    assert_eq!(options.schedule.not_before, NOW);
    assert_eq!(options.schedule.give_up_at, NOW + 5 * DAY);
    assert_eq!(
        good(&[("no-such-option", "1"), ("campaign", "x"), ("native-send", "yes"), ("dkim", "")]),
        options
    );
}

#[test]
fn booleans_have_ten_spellings_in_any_case() {
    for (word, meant) in [
        ("yes", true),
        ("True", true),
        ("1", true),
        ("ON", true),
        (" yes ", true),
        ("no", false),
        ("False", false),
        ("0", false),
        ("oFF", false),
    ] {
        let options = good(&[
            ("testmode", word),
            ("dkim", word),
            ("require-tls", word),
            ("skip-verification", word),
            ("tracking-opens", word),
        ]);
        assert_eq!(options.delivery.test_mode, meant, "{word}");
        assert_eq!(options.sign, meant, "{word}");
        assert_eq!(options.delivery.require_tls, meant, "{word}");
        assert_eq!(options.delivery.skip_verification, meant, "{word}");
        let tracked = if meant { Tracking::Yes } else { Tracking::No };
        assert_eq!(options.delivery.tracking_opens, Some(tracked), "{word}");
    }
    assert_eq!(bad("testmode", "maybe"), "o:testmode must be yes or no");
    assert_eq!(bad("tracking", "sometimes"), "o:tracking must be yes, no or htmlonly");
}

#[test]
fn tracking_covers_opens_and_clicks() {
    let delivery = good(&[("tracking", "htmlonly"), ("tracking-pixel-location-top", "yes")]).delivery;
    assert_eq!(delivery.tracking_opens, Some(Tracking::Yes));
    assert_eq!(delivery.tracking_clicks, Some(Tracking::HtmlOnly));
    assert_eq!(delivery.tracking_pixel_top, Some(Tracking::Yes));
    let delivery = good(&[("tracking", "yes"), ("tracking-clicks", "no")]).delivery;
    assert_eq!(delivery.tracking_opens, Some(Tracking::Yes));
    assert_eq!(delivery.tracking_clicks, Some(Tracking::No));
}

#[test]
fn the_domain_decides_about_tls_until_the_message_does() {
    let strict = DomainSettings { require_tls: true, ..settings() };
    assert!(read_as(&[], &strict).expect("options").delivery.require_tls);
    assert!(!read_as(&[("require-tls", "no")], &strict).expect("options").delivery.require_tls);
}

#[test]
fn tags_differ_by_more_than_case_and_ten_are_kept() {
    let many: Vec<String> = (0..12).map(|n| format!("tag{n}")).collect();
    let pairs: Vec<_> =
        [("tag", "TAG0")].into_iter().chain(many.iter().map(|t| ("tag", t.as_str()))).collect();
    let tags = good(&pairs).tags;
    assert_eq!(tags.len(), 10);
    assert_eq!(tags[..2], ["TAG0", "tag1"]);
    let text = "o:tag must be printable ASCII of at most 128 characters";
    assert_eq!(bad("tag", &"x".repeat(129)), text);
    assert_eq!(bad("tag", "grün"), text);
    assert_eq!(bad("tag", "a\r\nBcc: x@example.org"), text);
}

#[test]
fn delivery_times_are_dates_or_seconds_up_to_three_days_ahead() {
    for (value, at) in [
        ("Tue, 10 Feb 2026 13:00:00 +0000", Timestamp::from_secs(1_770_728_400)),
        ("Tue, 10 Feb 2026 15:00:00 +0200", Timestamp::from_secs(1_770_728_400)),
        ("1770728400", Timestamp::from_secs(1_770_728_400)),
        ("1770728400.5", Timestamp::from_micros(1_770_728_400_500_000)),
        ("Fri, 13 Feb 2026 12:34:56 GMT", NOW + 3 * DAY),
    ] {
        let options = good(&[("deliverytime", value)]);
        assert_eq!(options.schedule.not_before, at, "{value}");
        assert!(options.scheduled);
        assert_eq!(options.schedule.give_up_at, at + 5 * DAY);
    }
    let past = good(&[("deliverytime", "Tue, 3 Feb 2026 13:00:00 GMT")]);
    assert_eq!((past.schedule.not_before, past.scheduled), (NOW, false));
    let far = "o:deliverytime is too far ahead, max is 3 days from now";
    assert_eq!(bad("deliverytime", "Fri, 13 Feb 2026 12:34:57 GMT"), far);
    assert_eq!(bad("deliverytime", "tomorrow"), "tomorrow is not an RFC-2822 compliant date");
    assert_eq!(bad("deliverytime", "-5"), "invalid delivery time format");
    assert_eq!(bad("deliverytime", "99999999999999999999"), "invalid delivery time format");
}

#[test]
fn the_window_counts_from_the_scheduled_time() {
    for (value, minutes) in [("5m", 5), ("45m", 45), ("2h", 120), ("1h30m", 90), ("24h", 1_440), ("1H5M", 65)]
    {
        let options = good(&[("deliver-within", value)]);
        assert_eq!(options.schedule.give_up_at, NOW + Duration::from_secs(minutes * 60), "{value}");
    }
    let options = good(&[("deliverytime", "1770728400"), ("deliver-within", "1h")]);
    assert_eq!(options.schedule.give_up_at, Timestamp::from_secs(1_770_728_400 + 3_600));
    for value in ["4m", "24h1m", "25h", "h", "m", "1h30", "30", "soon", "1d", "-5m", "99999h", "1h5h"] {
        assert_eq!(
            bad("deliver-within", value),
            "o:deliver-within must be between 5m and 24h, such as 1h30m"
        );
    }
}

#[test]
fn a_local_time_is_the_next_such_time_in_utc() {
    let midnight = NOW.day().start();
    for (value, at) in [
        ("14:00", midnight + Duration::from_secs(14 * 3_600)),
        ("02:00PM", midnight + Duration::from_secs(14 * 3_600)),
        ("2:00pm", midnight + Duration::from_secs(14 * 3_600)),
        ("12:00AM", midnight + DAY),
        ("09:30", midnight + DAY + Duration::from_secs(9 * 3_600 + 1_800)),
    ] {
        assert_eq!(good(&[("time-zone-localize", value)]).schedule.not_before, at, "{value}");
    }
    assert_eq!(bad("time-zone-localize", "24:00"), "24:00 invalid 24 hour time");
    assert_eq!(bad("time-zone-localize", "noon"), "noon invalid 24 hour time");
    assert_eq!(bad("time-zone-localize", "13:00PM"), "13:00PM is not a valid time to send");
    assert_eq!(bad("time-zone-localize", "é"), "é invalid 24 hour time");
}

#[test]
fn the_optimize_period_is_checked_and_sends_at_once() {
    assert!(!good(&[("deliverytime-optimize-period", "24h")]).scheduled);
    for value in ["23h", "73h", "24", "x"] {
        let text = "o:deliverytime-optimize-period must be between 24h and 72h";
        assert_eq!(bad("deliverytime-optimize-period", value), text);
    }
}

#[test]
fn an_address_or_a_pool_to_leave_from_is_read() {
    let asked = good(&[("sending-ip", "192.0.2.7"), ("sending-ip-pool", "p1")]).delivery;
    assert_eq!(asked.source(), Some(SourceWish::Address(IpAddr::from([192, 0, 2, 7]))));
    let asked = good(&[("sending-ip-pool", "p1")]).delivery;
    assert_eq!(asked.source(), Some(SourceWish::Pool("p1".into())));
    assert_eq!(bad("sending-ip", "here"), "o:sending-ip is not an IP address");
}

#[test]
fn names_of_secondary_keys_are_domain_and_selector() {
    let key = good(&[("secondary-dkim", "Example.ORG/K1")]).secondary_dkim.expect("key");
    assert_eq!((key.domain.as_str(), key.selector.as_str()), ("example.org", "k1"));
    for value in ["example.org", "/k1", "example.org/", "example.org/a b", "*/k1"] {
        assert_eq!(bad("secondary-dkim", value), "is not a valid secondary dkim domain name");
    }
}

#[test]
fn headers_of_ours_can_be_hidden() {
    let hidden = good(&[("suppress-headers", "X-Mailgun-Tag, x-mailgun-variables")]).hidden_headers;
    assert!(hidden.hides("X-Mailgun-Variables") && hidden.hides("x-mailgun-tag"));
    assert!(!hidden.hides("X-Mailgun-Batch-Id") && !hidden.hides("Subject"));
    assert!(good(&[("suppress-headers", "all")]).hidden_headers.hides("X-Mailgun-Batch-Id"));
    assert_eq!(
        bad("suppress-headers", "Subject"),
        "o:suppress-headers must be all or a list of X-Mailgun- header names"
    );
}

#[test]
fn an_archive_is_somewhere_on_the_internet() {
    let archive = |url| good(&[("archive-to", url)]).archive_to;
    assert_eq!(
        archive("https://Archive.example.org/in?k=1"),
        Some("https://archive.example.org/in?k=1".into())
    );
    assert_eq!(archive(" "), None);
    for (url, why) in [
        ("archive.example.org", "must start with http:// or https://"),
        ("https://user:pass@example.org/", "must not hold a user name or a password"),
        ("https://example.org:8080/", "has a port that may not be called"),
        ("http://127.0.0.1/", "must name a host on the public Internet"),
        ("http://[::1]/", "must name a host on the public Internet"),
        ("https://exa mple.org/", "is not a URL: give one such as https://archive.example.com/in"),
    ] {
        assert_eq!(bad("archive-to", url), format!("o:archive-to {why}"), "{url}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_given_is_read_or_refused(name in "[a-z-]{0,20}", value in "\\PC{0,40}") {
        let _ = read_as(&[(&name, &value)], &settings());
    }

    #[test]
    fn whatever_looks_like_a_time_is_read_or_refused(value in "[0-9hmHMapAP: .+-]{0,12}") {
        for name in ["deliverytime", "deliver-within", "time-zone-localize", "deliverytime-optimize-period"] {
            if let Ok(options) = read_as(&[(name, &value)], &settings()) {
                let ahead = options.schedule.not_before.since(NOW);
                proptest::prop_assert!(ahead <= 4 * DAY && options.schedule.not_before >= NOW);
                proptest::prop_assert!(options.schedule.give_up_at > options.schedule.not_before);
            }
        }
    }
}

//! Options that travel in headers.

use proptest::prelude::*;

use super::*;
use crate::patch::Limits;

fn found(headers: &str) -> OptionHeaders {
    let mime = format!("{headers}From: a@b.c\r\n\r\nx").into_bytes();
    from_mime(&Message::read(mime, &Limits::default()).unwrap())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The header of these variables as it leaves.
fn written(variables: &[(String, String)]) -> String {
    header::custom("X-Mailgun-Variables", &variables_value(variables)).unwrap()
}

#[test]
fn each_header_is_its_option() {
    for (header, option) in [
        ("X-Mailgun-Tag", "tag"),
        ("x-mailgun-dkim", "dkim"),
        ("X-Mailgun-Secondary-DKIM", "secondary-dkim"),
        ("X-Mailgun-Secondary-DKIM-Public", "secondary-dkim-public"),
        ("X-Mailgun-Deliver-By", "deliverytime"),
        ("X-Mailgun-Deliver-Within", "deliver-within"),
        ("X-Mailgun-Delivery-Time-Optimize-Period", "deliverytime-optimize-period"),
        ("X-Mailgun-Time-Zone-Localize", "time-zone-localize"),
        ("X-Mailgun-Drop-Message", "testmode"),
        ("X-Mailgun-Track", "tracking"),
        ("X-Mailgun-Track-Clicks", "tracking-clicks"),
        ("X-Mailgun-Track-Opens", "tracking-opens"),
        ("X-Mailgun-Track-Pixel-Location-Top", "tracking-pixel-location-top"),
        ("X-Mailgun-Require-TLS", "require-tls"),
        ("X-Mailgun-Skip-Verification", "skip-verification"),
        ("X-Mailgun-Sending-Ip", "sending-ip"),
        ("X-Mailgun-Sending-Ip-Pool", "sending-ip-pool"),
        ("X-Mailgun-Archive-To", "archive-to"),
        ("X-Mailgun-Suppress-Headers", "suppress-headers"),
        ("X-Mailgun-Campaign-Id", "campaign"),
    ] {
        let found = found(&format!("{header}:  some\r\n value \r\n"));
        assert_eq!(found.options, pairs(&[(option, "some value")]), "{header}");
    }
    let found = found(
        "X-Mailgun-Template-Name: t\r\nX-Mailgun-Template-Version: v\r\n\
                       X-Mailgun-Template-Variables: {}\r\nX-Mailgun-Template-Text: yes\r\n",
    );
    assert_eq!(
        found.template,
        pairs(&[("template", "t"), ("t:version", "v"), ("t:variables", "{}"), ("t:text", "yes")])
    );
}

#[test]
fn repeated_headers_add_up() {
    let found = found(
        "X-Mailgun-Tag: a\r\nX-Mailgun-Tag: =?utf-8?q?b=C3=BC?=\r\n\
        X-Mailgun-Variables: {\"a\": \"1\", \"b\": 2}\r\nX-Mailgun-Variables: not JSON\r\n\
        X-Mailgun-Variables: {\"b\": {\"c\":\r\n  [true, null]}, \"d\": \"\\u00fc\"}\r\n\
        X-Mailgun-Recipient-Variables: {\"x@y.z\":\r\n {\"k\": 1}}\r\nX-Other: 1\r\n",
    );
    assert_eq!(found.options, pairs(&[("tag", "a"), ("tag", "bü")]));
    assert_eq!(found.variables, pairs(&[("a", "1"), ("b", "{\"c\":[true,null]}"), ("d", "ü")]));
    assert_eq!(found.recipient_variables.as_deref(), Some("{\"x@y.z\": {\"k\": 1}}"));
}

#[test]
fn header_parameters_work_alike() {
    let headers =
        pairs(&[("X-Mailgun-Drop-Message", "yes"), ("X-Mailgun-Variables", "{\"a\":\"b\"}"), ("X", "y")]);
    let found = from_headers(&headers);
    assert_eq!(found.options, pairs(&[("testmode", "yes")]));
    assert_eq!(found.variables, pairs(&[("a", "b")]));
}

#[test]
fn variables_are_written_so_that_any_server_passes_them_on() {
    let variables =
        pairs(&[("k", "ü \u{2028}\n\"x\\\": y,🎉"), ("long", &"word, word: ".repeat(300)), ("e", "")]);
    let line = written(&variables);
    assert!(line.is_ascii() && line.starts_with("X-Mailgun-Variables: {"));
    assert!(line.split("\r\n").all(|part| part.len() <= 78), "{line}");
    assert_eq!(found(&line).variables, variables);
}

#[test]
fn variables_that_look_like_encoded_words_stay_what_they_are() {
    let long = format!("=?utf-8?q?{}?= =?", "\u{fffd}".repeat(300));
    let variables = pairs(&[("a", "=?utf-8?q?=62?="), ("b", &long)]);
    assert_eq!(found(&written(&variables)).variables, variables);
}

proptest! {
    #[test]
    fn any_variables_survive_their_header(
        variables in proptest::collection::btree_map(".{1,20}", ".{0,200}", 1..5),
    ) {
        let variables: Vec<_> = variables.into_iter().collect();
        let line = written(&variables);
        prop_assert!(line.split("\r\n").all(|part| part.len() <= 998));
        prop_assert_eq!(found(&line).variables, variables);
    }
}

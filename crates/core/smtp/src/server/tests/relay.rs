//! Nobody sends without being let in, however the addresses are written.

use super::*;

/// The patterns of nmap's `smtp-open-relay` (16 pairs of sender and recipient).
const CLASSIC: [(&str, &str); 16] = [
    ("", "relaytest@target.example"),
    ("antispam@source.example", "relaytest@target.example"),
    ("antispam@mail.example.org", "relaytest@target.example"),
    ("antispam@[192.0.2.1]", "relaytest@target.example"),
    ("antispam@[192.0.2.1]", "relaytest%target.example@[192.0.2.1]"),
    ("antispam@[192.0.2.1]", "relaytest%target.example@mail.example.org"),
    ("antispam@[192.0.2.1]", "\"relaytest@target.example\""),
    ("antispam@[192.0.2.1]", "\"relaytest%target.example\""),
    ("antispam@[192.0.2.1]", "relaytest@target.example@[192.0.2.1]"),
    ("antispam@[192.0.2.1]", "\"relaytest@target.example\"@[192.0.2.1]"),
    ("antispam@[192.0.2.1]", "relaytest@target.example@mail.example.org"),
    ("antispam@[192.0.2.1]", "@[192.0.2.1]:relaytest@target.example"),
    ("antispam@[192.0.2.1]", "@mail.example.org:relaytest@target.example"),
    ("antispam@[192.0.2.1]", "target.example!relaytest"),
    ("antispam@[192.0.2.1]", "target.example!relaytest@[192.0.2.1]"),
    ("antispam@[192.0.2.1]", "target.example!relaytest@mail.example.org"),
];

/// Forty more ways to write a recipient elsewhere.
const MORE: [&str; 40] = [
    "user%target.example@mail.example.org",
    "\"user%target.example\"@mail.example.org",
    "\"user@target.example\"@mail.example.org",
    "\"target.example!user\"@mail.example.org",
    "@mail.example.org:user@target.example",
    "@mail.example.org,@target.example:user@target.example",
    "@mail.example.org:@target.example:user@target.example",
    "user@[198.51.100.1]",
    "user@[IPv6:2001:db8::1]",
    "user@[::1]",
    "user@198.51.100.1",
    "user@target.example@mail.example.org",
    "user@mail.example.org@target.example",
    " user@target.example",
    "user@target.example ",
    "user @target.example",
    "user@ target.example",
    "<user@target.example>",
    "target.example!user",
    "a!b!c!user@mail.example.org",
    "user@target.example.",
    "user@mail.example.org.",
    "user@MAIL.EXAMPLE.ORG",
    "USER@TARGET.EXAMPLE",
    "user@xn--bcher-kva.example",
    "user@b\u{fc}cher.example",
    "\u{fc}ser@target.example",
    "\"user\"@target.example",
    "\"user\\@target.example\"@mail.example.org",
    "user\\@target.example@mail.example.org",
    "user(comment)@target.example",
    "user@(comment)target.example",
    "user@target.example,other@target.example",
    "user@target.example;other@target.example",
    "user@target.example:25",
    "postmaster",
    "postmaster@target.example",
    "user@localhost",
    "user",
    "",
];

#[test]
fn nothing_is_relayed_for_strangers() {
    let senders = ["", "postmaster@mail.example.org", "user@mail.example.org", "user@[127.0.0.1]"];
    let more = MORE.iter().flat_map(|to| senders.iter().map(move |from| (*from, *to)));
    for (from, to) in CLASSIC.into_iter().chain(more) {
        let mut client = Client::new(config());
        client.line("EHLO x");
        client.expect(&[(&format!("MAIL FROM:<{from}>"), "530 5.7.0")]);
        let heard = client.line(&format!("RCPT TO:<{to}>"));
        assert!(heard.starts_with('5'), "{to}: {heard}");
        let heard = client.line("DATA");
        assert!(heard.starts_with("503"), "{to}: {heard}");
        assert!(client.line("x\r\n.").starts_with("500"));
        assert!(client.messages.is_empty());
    }
}

#[test]
fn being_let_in_is_for_one_connection() {
    let mut client = Client::new(config());
    client.expect(&[
        ("EHLO x", "250"),
        ("AUTH PLAIN AHVzZXIAc2VjcmV0", "235"),
        ("EHLO y", "250"),
        ("MAIL FROM:<a@b>", "250"),
    ]);
    let mut other = Client::new(config());
    other.expect(&[("EHLO x", "250"), ("MAIL FROM:<a@b>", "530")]);
}

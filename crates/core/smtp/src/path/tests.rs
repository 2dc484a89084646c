//! Which addresses an envelope takes, and what is left of them.

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> Result<String, PathError> {
    match Path::parse(text.as_bytes(), true)? {
        Path::Mailbox(mailbox) => Ok(mailbox.into_string()),
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn addresses_of_all_kinds_are_taken() {
    for good in [
        "a@b",
        "user+tag@example.org",
        "USER@EXAMPLE.ORG",
        "user%dom@example.org",
        "dom!user@example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "\"user@dom\"@example.org",
        "\"a b\\\"\\\\>\"@example.org",
        "user@[192.0.2.1]",
        "user@[IPv6:2001:db8::1]",
        "user@[ipv6:::1]",
        "user@xn--bcher-kva.example",
        "user@bücher.example",
        "пользователь@пример.рф",
        "user@under_score.example",
    ] {
        assert_eq!(address(&format!("<{good}>")).as_deref(), Ok(good));
    }
}

#[test]
fn other_texts_are_refused() {
    for bad in [
        "<@>",
        "<a>",
        "<a@>",
        "<@b>",
        "<a@b@c>",
        "<a b@c>",
        "< a@b>",
        "<a@b >",
        "<.a@b>",
        "<a.@b>",
        "<a..b@c>",
        "<a@-b>",
        "<a@b->",
        "<a@b.>",
        "<a@.b>",
        "<a@b..c>",
        "<a@b c>",
        "<\"\"@b>",
        "<\"a@b>",
        "<\"a\"b@c>",
        "<a@[1.2.3]>",
        "<a@[1.2.3.4>",
        "<a@[IPv6:1]>",
        "<a@[x:y]>",
        "<a@[]>",
        "<a<b@c>",
        "<a(c)@b>",
        "<a@b,c@d>",
        "<a;b@c>",
        "<a@b:25>",
        "<@b:>",
        "<@b,c:a@d>",
        "<@:a@b>",
        "<\"a\u{7}\"@b>",
        "<\"a\\é\"@b>",
        "<a\u{2028}b@c>",
        "<a@b\u{85}c>",
        "<[a]@b>",
        "<a\\b@c>",
    ] {
        assert_eq!(Path::parse(bad.as_bytes(), true), Err(PathError::Syntax), "{bad}");
    }
    for bad in ["", "<", ">", "a@b", "<a@b", "a@b>", "a@b <a@b>", "<a@b>x"] {
        assert_eq!(Path::parse(bad.as_bytes(), true), Err(PathError::Brackets), "{bad}");
    }
    assert_eq!(Path::parse(b"<\xff@b>", true), Err(PathError::Syntax));
}

#[test]
fn nobody_and_postmaster_have_no_domain() {
    assert_eq!(Path::parse(b"<>", false), Ok(Path::Null));
    assert_eq!(Path::parse(b"<PostMaster>", false), Ok(Path::Postmaster));
}

#[test]
fn a_source_route_is_dropped() {
    assert_eq!(address("<@a.example,@b.example:user@c.example>").as_deref(), Ok("user@c.example"));
}

#[test]
fn parts_are_told_apart_at_the_right_sign() {
    let mailbox = Mailbox::parse("\"a@b\"@example.org", false).expect("an address");
    assert_eq!((mailbox.local_part(), mailbox.domain()), ("\"a@b\"", "example.org"));
    assert!(!mailbox.is_literal());
    assert!(Mailbox::parse("a@[192.0.2.1]", false).expect("an address").is_literal());
}

#[test]
fn beyond_ascii_needs_smtputf8() {
    assert_eq!(Path::parse("<ü@b>".as_bytes(), false), Err(PathError::NeedsUtf8));
    assert_eq!(Path::parse("<a@ü>".as_bytes(), false), Err(PathError::NeedsUtf8));
    assert!(Mailbox::parse("ü@b", true).expect("an address").needs_utf8());
}

#[test]
fn lengths_are_limited() {
    let local = "l".repeat(64);
    let domain = format!("{}.example", "d".repeat(63));
    assert!(address(&format!("<{local}@{domain}>")).is_ok());
    assert_eq!(address(&format!("<l{local}@{domain}>")), Err(PathError::TooLong));
    assert_eq!(address(&format!("<a@{}.example>", "d".repeat(64))), Err(PathError::Syntax));
    assert_eq!(address(&format!("<a@{}>", "d.".repeat(130))), Err(PathError::TooLong));
}

#[test]
fn the_end_of_a_path_is_not_in_quotes() {
    assert_eq!(Path::end(b"<\"a>\\\"\"@b> SIZE=1"), Some(10));
    assert_eq!(Path::end(b"<a@b"), None);
}

#[test]
fn debug_does_not_show_addresses() {
    let path = Path::parse(b"<alice@example.com>", false).expect("a path");
    assert!(!format!("{path:?}").contains("alice"));
}

proptest! {
    #[test]
    fn what_is_taken_has_two_parts_and_no_line_end(text in "<[a-z@.\"\\\\\r\n\0\\[\\]:,é <>-]{0,30}>") {
        if let Ok(Path::Mailbox(mailbox)) = Path::parse(text.as_bytes(), true) {
            prop_assert_eq!(format!("{}@{}", mailbox.local_part(), mailbox.domain()), mailbox.as_str());
            prop_assert!(!mailbox.domain().is_empty() && !mailbox.domain().contains('@'));
            prop_assert!(!mailbox.as_str().contains(['\r', '\n', '\0']));
        }
    }
}

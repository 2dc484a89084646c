//! Customers' messages, read and patched.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Message, MimeError> {
    Message::read(text.as_bytes().to_vec(), &Limits::default())
}

fn patch<'a>(set: &'a [(String, String)], remove: &'a [&'a str]) -> Patch<'a> {
    Patch { set, remove, message_id: "new@example.org", date: Timestamp::from_secs(1_770_726_896) }
}

fn patched(text: &str, set: &[(&str, &str)], remove: &[&str]) -> (String, String) {
    let set: Vec<_> = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let Patched { mime, message_id } = read(text).unwrap().patch(&patch(&set, remove)).unwrap();
    (String::from_utf8(mime).unwrap(), message_id)
}

const COMPLETE: &str = "Message-ID: <old@example.org>\r\nDate: Mon, 09 Feb 2026 12:00:00 +0000\r\n\
    MIME-Version: 1.0\r\nfrom:A <a@example.org>\r\nSubject:  folded\r\n\tsubject \r\n\r\nHello  \r\n.\r\n";

#[test]
fn a_complete_message_stays_as_it_is() {
    assert_eq!(patched(COMPLETE, &[], &[]), (COMPLETE.to_owned(), "old@example.org".to_owned()));
}

#[test]
fn what_is_missing_is_added_at_the_end_of_the_header() {
    let (mime, id) = patched("From: a@example.org\r\n\r\nHello", &[], &[]);
    assert_eq!(id, "new@example.org");
    assert_eq!(
        mime,
        "From: a@example.org\r\nDate: Tue, 10 Feb 2026 12:34:56 +0000\r\nMime-Version: 1.0\r\n\
         Message-Id: <new@example.org>\r\n\r\nHello"
    );
    assert!(patched("From: a@example.org", &[], &[]).0.ends_with("<new@example.org>\r\n\r\n"));
    assert_eq!(patched("From: a@example.org\r\nMessage-Id: \r\n\r\nx", &[], &[]).1, "new@example.org");
}

#[test]
fn secret_recipients_and_options_do_not_leave() {
    let secret = "Bcc: x@example.org,\r\n y@example.org\r\nbcc : z@example.org\r\nResent-Bcc: q@example.org\r\n\
                  Return-Path: <r@example.org>\r\nX-Mailgun-Recipient-Variables: {\"x@example.org\":\r\n {}}\r\n\
                  X-mailgun-drop-message: yes\r\n";
    let kept = "X-Mailgun-Tag: news\r\nX-Mailgun-Variables: {\"a\": 1}\r\n";
    let (mime, _) = patched(&format!("{secret}{kept}{COMPLETE}"), &[], &[]);
    assert_eq!(mime, format!("{kept}{COMPLETE}"));
    let (mime, _) =
        patched(&format!("{secret}{kept}{COMPLETE}"), &[], &["x-mailgun-tag", "X-MAILGUN-VARIABLES"]);
    assert_eq!(mime, COMPLETE);
}

#[test]
fn set_fields_replace_or_add() {
    let (mime, id) = patched(
        COMPLETE,
        &[
            ("subject", "Größe"),
            ("X-New", "1"),
            ("X-New", "2"),
            ("Message-Id", "<set@example.org>"),
            ("Bcc", "x@y.z"),
        ],
        &[],
    );
    assert_eq!(id, "set@example.org");
    assert!(mime.starts_with("Message-Id: <set@example.org>\r\nDate: Mon"), "{mime}");
    assert!(
        mime.contains(
            "from:A <a@example.org>\r\nsubject: =?UTF-8?B?R3LDtsOfZQ==?=\r\nX-New: 1\r\nX-New: 2\r\n\r\n"
        ),
        "{mime}"
    );
}

#[test]
fn a_date_that_nobody_can_read_is_replaced() {
    let now = "Date: Tue, 10 Feb 2026 12:34:56 +0000\r\n";
    for junk in ["junk", "", "1770726896", "2026-02-10T12:34:56Z", "Tue, 99 Feb 2026 12:34:56 +0000"] {
        let text = COMPLETE.replace("Mon, 09 Feb 2026 12:00:00 +0000", junk);
        let expect = COMPLETE.replace("Date: Mon, 09 Feb 2026 12:00:00 +0000\r\n", now);
        assert_eq!(patched(&text, &[], &[]).0, expect, "{junk}");
    }
    let set = [("Date", "Mon, 9 Feb 2026 13:00:00 +0100")];
    let text = COMPLETE.replace("Mon, 09 Feb 2026 12:00:00 +0000", "junk");
    assert!(patched(&text, &set, &[]).0.contains("\r\nDate: Mon, 9 Feb 2026 13:00:00 +0100\r\n"));
}

#[test]
fn a_field_that_a_message_has_once_is_set_once() {
    let set = [
        ("From", ""),
        ("From", "b@example.org"),
        ("from", "c@example.org"),
        ("X-A", ""),
        ("date", "1770726896"),
    ];
    let (mime, _) = patched(COMPLETE, &set, &[]);
    assert!(mime.contains("\r\nFrom: b@example.org\r\n") && !mime.contains("c@example.org"), "{mime}");
    assert!(mime.contains("\r\ndate: Tue, 10 Feb 2026 12:34:56 +0000\r\n"), "{mime}");
    assert!(mime.contains("\r\nX-A:"), "{mime}");
    let set = [("Date".to_owned(), "nonsense".to_owned())];
    let refused = read(COMPLETE).unwrap().patch(&patch(&set, &[])).err();
    assert_eq!(refused, Some(MimeError::Header(HeaderError::BadDate)));
}

#[test]
fn fields_that_a_message_may_have_once_are_found_twice() {
    for name in [
        "From",
        "sender",
        "Reply-To",
        "TO",
        "cc",
        "Subject",
        "Date",
        "message-id",
        "In-Reply-To",
        "References",
    ] {
        let text =
            format!("{name}: a@example.org\r\nReceived: x\r\n{name} : b@example.org\r\nReceived: y\r\n\r\nx");
        assert!(
            read(&text).unwrap().repeated().is_some_and(|found| found.eq_ignore_ascii_case(name)),
            "{name}"
        );
    }
    assert_eq!(read("Bcc: a@b\r\nX: y\r\nbcc: c@d\r\nX: z\r\nTo: a@b\r\n\r\nx").unwrap().repeated(), None);
}

#[test]
fn line_endings_of_files_become_those_of_the_wire() {
    let (mime, _) = patched(&COMPLETE.replace("\r\n", "\n"), &[], &[]);
    assert_eq!(mime, COMPLETE);
    // A text with CRLF inside a message with LF, and the other way round in the body.
    assert_eq!(read("From: a@b\n\none\r\ntwo\n").unwrap().as_bytes(), b"From: a@b\r\n\r\none\r\ntwo\r\n");
    assert_eq!(read("From: a@b\r\n\r\none\ntwo\r\n").unwrap().as_bytes(), b"From: a@b\r\n\r\none\r\ntwo\r\n");
    // What some programs write before a message.
    assert_eq!(read("\nFrom: a@b\n\nx").unwrap().as_bytes(), b"From: a@b\r\n\r\nx");
    assert_eq!(read("From me Mon Feb\nFrom: a@b\n\nx").unwrap().as_bytes(), b"From: a@b\r\n\r\nx");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (text, expect) in [
        ("", MimeError::Empty),
        ("\r\n\r\n", MimeError::Empty),
        ("From: a@b\r\nX: y\nBcc: z@b\r\n\r\nx", MimeError::BareLineEnd { line: 2 }),
        ("From: a@b\nX: y\r\nBcc: z@b\n\nx", MimeError::BareLineEnd { line: 2 }),
        ("From: a@b\r\nX: y\rBcc: z@b\r\n\r\nx", MimeError::BareLineEnd { line: 2 }),
        ("From: a@b\r\n\r\nx\ry\r\n", MimeError::BareLineEnd { line: 3 }),
        ("From: a@b\r\r\n\r\nx", MimeError::BareLineEnd { line: 1 }),
        ("From: a@b\r\n\r\nx\r\n\0", MimeError::Nul { line: 4 }),
        ("Hello\r\n\r\nx", MimeError::NotAField { line: 1 }),
        (" From: a@b\r\n\r\nx", MimeError::NotAField { line: 1 }),
        ("From: a@b\r\nBad name: x\r\n\r\nx", MimeError::NotAField { line: 2 }),
        ("From: a@b\r\n: x\r\n\r\nx", MimeError::NotAField { line: 2 }),
    ] {
        assert_eq!(read(text).err(), Some(expect), "{text:?}");
    }
}

#[test]
fn parts_with_lines_that_smtp_cannot_carry_are_encoded_anew_and_others_stay() {
    let long = format!("<p>{} Grüße</p>", "word ".repeat(400));
    let file = "QUJD".repeat(400);
    let kept = "--b\r\nContent-Type: text/plain\r\n\r\nshort\r\n";
    let text = format!(
        "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{kept}\
         --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{long}\r\n--b\r\nContent-Type: application/x\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x\r\n\r\n{file}\r\n--b--\r\n"
    );
    let (mime, _) = patched(&text, &[], &[]);
    assert!(mime.lines().all(|line| line.len() <= 76), "{mime}");
    assert!(mime.contains(kept));
    let stored = crate::inspect::stored(mime.as_bytes());
    assert_eq!(stored.body_html, long);
    let attachment = crate::inspect::attachment(mime.as_bytes(), 0).expect("the file");
    assert_eq!(attachment.bytes, "ABC".repeat(400).as_bytes());

    let (mime, _) = patched(&format!("From: a@example.org\r\n\r\n{long}"), &[], &[]);
    assert_eq!(crate::inspect::stored(mime.as_bytes()).body_plain, long);
    assert!(mime.contains("Content-Transfer-Encoding: quoted-printable"));
}

#[test]
fn what_somebody_signed_stays_byte_for_byte() {
    let long = format!("<p>{} Grüße %recipient_email%</p>\r\n", "word ".repeat(400));
    let signed = format!(
        "--s\r\nContent-Type: text/html\r\n\r\n{long}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n\
         -----BEGIN PGP SIGNATURE-----\r\n\r\n--s--\r\n"
    );
    let alone = format!(
        "From: a@example.org\r\nContent-Type: multipart/signed; micalg=pgp-sha256;\r\n boundary=s\r\n\r\n{signed}"
    );
    assert!(patched(&alone, &[], &[]).0.ends_with(&signed));
    // Beside it, what nobody signed is still made fit for the wire.
    let footer = format!("--m\r\nContent-Type: text/plain\r\n\r\n{}\r\n--m--\r\n", "foot ".repeat(400));
    let listed = format!(
        "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\
         Content-Type: multipart/signed; boundary=s\r\n\r\n{signed}{footer}"
    );
    let (mime, _) = patched(&listed, &[], &[]);
    let (_, after) = mime.split_once(&signed).expect("the signed part as it was");
    assert!(after.contains("quoted-printable") && after.lines().all(|line| line.len() <= 76), "{after}");
    // A long line that is neither signed nor text is refused as ever.
    let picture = format!("--m\r\nContent-Type: image/x\r\n\r\n{}\r\n--m--\r\n", "x".repeat(999));
    let refused = read(&listed.replace(&footer, &picture)).err();
    assert!(matches!(refused, Some(MimeError::LongLine { .. })), "{refused:?}");
}

#[test]
fn variables_of_many_recipients_do_not_count_as_header() {
    let people: Vec<String> = (0..1_000)
        .map(|number| format!("\"person-{number}@rcpt.example\":\r\n {{\"name\": \"{}\"}}", "n".repeat(100)))
        .collect();
    let variables = format!("X-Mailgun-Recipient-Variables: {{{}}}\r\n", people.join(", "));
    assert!(variables.len() > 102_400);
    let message = read(&format!("{variables}{COMPLETE}")).expect("a message");
    let found = options::from_mime(&message).recipient_variables.expect("variables");
    assert_eq!(crate::substitute::parse_variables(&found, 1_000).map(|all| all.len()), Ok(1_000));
    assert_eq!(patched(&format!("{variables}{COMPLETE}"), &[], &[]).0, COMPLETE);
    // They have a limit of their own, and what does leave keeps the limit of the header block.
    let much = format!(
        "X-Mailgun-Recipient-Variables: {{}}\r\n{}{COMPLETE}",
        format!(" {:990}\r\n", "").repeat(4_300)
    );
    assert_eq!(read(&much).err(), Some(MimeError::LargeOptions { limit: 4 * 1024 * 1024 }));
    let kept = variables.replace("Recipient-Variables", "Variables");
    let large = MimeError::LargeHeader { size: 102_400, fields: 1_000 };
    assert_eq!(read(&format!("{kept}{COMPLETE}")).err(), Some(large));
}

#[test]
fn the_trace_of_a_message_cannot_be_set_and_address_fields_hold_addresses() {
    let trace = "Received: from a by b; Mon, 09 Feb 2026 12:00:00 +0000\r\n";
    let set = [
        ("Received", "forged"),
        ("Authentication-Results", "forged"),
        ("ARC-Seal", "x"),
        ("DKIM-Signature", "x"),
    ];
    assert_eq!(patched(&format!("{trace}{COMPLETE}"), &set, &[]).0, format!("{trace}{COMPLETE}"));
    let set = [("Reply-To".to_owned(), "not one".to_owned())];
    let refused = read(COMPLETE).unwrap().patch(&patch(&set, &[])).err();
    assert_eq!(refused, Some(MimeError::Header(HeaderError::BadAddress { name: "Reply-To".into() })));
}

#[test]
fn limits_hold() {
    let line = "x".repeat(998);
    let body = format!("From: a@b\r\n\r\n{line}\r\n{line}");
    assert!(read(&body).is_ok());
    let picture = "From: a@b\r\nContent-Type: image/x\r\n\r\n";
    assert_eq!(read(&format!("{picture}{line}x")).err(), Some(MimeError::LongLine { line: 4, limit: 998 }));
    assert_eq!(read(&format!("X: {line}\r\n\r\n")).err(), Some(MimeError::LongLine { line: 1, limit: 998 }));
    let large = MimeError::LargeHeader { size: 102_400, fields: 1_000 };
    assert_eq!(read(&"X: y\r\n".repeat(1_001)).err(), Some(large.clone()));
    assert_eq!(read(&format!("X: {line:.900}\r\n").repeat(120)).err(), Some(large));
    let limits = Limits { size: 10, ..Limits::default() };
    assert_eq!(
        Message::read(b"From: a@b\r\n".to_vec(), &limits).err(),
        Some(MimeError::TooLarge { limit: 10 })
    );
    assert_eq!(
        Message::read(b"From: a@b\n".to_vec(), &limits).err(),
        Some(MimeError::TooLarge { limit: 10 })
    );
}

#[test]
fn a_long_option_may_come_but_leaves_folded() {
    let json = format!("{{\"a\":\"{}\",\"b\":\"ü\"}}", "x y ".repeat(400));
    let (mime, _) = patched(&format!("X-Mailgun-Variables: {json}\r\n{COMPLETE}"), &[], &[]);
    assert!(mime.split("\r\n").all(|line| line.len() < 998), "{mime}");
    let found = options::from_mime(&read(&mime).unwrap());
    assert_eq!(found.variables[0].1, "x y ".repeat(400));
    assert_eq!(found.variables[1].1, "ü");
}

#[test]
fn fields_are_found_unfolded_and_decoded() {
    let message =
        read("From: =?utf-8?q?Zo=C3=AB?=\r\n <z@example.org>\r\nTO: a@b.c,\r\n\td@e.f\r\nto: g@h.i\r\n\r\nx")
            .unwrap();
    assert_eq!(message.first("from").as_deref(), Some("Zoë <z@example.org>"));
    let to: Vec<_> = message.mailboxes("To", 9).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(to, ["a@b.c", "d@e.f", "g@h.i"]);
    assert_eq!(message.mailboxes("from", 9).unwrap()[0].name.as_deref(), Some("Zoë"));
    assert_eq!(message.body(), b"x");
    let needs = needs("Subject: ü\r\n\r\nx".as_bytes());
    assert!(needs.utf8_headers && needs.eight_bit);
    assert_eq!(super::needs("A: b\r\n\r\nü".as_bytes()), Needs { utf8_headers: false, eight_bit: true });
}

proptest! {
    #[test]
    fn bytes_are_refused_or_patched(bytes in proptest::collection::vec(prop_oneof![
        Just(b"\r\n".to_vec()), Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b": ".to_vec()), Just(b" ".to_vec()),
        Just(b"Bcc".to_vec()), Just(b"Date".to_vec()), Just(b"X-Mailgun-Tag".to_vec()), Just(b"From".to_vec()),
        Just(b"\xff".to_vec()), Just("ü".as_bytes().to_vec()), "[a-z<>@.]{1,8}".prop_map(String::into_bytes),
    ], 0..40)) {
        let bytes = bytes.concat();
        if let Ok(message) = Message::read(bytes, &Limits::default()) {
            let set = [("X-Set".to_owned(), "ü".to_owned())];
            let patched = message.patch(&patch(&set, &[])).unwrap();
            let again = Message::read(patched.mime, &Limits::default()).unwrap();
            prop_assert_eq!(again.body(), message.body());
            prop_assert!(again.raw("bcc").next().is_none());
            prop_assert_eq!(again.raw("x-set").count(), 1);
            prop_assert_eq!(again.raw("message-id").count(), message.raw("message-id").count().max(1));
            let stable = again.patch(&patch(&set, &[])).unwrap();
            prop_assert_eq!(stable.mime, again.as_bytes());
        }
    }
}

#[test]
fn a_field_with_a_space_before_its_colon_is_no_line_of_a_mailbox_file() {
    let read = |text: &str| Message::read(text.into(), &Limits::default()).expect("a message");
    assert_eq!(read("From : a@b.c\r\n\r\nx").first("from").as_deref(), Some("a@b.c"));
    // It leaves without the blanks: most readers know only names that end in their colon.
    let (mime, _) = patched("From \t: a@b.c\r\nX-A :\tb \r\n c\r\n\r\nA : b", &[], &[]);
    assert!(
        mime.starts_with("From: a@b.c\r\nX-A:\tb \r\n c\r\n") && mime.ends_with("\r\n\r\nA : b"),
        "{mime}"
    );
    let preface = read("From a@b.c Sat Jan  3 01:05:34 1996\r\nSubject: Hi\r\n\r\nx");
    assert_eq!(preface.headers().count(), 1);
}

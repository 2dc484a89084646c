//! Recipient variables in texts and in finished messages.

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::*;

const JSON: &str = r#"{"Bob Smith <bob@X.org>": {"name": "Bob", "n": 7, "big": 12345678901234567890123, "f": 1.50, "v:user": "u1",
    "h:List-Unsubscribe": "<https://u/1>", "null": null, "list": [1, 2], "no": false, "pct": "%recipient.name%", "ü": "é", "a.b": "dot"},
    "empty@x.org": {}}"#;

fn bob() -> Mailbox {
    Mailbox::parse("Bob van Smith <bob@x.org>").unwrap()
}

fn filled(template: &str) -> String {
    let all = parse_variables(JSON, 1_000).unwrap();
    let bob = bob();
    let values = Values::new(&bob, all.get(&bob.address));
    text(template, &values, 10_000).unwrap().into_owned()
}

#[test]
fn names_are_replaced() {
    for (template, expect) in [
        ("Hi %recipient.name%!", "Hi Bob!"),
        ("%recipient.n%|%recipient.big%|%recipient.f%", "7|12345678901234567890123|1.50"),
        ("%recipient.v:user%%recipient.h:List-Unsubscribe%", "u1<https://u/1>"),
        ("%recipient.null%|%recipient.no%|%recipient.list%", "|false|[1, 2]"),
        ("%recipient.ü% %recipient.a.b%", "é dot"),
        ("%recipient.pct%", "%recipient.name%"),
        ("%recipient%", "Bob van Smith <bob@x.org>"),
        ("%recipient_email% %recipient_name%", "bob@x.org Bob van Smith"),
        ("%recipient_fname%/%recipient_lname%", "Bob/van Smith"),
        ("100% of %recipient.name%", "100% of Bob"),
        ("50%%recipient.name%%", "50%Bob%"),
        (
            "%recipient.unknown% %unsubscribe_url% %Recipient.name%",
            "%recipient.unknown% %unsubscribe_url% %Recipient.name%",
        ),
        ("%", "%"),
        ("%%", "%%"),
        ("%recipient.name", "%recipient.name"),
        ("%recipient.%", "%recipient.%"),
        ("no names", "no names"),
        ("", ""),
    ] {
        assert_eq!(filled(template), expect, "{template}");
    }
    let bob = bob();
    let none = Variables::default();
    let values = Values { unsubscribe_url: Some("https://u"), ..Values::new(&bob, &none) };
    assert_eq!(
        text("%unsubscribe_url%%unsubscribe_email%", &values, 99).unwrap(),
        "https://u%unsubscribe_email%"
    );
    assert!(matches!(text("no names", &values, 99).unwrap(), Cow::Borrowed(_)));
}

#[test]
fn variables_that_are_no_objects_of_objects_are_refused() {
    for json in ["x", "[]", "1", "null", "{\"a@b.c\": 1}", "{\"a@b.c\": \"x\"}", "{\"a@b.c\": {}", "{} {}"] {
        assert_eq!(parse_variables(json, 9).err(), Some(VariablesError::NotJson), "{json}");
    }
    assert_eq!(VariablesError::NotJson.to_string(), "'recipient-variables' parameter is not a valid JSON");
    assert!(parse_variables("{}", 9).unwrap().is_empty());
    assert_eq!(parse_variables(JSON, 1).err(), Some(VariablesError::TooMany { max: 1 }));
    let all = parse_variables(JSON, 9).unwrap();
    assert_eq!(all.get(&Mailbox::parse("x@x.org").unwrap().address), &Variables::default());
    let deep = format!("{{\"a@b.c\": {{\"k\": {}{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse_variables(&deep, 9).map(|all| all.len()), Ok(1));
}

#[test]
fn the_output_is_limited() {
    let bob = bob();
    let large: Variables = [("x".to_owned(), "y".repeat(1_000))].into_iter().collect();
    let values = Values::new(&bob, &large);
    let template = "%recipient.x%".repeat(1_000);
    assert_eq!(text(&template, &values, 50_000), Err(SubstituteError::TooLarge { limit: 50_000 }));
    assert_eq!(text("12345", &values, 4), Err(SubstituteError::TooLarge { limit: 4 }));
}

fn rendered(mime: &str) -> String {
    let all = parse_variables(JSON, 1_000).unwrap();
    let bob = bob();
    let template = MimeTemplate::read(mime.as_bytes().to_vec());
    String::from_utf8(template.render(&Values::new(&bob, all.get(&bob.address)), 100_000).unwrap()).unwrap()
}

#[test]
fn a_plain_message_is_completed() {
    let mime = "From: a@b.c\r\nTo: %recipient%\r\nSubject: For %recipient.name%\r\nX: 1\r\n\r\nHi %recipient.name%!\r\n";
    assert_eq!(
        rendered(mime),
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nFrom: a@b.c\r\n\
         To: Bob van Smith <bob@x.org>\r\nSubject: For Bob\r\nX: 1\r\n\r\nHi Bob!\r\n"
    );
}

#[test]
fn only_parts_with_names_change() {
    let mime = "From: a@b.c\r\nSubject: =?utf-8?q?=25recipient=2Ename=25_=C3=BC?=\r\n\
        Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n\
        --b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=iso-8859-1; format=flowed\r\n\r\n\
        PHA+/CAlcmVjaXBp\r\nZW50LsO8JTwvcD4=\r\n\
        --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: QUOTED-PRINTABLE\r\n\r\n%recipient=\r\n.name% =3D\r\n\r\n\
        --b\r\n\r\nnothing =3D here \r\n\
        --b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n%recipient.name%\r\n\
        --b--\r\nepilogue %recipient.name%\r\n";
    let out = rendered(mime);
    let html = "Content-Type: text/html; charset=utf-8;\r\n format=flowed\r\n\r\n";
    assert!(out.starts_with("From: a@b.c\r\nSubject: Bob =?UTF-8?B?w7w=?=\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n"), "{out}");
    let _ = html;
    assert!(out.contains("--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nBob =3D\r\n\r\n--b\r\n\r\nnothing =3D here \r\n--b"), "{out}");
    assert!(
        out.ends_with("attachment\r\n\r\n%recipient.name%\r\n--b--\r\nepilogue %recipient.name%\r\n"),
        "{out}"
    );
    let parsed = MessageParser::default().parse(out.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("Bob ü"));
    assert_eq!(parsed.body_text(1).as_deref(), Some("Bob =\r\n"));
}

#[test]
fn nothing_is_put_into_what_somebody_signed() {
    let signed = "--s\r\nContent-Type: text/plain\r\n\r\nHi %recipient.name%\r\n--s\r\n\
        Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--s--\r\n";
    let mime = format!(
        "From: a@b.c\r\nSubject: For %recipient.name%\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n{signed}"
    );
    assert_eq!(rendered(&mime), mime.replacen("%recipient.name%", "Bob", 1));
}

#[test]
fn a_value_cannot_break_a_header_but_may_stand_in_a_text() {
    let bob = bob();
    let evil: Variables = [("x".to_owned(), "a\r\nX-Evil: yes".to_owned())].into_iter().collect();
    let values = Values::new(&bob, &evil);
    let template = MimeTemplate::read(b"From: a@b.c\r\nSubject: %recipient.x%\r\n\r\nx".to_vec());
    assert!(matches!(template.render(&values, 9_999), Err(SubstituteError::Header(_))));
    let template = MimeTemplate::read(b"From: a@b.c\r\n\r\n%recipient.x%".to_vec());
    assert!(template.render(&values, 9_999).unwrap().ends_with(b"\r\n\r\na\r\nX-Evil: yes"));
}

proptest! {
    #[test]
    fn any_template_is_completed(template in "[%a-c]{0,10}(%recipient(\\.|_)?(name|n|email)?%){0,3}.{0,50}") {
        let out = filled(&template);
        prop_assert!(out.len() <= template.len() + 200);
    }

    #[test]
    fn any_message_is_completed(parts in proptest::collection::vec(prop_oneof![
        Just("\r\n"), Just("%recipient.name%"), Just("Content-Type: "), Just("multipart/mixed; boundary=b"), Just("text/html"),
        Just("--b"), Just("--b--"), Just("Content-Transfer-Encoding: base64"), Just("quoted-printable"), Just("\r\n\r\n"),
        Just("Subject: "), Just("=25recipient.name=25"), Just("JXJlY2lwaWVudC5uYW1lJQ=="), Just("message/rfc822"), Just(" "), Just("="),
    ], 0..60)) {
        let _ = rendered(&parts.concat());
    }
}

//! Nothing that a caller gives can start a header line of its own.

use waxseal_mail::{
    Mailbox, ParseAddressError,
    build::{BuildError, Draft, File},
    header::HeaderError,
    parse_list,
    patch::{Limits, Message, MimeError, Patch},
};
use waxseal_model::Timestamp;

const LIMIT: usize = 1 << 20;
const NASTY: [&str; 9] = ["\r", "\n", "\r\n", "\0", "\u{2028}", "\u{2029}", "\u{b}", "\u{85}", "\r\n\r\n"];

fn from() -> Vec<Mailbox> {
    parse_list("Me <me@example.org>", 1).unwrap()
}

fn draft<'a>(from: &'a [Mailbox]) -> Draft<'a> {
    Draft {
        from,
        sender: None,
        to: from,
        cc: &[],
        subject: Some("Hello"),
        text: Some("Hello"),
        html: None,
        amp_html: None,
        headers: &[],
        attachments: &[],
        inline: &[],
        message_id: "1@example.org",
        date: Timestamp::from_secs(1),
    }
}

/// The name of the refused field.
fn refused(result: Result<Vec<u8>, BuildError>) -> String {
    match result {
        Err(BuildError::Header(HeaderError::ControlCharacter { field })) => field,
        Err(BuildError::Header(HeaderError::BadName { .. } | HeaderError::NotAscii { .. })) => {
            "name".to_owned()
        }
        Err(BuildError::Header(HeaderError::BadMessageId)) => "Message-Id".to_owned(),
        Err(error) => panic!("another error: {error}"),
        Ok(mime) => panic!("built: {}", String::from_utf8_lossy(&mime)),
    }
}

#[test]
fn no_parameter_can_break_a_line() {
    let from = from();
    for nasty in NASTY {
        let value = format!("x{nasty}X-Evil: yes");
        let file = |name: &'static str| File { name, content_type: None, bytes: b"" };
        let subject = Draft { subject: Some(&value), ..draft(&from) };
        assert_eq!(refused(subject.build(&[0; 16], LIMIT)), "subject");
        let id = Draft { message_id: &format!("1{nasty}@example.org"), ..draft(&from) };
        assert_eq!(refused(id.build(&[0; 16], LIMIT)), "Message-Id");
        for name in ["X-Mine", "To", "Reply-To", "Content-Type", "Bcc", "X-Mailgun-Tag"] {
            let headers = [(name.to_owned(), value.clone())];
            assert_eq!(refused(Draft { headers: &headers, ..draft(&from) }.build(&[0; 16], LIMIT)), name);
        }
        let headers = [(format!("X{nasty}Evil"), "x".to_owned())];
        assert_eq!(refused(Draft { headers: &headers, ..draft(&from) }.build(&[0; 16], LIMIT)), "name");
        let named = [File { name: &value, ..file("") }];
        let attached = Draft { attachments: &named, ..draft(&from) };
        assert_eq!(refused(attached.build(&[0; 16], LIMIT)), "attachment file name");
        let inline = Draft { inline: &named, html: Some("<p>"), ..draft(&from) };
        assert_eq!(refused(inline.build(&[0; 16], LIMIT)), "inline file name");
        let typed = [File { content_type: Some(&value), ..file("a") }];
        let attached = Draft { attachments: &typed, ..draft(&from) };
        assert_eq!(refused(attached.build(&[0; 16], LIMIT)), "content type");
        let mut mailbox = from[0].clone();
        mailbox.name = Some(value.clone());
        let sender = Draft { from: &[mailbox], ..draft(&from) }.build(&[0; 16], LIMIT);
        assert_eq!(refused(sender), "From");
    }
}

#[test]
fn no_address_can_break_a_line() {
    for nasty in NASTY {
        for text in [
            format!("a{nasty}@example.org"),
            format!("a@example{nasty}.org"),
            format!("Name{nasty} <a@example.org>"),
            format!("\"Name{nasty}\" <a@example.org>"),
            format!("\"a{nasty}\"@example.org"),
            format!("a@example.org (comment{nasty})"),
            format!("a@example.org{nasty}, b@example.org"),
            format!("group{nasty}: a@example.org;"),
        ] {
            assert_eq!(parse_list(&text, 9).err(), Some(ParseAddressError::ControlCharacter), "{text:?}");
        }
    }
    // Nor one that hides in an encoded word.
    for word in ["=?utf-8?q?x=0D=0AX-Evil:_y?=", "=?utf-8?b?eA0KWC1FdmlsOiB5?=", "=?utf-8?q?=00?="] {
        let text = format!("{word} <a@example.org>");
        assert_eq!(parse_list(&text, 9).err(), Some(ParseAddressError::ControlCharacter), "{text}");
    }
}

#[test]
fn no_header_put_into_a_customers_message_can_break_a_line() {
    let mime = b"From: a@example.org\r\n\r\nHello\r\n".to_vec();
    let message = Message::read(mime, &Limits::default()).unwrap();
    for nasty in NASTY {
        for set in [
            [("X-Mine".to_owned(), format!("x{nasty}X-Evil: yes"))],
            [("Subject".to_owned(), format!("x{nasty}X-Evil: yes"))],
            [(format!("X{nasty}Evil"), "x".to_owned())],
        ] {
            let patch = Patch { set: &set, remove: &[], message_id: "1@x", date: Timestamp::from_secs(1) };
            let error = message.patch(&patch).err();
            assert!(matches!(error, Some(MimeError::Header(_))), "{nasty:?}");
        }
    }
}

#[test]
fn refusals_name_the_field_but_repeat_no_line_break() {
    let from = from();
    let headers = [("X\r\nEvil".to_owned(), "x".to_owned())];
    let error = Draft { headers: &headers, ..draft(&from) }.build(&[0; 16], LIMIT).unwrap_err();
    assert_eq!(error.to_string(), "Header name is not valid: X??Evil");
    let headers = [("X-Ünö".to_owned(), "x".to_owned())];
    let error = Draft { headers: &headers, ..draft(&from) }.build(&[0; 16], LIMIT).unwrap_err();
    assert_eq!(error.to_string(), "Header name must be pure ASCII: X-Ünö");
}

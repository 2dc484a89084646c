//! What a built message looks like.

use mail_parser::{MessageParser, MimeHeaders};

use super::*;
use crate::address::parse_list;

const LIMIT: usize = 25 * 1024 * 1024;

fn draft<'a>(from: &'a [Mailbox], to: &'a [Mailbox]) -> Draft<'a> {
    Draft {
        from,
        sender: None,
        to,
        cc: &[],
        subject: None,
        text: None,
        html: None,
        amp_html: None,
        headers: &[],
        attachments: &[],
        inline: &[],
        message_id: "1@example.org",
        date: Timestamp::from_secs(1_770_726_896),
    }
}

#[test]
fn a_date_is_taken_in_every_form_and_leaves_in_that_of_mail() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    let built = |value: &str| {
        let headers = [("Date".to_owned(), value.to_owned())];
        let mime = Draft { headers: &headers, ..draft(&from, &[]) }.build(&[7; 16], LIMIT)?;
        let date = String::from_utf8(mime).expect("ASCII");
        let line = date.lines().find_map(|line| line.strip_prefix("Date: ")).map(str::to_owned);
        assert_eq!(date.matches("\r\nDate:").count(), 1);
        Ok::<_, BuildError>(line.unwrap_or_default())
    };
    assert_eq!(built("Mon, 9 Feb 2026 13:00:00 +0100").unwrap(), "Mon, 9 Feb 2026 13:00:00 +0100");
    for now in ["1770726896", "2026-02-10T12:34:56Z", ""] {
        assert_eq!(built(now).unwrap(), "Tue, 10 Feb 2026 12:34:56 +0000", "{now}");
    }
    assert_eq!(built("nonsense").err(), Some(BuildError::Header(HeaderError::BadDate)));
}

/// The parts of a message as its lines show them: type and disposition, indented by their depth.
fn tree(mime: &str) -> Vec<String> {
    fn walk(part: &str, depth: usize, tree: &mut Vec<String>) {
        let (header, body) = part.split_once("\r\n\r\n").expect("an empty line");
        let header = header.replace("\r\n ", " ");
        let field = |name: &str| {
            let line = header.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
        };
        let words = [field("Content-Type"), field("Content-Transfer-Encoding"), field("Content-Disposition")];
        tree.push(format!("{}{}", "  ".repeat(depth), words.join(" ").trim_end()));
        let Some((_, boundary)) = header.split_once("boundary=\"") else { return };
        let boundary = boundary.split('"').next().expect("a boundary");
        let (_, parts) = body.split_once(&format!("--{boundary}\r\n")).expect("a first part");
        let (parts, after) = parts.split_once(&format!("\r\n--{boundary}--")).expect("an end");
        assert_eq!(after.trim(), "");
        parts.split(&format!("\r\n--{boundary}\r\n")).for_each(|part| walk(part, depth + 1, tree));
    }
    let mut found = Vec::new();
    walk(mime, 0, &mut found);
    found
}

#[test]
fn a_full_message_is_a_tree_of_the_usual_shape() {
    let from = parse_list("Zoë Quinn <zoe@example.org>", 1).unwrap();
    let to = parse_list("\"Last, First\" <b@example.net>, c@example.net", 9).unwrap();
    let attachments = [File { name: "räport 1.pdf", content_type: Some("application/pdf"), bytes: b"%PDF" }];
    let inline = [File { name: "logo.png", content_type: None, bytes: b"png" }];
    let message = Draft {
        subject: Some("Grüße aus München, und noch viel mehr Text, damit die Zeile gefaltet werden muß"),
        text: Some("Hallo\nWelt ä"),
        html: Some("<p>Hallo <img src=\"cid:logo.png\"></p>"),
        amp_html: Some("<html amp4email></html>"),
        attachments: &attachments,
        inline: &inline,
        ..draft(&from, &to)
    };
    let mime = message.build(&[7; 16], LIMIT).unwrap();
    assert_eq!(
        tree(std::str::from_utf8(&mime).unwrap()),
        [
            "multipart/mixed",
            "  multipart/alternative",
            "    text/plain quoted-printable",
            "    text/x-amp-html 7bit",
            "    multipart/related",
            "      text/html 7bit",
            "      image/png base64 inline",
            "  application/pdf base64 attachment",
        ]
    );
    let parsed = MessageParser::default().parse(&mime).unwrap();
    assert_eq!(parsed.subject(), message.subject);
    assert_eq!(parsed.body_text(0).unwrap(), "Hallo\r\nWelt ä");
    let names: Vec<_> = parsed.attachments().filter_map(|part| part.attachment_name()).collect();
    assert_eq!(names, ["logo.png", "räport 1.pdf"]);
}

#[test]
fn a_part_alone_has_no_multipart_around_it() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    let file = [File { name: "a.png", content_type: None, bytes: b"png" }];
    let shape =
        |message: Draft<'_>| tree(std::str::from_utf8(&message.build(&[7; 16], LIMIT).unwrap()).unwrap());
    let empty = draft(&from, &[]);
    assert_eq!(shape(Draft { text: Some("x"), ..empty }), ["text/plain 7bit"]);
    assert_eq!(shape(Draft { html: Some("x"), ..empty }), ["text/html 7bit"]);
    // Nothing shows the file: it goes with the others.
    assert_eq!(
        shape(Draft { text: Some("x"), inline: &file, ..empty }),
        ["multipart/mixed", "  text/plain 7bit", "  image/png base64 inline"]
    );
    assert_eq!(
        shape(Draft { html: Some("x"), inline: &file, ..empty }),
        ["multipart/related", "  text/html 7bit", "  image/png base64 inline"]
    );
}

#[test]
fn an_inline_file_is_found_by_its_whole_name_and_shown_by_its_last_part() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    let inline = [File { name: "abc/d@host", content_type: Some("image/png"), bytes: b"png" }];
    let attachments = [
        File { name: "../../etc/passwd", content_type: None, bytes: b"x" },
        File { name: "C:\\dir\\a.txt", content_type: None, bytes: b"x" },
        File { name: "\\\\host\\b.txt", content_type: None, bytes: b"x" },
    ];
    let html = Some("<img src=\"cid:abc/d@host\">");
    let message = Draft { html, inline: &inline, attachments: &attachments, ..draft(&from, &[]) };
    let mime = String::from_utf8(message.build(&[7; 16], LIMIT).unwrap()).unwrap();
    assert!(mime.contains("Content-ID: <abc/d@host>\r\n") && mime.contains("cid:abc/d@host\""), "{mime}");
    let names: Vec<_> = mime.lines().filter_map(|line| line.strip_prefix(" filename=")).collect();
    assert_eq!(names, ["\"d@host\"", "\"passwd\"", "\"a.txt\"", "\"b.txt\""]);
}

#[test]
fn an_attached_message_goes_as_one_only_where_every_server_takes_it() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    let shape = |bytes: &[u8]| {
        let attachments = [File { name: "a.eml", content_type: None, bytes }];
        let message = Draft { text: Some("x"), attachments: &attachments, ..draft(&from, &[]) };
        let mime = message.build(&[7; 16], LIMIT).unwrap();
        assert!(mime.is_ascii());
        tree(std::str::from_utf8(&mime).unwrap()).pop().unwrap()
    };
    let as_it_is = "  message/rfc822 7bit attachment";
    for fine in ["From: a@b.c\r\n\r\nx\r\n", "From: a@b.c\r\n\r\nx", ""] {
        assert_eq!(shape(fine.as_bytes()), as_it_is, "{fine:?}");
    }
    let long = format!("From: a@b.c\r\n\r\n{}", "x".repeat(999));
    for other in ["From: a@b.c\r\n\r\nGrüße\r\n", "From: a@b.c\n\nx\n", "A: b\r\r\n", "A: \0", &long] {
        let bytes = "  application/octet-stream base64 attachment";
        assert_eq!(shape(other.as_bytes()), bytes, "{other:?}");
    }
}

#[test]
fn a_caller_cannot_forge_the_trace_of_a_message() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    let names = [
        "Received",
        "received-spf",
        "Authentication-Results",
        "ARC-Seal",
        "arc-authentication-results",
        "DKIM-Signature",
        "DomainKey-Signature",
        "Return-Path",
        "Delivered-To",
    ];
    let headers = names.map(|name| (name.to_owned(), "forged".to_owned()));
    let mime = Draft { headers: &headers, ..draft(&from, &[]) }.build(&[7; 16], LIMIT).unwrap();
    assert!(!String::from_utf8(mime).unwrap().contains("forged"));
    let headers = [("Archived-At".to_owned(), "kept".to_owned())];
    let mime = Draft { headers: &headers, ..draft(&from, &[]) }.build(&[7; 16], LIMIT).unwrap();
    assert!(String::from_utf8(mime).unwrap().contains("\r\nArchived-At: kept\r\n"));
}

#[test]
fn an_address_field_that_holds_none_is_refused() {
    let from = parse_list("zoe@example.org", 1).unwrap();
    for name in ["From", "To", "Cc", "Reply-To", "Sender"] {
        let headers = [(name.to_owned(), "not an address".to_owned())];
        let refused = Draft { headers: &headers, ..draft(&from, &[]) }.build(&[7; 16], LIMIT).err();
        assert_eq!(refused, Some(BuildError::Header(HeaderError::BadAddress { name: name.to_owned() })));
    }
}

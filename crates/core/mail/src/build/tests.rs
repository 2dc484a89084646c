//! What a built message looks like.

use mail_parser::{MessageParser, MimeHeaders};

use super::*;
use crate::{address::parse_list, dkim};

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
    println!("{}", String::from_utf8_lossy(&mime));
    let parsed = MessageParser::default().parse(&mime).unwrap();
    assert_eq!(parsed.subject(), message.subject);
    assert_eq!(parsed.body_text(0).unwrap(), "Hallo\r\nWelt ä");
    let names: Vec<_> = parsed.attachments().filter_map(|part| part.attachment_name()).collect();
    assert_eq!(names, ["logo.png", "räport 1.pdf"]);
    let pair = dkim::generate(dkim::Algorithm::Ed25519).unwrap();
    let signer =
        dkim::Signer::new("example.org", "s", dkim::Algorithm::Ed25519, &pair.private_pkcs8).unwrap();
    println!("{}", String::from_utf8_lossy(&dkim::sign(&[&signer], &mime, message.date, None).unwrap()));
}

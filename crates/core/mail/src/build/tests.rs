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

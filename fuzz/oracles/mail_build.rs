//! What must hold for messages that are built from parts.

use waxseal_mail::{
    Mailbox,
    build::{BuildError, Draft, File},
    inspect,
    patch::{Limits, Message},
};
use waxseal_model::Timestamp;

const LIMIT: usize = 1 << 20;
/// What a part or a field costs beside its content: its headers, encoded as widely as can be.
const PER_FIELD: usize = 8 << 10;

/// The input is fields between NULs: what each is says its first byte. What is built is fit for the wire, holds every
/// file under the Content-ID that the HTML has for it, and is no larger than what went in allows.
pub(crate) fn check(data: &[u8]) {
    let fields: Vec<(u8, &[u8])> = data
        .split(|byte| *byte == 0)
        .take(200)
        .filter_map(|field| field.split_first())
        .map(|(kind, rest)| (*kind, rest))
        .collect();
    let text = |wanted: u8| {
        let found = fields.iter().find(|(kind, _)| *kind == wanted);
        found.map(|(_, rest)| String::from_utf8_lossy(rest).into_owned())
    };
    let (subject, plain, html, amp) = (text(b's'), text(b't'), text(b'h'), text(b'a'));
    let pairs = |wanted: u8| -> Vec<(String, String)> {
        let pairs = fields.iter().filter(|(kind, _)| *kind == wanted);
        let pairs = pairs.map(|(_, rest)| String::from_utf8_lossy(rest).into_owned());
        pairs
            .map(|pair| {
                pair.split_once(':').map_or((pair.clone(), String::new()), |(a, b)| (a.into(), b.into()))
            })
            .collect()
    };
    let (headers, inline, attached) = (pairs(b'H'), pairs(b'I'), pairs(b'A'));
    let files = |pairs: &'_ [(String, String)]| -> Vec<(String, Option<String>, Vec<u8>)> {
        let file = |(name, bytes): &(String, String)| match bytes.split_once(':') {
            Some((kind, bytes)) => (name.clone(), Some(kind.to_owned()), bytes.as_bytes().to_vec()),
            None => (name.clone(), None, bytes.as_bytes().to_vec()),
        };
        pairs.iter().map(file).collect()
    };
    let (inline, attached) = (files(&inline), files(&attached));
    let from = [Mailbox::parse("Bob van Smith <bob@example.org>").expect("a mailbox")];
    let draft = Draft {
        from: &from,
        sender: None,
        to: &from,
        cc: &[],
        subject: subject.as_deref(),
        text: plain.as_deref(),
        html: html.as_deref(),
        amp_html: amp.as_deref(),
        headers: &headers,
        attachments: &borrowed(&attached),
        inline: &borrowed(&inline),
        message_id: "1@example.org",
        date: Timestamp::from_secs(1),
    };
    let mime = match draft.build(&[7; 16], LIMIT) {
        Ok(mime) => mime,
        Err(BuildError::Header(_) | BuildError::TooLarge { .. }) => return,
    };
    // Nothing is written once for each of something else: `cid:e,` may stand for a name of 255 bytes, no more.
    assert!(mime.len() <= 150 * data.len() + PER_FIELD * (fields.len() + 1), "{} bytes", mime.len());
    assert!(mime.is_ascii() && !mime.contains(&0));
    assert!(mime.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
    // What callers put into headers may take a full header over its limit.
    let generous = Limits { header_block: 1 << 22, ..Limits::default() };
    let message = Message::read(mime.clone(), &generous).expect("what was built can be read");
    assert!(message.as_bytes() == mime);
    assert!(message.repeated().is_none());
    let stored = inspect::stored(&mime);
    assert_eq!(stored.summary.attachments.len(), inline.len() + attached.len());
    assert_eq!(stored.content_ids.len(), inline.len());
}

fn borrowed(files: &[(String, Option<String>, Vec<u8>)]) -> Vec<File<'_>> {
    files.iter().map(|(name, kind, bytes)| File { name, content_type: kind.as_deref(), bytes }).collect()
}

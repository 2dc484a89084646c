//! What goes into a message comes out of it, and the message is fit for the wire.

use mail_parser::{MessageParser, MimeHeaders, PartType};
use proptest::prelude::*;
use waxseal_mail::{
    Address, Mailbox,
    build::{BuildError, Draft, File},
    inspect,
};
use waxseal_model::Timestamp;

const LIMIT: usize = 25 * 1024 * 1024;

fn mailbox() -> impl Strategy<Value = Mailbox> {
    let name =
        "[a-zA-Z0-9.,()@\"\\\\' üé漢-]{1,40}".prop_filter("no blanks alone", |name| !name.trim().is_empty());
    ("[a-z0-9.+_-]{1,20}", "[a-z]{1,8}\\.[a-z]{2,5}", prop::option::of(name)).prop_filter_map(
        "an address",
        |(local, domain, name)| {
            Some(Mailbox {
                name: name.map(|name| name.trim().to_owned()),
                address: Address::new(&local, &domain).ok()?,
            })
        },
    )
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\n]{1,200}",
        "[ -~\tüé漢🎉\n]{1,200}",
        "[a-z]{900,1100}",
        ".{1,100}",
        "(From |\\.|=|--=_|\r|\r\n|\n| |\t|x){1,40}",
    ]
}

fn file() -> impl Strategy<Value = (String, Vec<u8>)> {
    ("[a-zA-Z0-9 _.;'\"()\\\\%üé漢-]{1,40}", proptest::collection::vec(any::<u8>(), 0..300))
}

fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn assert_fit(mime: &[u8]) {
    assert!(mime.ends_with(b"\r\n"));
    let text: Vec<_> = mime.split(|byte| *byte == b'\n').collect();
    for line in &text[..text.len() - 1] {
        let line = line.strip_suffix(b"\r").expect("a bare LF");
        assert!(!line.contains(&b'\r'), "a bare CR");
        assert!(line.len() <= 998, "a line of {}", line.len());
        assert!(line.is_ascii(), "not ASCII");
    }
}

proptest! {
    #[test]
    fn any_draft_survives(
        from in mailbox(),
        to in proptest::collection::vec(mailbox(), 1..4),
        subject in "[ -~üé漢🎉]{0,200}",
        text in prop::option::of(body()),
        html in prop::option::of(body()),
        amp in prop::option::of(body()),
        value in "[!-~][ -~]{0,100}",
        attachments in proptest::collection::vec(file(), 0..3),
        inline in proptest::collection::vec(file(), 0..3),
        seed in any::<[u8; 16]>(),
    ) {
        prop_assume!(!subject.contains("=?") && !value.contains("=?"));
        let subject = subject.trim();
        let from = [from];
        let attachments: Vec<_> = attachments.iter().map(|(name, bytes)| File { name, content_type: None, bytes }).collect();
        let inline: Vec<_> = inline.iter().map(|(name, bytes)| File { name, content_type: Some("image/png"), bytes }).collect();
        let headers = [("X-Mine".to_owned(), value.clone())];
        let draft = Draft {
            from: &from,
            sender: None,
            to: &to,
            cc: &[],
            subject: Some(subject),
            text: text.as_deref(),
            html: html.as_deref(),
            amp_html: amp.as_deref(),
            headers: &headers,
            attachments: &attachments,
            inline: &inline,
            message_id: "1@example.org",
            date: Timestamp::from_secs(1_770_726_896),
        };
        let mime = draft.build(&seed, LIMIT).unwrap();
        assert_fit(&mime);
        let parsed = MessageParser::default().parse(&mime).unwrap();
        prop_assert_eq!(parsed.subject().unwrap_or_default(), subject);
        prop_assert_eq!(parsed.message_id(), Some("1@example.org"));
        let stored = inspect::stored(&mime);
        let mine = stored.headers.iter().find(|(name, _)| name == "X-Mine").unwrap();
        prop_assert_eq!(&mine.1, value.trim());
        let read = waxseal_mail::parse_list(stored.summary.to.as_deref().unwrap(), 9);
        if to.iter().all(|mailbox| mailbox.name.as_deref().is_none_or(str::is_ascii)) {
            prop_assert_eq!(read, Ok(to.clone()));
        }
        // Texts: the same but for line ends, in the right parts.
        let single = [&text, &html, &amp].iter().filter(|part| part.is_some()).count() <= 1 && attachments.is_empty() && inline.is_empty();
        let mut texts: Vec<(String, String)> = Vec::new();
        for part in &parsed.parts {
            let subtype = part.content_type().and_then(|known| known.subtype()).unwrap_or_default().to_owned();
            if let (PartType::Text(body) | PartType::Html(body), None) = (&part.body, part.content_disposition()) {
                let body = lines(body);
                texts.push((subtype, if single { body.strip_suffix('\n').unwrap_or(&body).to_owned() } else { body }));
            }
        }
        let mut expect = Vec::new();
        for (subtype, part) in [("plain", &text), ("x-amp-html", &amp), ("html", &html)] {
            if let Some(part) = part {
                let body = lines(part);
                expect.push((subtype.to_owned(), if single { body.strip_suffix('\n').unwrap_or(&body).to_owned() } else { body }));
            }
        }
        if expect.is_empty() {
            expect.push(("plain".to_owned(), String::new()));
        }
        prop_assert_eq!(texts, expect);
        // Files: the same names and bytes.
        let mut sent: Vec<_> = inline.iter().chain(&attachments).map(|file| (file.shown_name().to_owned(), file.bytes.to_vec())).collect();
        let mut got: Vec<_> = (0..).map_while(|index| inspect::attachment(&mime, index)).map(|file| (file.info.name, file.bytes)).collect();
        sent.sort();
        got.sort();
        prop_assert_eq!(got, sent);
    }
}

#[test]
fn the_largest_message_is_built_and_a_larger_one_refused() {
    let from = [Mailbox::parse("a@example.org").unwrap()];
    let bytes = vec![0x5a; 18_500_000];
    let attachments = [File { name: "large.bin", content_type: None, bytes: &bytes }];
    let text = "Zeile ü = \n".repeat(20_000);
    let draft = Draft {
        from: &from,
        sender: None,
        to: &from,
        cc: &[],
        subject: None,
        text: Some(&text),
        html: None,
        amp_html: None,
        headers: &[],
        attachments: &attachments,
        inline: &[],
        message_id: "1@example.org",
        date: Timestamp::from_secs(1),
    };
    let mime = draft.build(&[1; 16], LIMIT).unwrap();
    assert!(mime.len() > 25_000_000, "{}", mime.len());
    assert_eq!(draft.build(&[1; 16], mime.len()).map(|mime| mime.len()), Ok(mime.len()));
    let refused = Err(BuildError::TooLarge { limit: mime.len() - 1 });
    assert_eq!(draft.build(&[1; 16], mime.len() - 1), refused);
}

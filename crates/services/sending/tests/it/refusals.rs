//! Everything that is refused, and the words for it.

use waxseal_sending::{
    SendError, SendingConfig,
    request::{Content, File, Parts, SendRequest},
};
use waxseal_store::domain::DomainState;

use crate::world::{NOW, World, letter, pairs, strings};

type Change = fn(&mut SendRequest);
/// Puts a text into a place of a request.
type Put = fn(&mut SendRequest, String);
type Evil = Box<dyn Fn(&mut SendRequest)>;

fn parts(request: &mut SendRequest) -> &mut Parts {
    match &mut request.content {
        Content::Parts(parts) => parts,
        Content::Mime { .. } => panic!("not parts"),
    }
}

async fn check(world: &World, text: &str, change: impl FnOnce(&mut SendRequest)) {
    let mut request = world.request(letter());
    change(&mut request);
    let error = world.send(request).await.expect_err(text);
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn refusals_have_the_words_of_the_api() {
    let world = World::new().await;
    let cases: [(&str, Change); 22] = [
        ("from parameter is missing", |r| parts(r).from.clear()),
        ("from parameter is not a valid address. please check documentation", |r| {
            parts(r).from = strings(&["ada"])
        }),
        ("to parameter is missing", |r| parts(r).to = strings(&["", " "])),
        ("to parameter is not a valid address. please check documentation", |r| {
            parts(r).to = strings(&["bob"])
        }),
        ("to parameter is not a valid address. please check documentation", |r| {
            parts(r).to = strings(&["bob@[192.0.2.1]"]);
        }),
        ("cc parameter is not a valid address. please check documentation", |r| {
            parts(r).cc = strings(&["a b"])
        }),
        ("bcc parameter is not a valid address. please check documentation", |r| {
            parts(r).bcc = strings(&["@x"])
        }),
        ("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified", |r| {
            parts(r).text = Some(String::new());
        }),
        ("Only one parameters 'html' or 'template' is allowed", |r| {
            parts(r).html = Some("<p>".into());
            r.template = pairs(&[("template", "welcome")]);
        }),
        (
            "templates are not available yet: give the content in 'text', 'html' or 'amp-html' instead of 'template'",
            |r| {
                r.template = pairs(&[("template", "welcome")]);
            },
        ),
        ("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total", |r| {
            r.variables = vec![("a".into(), "x".repeat(16 * 1_024))];
        }),
        ("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total", |r| {
            r.template = vec![("t:variables".into(), "x".repeat(16 * 1_024))];
        }),
        ("Header name must be pure ASCII: X-Grün", |r| parts(r).headers = pairs(&[("X-Grün", "1")])),
        ("Date is not valid: expected a date such as Fri, 14 Oct 2011 23:10:10 +0000", |r| {
            parts(r).headers = pairs(&[("Date", "nonsense")]);
        }),
        ("'recipient-variables' parameter is not a valid JSON", |r| r.recipient_variables = Some("{".into())),
        ("'recipient-variables' parameter is not a valid JSON", |r| {
            r.recipient_variables = Some("[1]".into())
        }),
        ("Too many recipients, max is 1000", |r| {
            parts(r).to = (0..1_001).map(|n| format!("user{n}@example.net")).collect();
        }),
        ("Too many files in 'attachment' and 'inline', max is 500", |r| {
            let file = |n: usize| File { name: format!("{n}.txt"), content_type: None, bytes: vec![b'x'] };
            parts(r).attachments = (0..300).map(file).collect();
            parts(r).inline = (0..201).map(file).collect();
        }),
        ("h:From parameter is not a valid address. please check documentation", |r| {
            parts(r).headers = pairs(&[("From", "not an address")]);
        }),
        ("h:reply-to parameter is not a valid address. please check documentation", |r| {
            parts(r).headers = pairs(&[("reply-to", "Help, not one")]);
        }),
        ("soon is not an RFC-2822 compliant date", |r| r.options = pairs(&[("deliverytime", "soon")])),
        ("is not a valid secondary dkim domain name", |r| {
            r.options = pairs(&[("secondary-dkim", "other.example/k1")]);
        }),
    ];
    for (text, change) in cases {
        check(&world, text, change).await;
    }
    assert!(world.queued().await.is_empty() && world.events().await.is_empty());
}

#[tokio::test]
async fn ways_to_unsubscribe_are_refused_until_there_are_any() {
    let world = World::new().await;
    let places: [(&str, Put); 8] = [
        ("subject", |r, text| parts(r).subject = Some(text)),
        ("text", |r, text| parts(r).text = Some(text)),
        ("html", |r, text| parts(r).html = Some(text)),
        ("amp-html", |r, text| parts(r).amp_html = Some(text)),
        ("h:", |r, text| parts(r).headers = vec![("List-Unsubscribe".into(), text)]),
        ("v:", |r, text| r.variables = vec![("link".into(), text)]),
        ("variable of a recipient", |r, text| {
            r.recipient_variables = Some(format!("{{\"bob@example.net\": {{\"link\": \"{text}\"}}}}"));
        }),
        ("MIME", |r, text| {
            r.content = Content::Mime {
                // The word is spelled with an encoded line end in its middle.
                mime: format!(
                    "From: ada@mg.example.org\r\nContent-Type: text/html\r\n\
                     Content-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D'{}=\r\n{}'>\r\n",
                    &text[..6],
                    &text[6..]
                )
                .into_bytes(),
                to: strings(&["bob@example.net"]),
                headers: Vec::new(),
                mail_from: None,
            };
        }),
    ];
    for name in
        ["unsubscribe_url", "tag_unsubscribe_url", "mailing_list_unsubscribe_url", "unsubscribe_email"]
    {
        for (place, put) in &places {
            let mut request = world.request(letter());
            put(&mut request, format!("leave: %{name}%"));
            let error = world.send(request).await.expect_err(place).to_string();
            let text = format!(
                "unsubscribe links are not available yet: give an address or a link of your own instead of '%{name}%'"
            );
            assert_eq!(error, text, "{place}");
        }
    }
    let mut other = world.request(letter());
    parts(&mut other).text = Some("100% unsubscribe_url% %unsubscribe% %unsubscribe_urls%".into());
    world.send(other).await.expect("what only looks like it is text");
}

#[tokio::test]
async fn no_field_can_break_out_of_its_header() {
    let world = World::new().await;
    for evil in ["x\r\nBcc: eve@example.net", "x\nX-Evil: 1", "x\rX: 1", "x\0y", "x\u{2028}y", "x\u{2029}y"] {
        let fields: [(&str, Evil); 9] = [
            ("from", Box::new(move |r| parts(r).from = vec![format!("{evil} <ada@mg.example.org>")])),
            ("to", Box::new(move |r| parts(r).to = vec![format!("{evil} <bob@example.net>")])),
            ("cc", Box::new(move |r| parts(r).cc = vec![format!("{evil} <bob@example.net>")])),
            ("subject", Box::new(move |r| parts(r).subject = Some(evil.into()))),
            ("X-Mine", Box::new(move |r| parts(r).headers = vec![("X-Mine".into(), evil.into())])),
            ("Header name", Box::new(move |r| parts(r).headers = vec![(evil.into(), "1".into())])),
            (
                "Message-Id",
                Box::new(move |r| parts(r).headers = vec![("Message-Id".into(), format!("<{evil}@x>"))]),
            ),
            ("o:tag", Box::new(move |r| r.options = vec![("tag".into(), evil.into())])),
            (
                "name",
                Box::new(move |r| {
                    parts(r).attachments =
                        vec![File { name: evil.into(), content_type: None, bytes: vec![1] }];
                }),
            ),
        ];
        for (field, change) in &fields {
            let mut request = world.request(letter());
            change(&mut request);
            match world.send(request).await {
                Ok(_) => {
                    let queued = world.queued().await;
                    let body = String::from_utf8(queued.last().expect("queued").body.clone()).expect("ascii");
                    panic!("{field} took {evil:?}: {body}");
                }
                Err(SendError::Invalid(text)) => {
                    assert!(text.to_lowercase().contains(&field.to_lowercase()), "{field}: {text}");
                    assert!(!text.contains(['\r', '\n', '\0', '\u{2028}']), "{text:?}");
                }
                Err(other) => panic!("{field}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_too_large() {
    let config = SendingConfig { max_message_bytes: 100_000, ..SendingConfig::new("mail.example.org") };
    let world = World::at(NOW, config).await;
    for bytes in [80_000, 200_000] {
        let attachments = vec![File { name: "a".into(), content_type: None, bytes: vec![7; bytes] }];
        let request = world.request(Parts { attachments, ..letter() });
        assert!(matches!(world.send(request).await, Err(SendError::TooLarge { limit: 100_000, .. })));
    }
    let mime = format!("From: ada@mg.example.org\n\n{}", "x\n".repeat(60_000));
    let sent = world.send(world.mime_request(&mime, &["bob@example.net"])).await;
    assert!(matches!(sent, Err(SendError::TooLarge { .. })));
}

#[tokio::test]
async fn more_than_fits_into_memory_is_put_off() {
    let config = SendingConfig { max_bytes_in_flight: 2_000_000, ..SendingConfig::new("mail.example.org") };
    let world = World::at(NOW, config).await;
    let text = Some("x".repeat(1_000_000));
    let (a, b) = tokio::join!(
        world.send(world.request(Parts { text: text.clone(), ..letter() })),
        world.send(world.request(Parts { text: text.clone(), ..letter() })),
    );
    let busy = |sent: &Result<_, SendError>| matches!(sent, Err(SendError::Busy));
    assert!(busy(&a) || busy(&b));
    let alone = world.send(world.request(Parts { text, ..letter() })).await;
    assert!(alone.is_ok(), "a message that fits goes when the others are gone");
}

#[tokio::test]
async fn a_domain_that_may_not_send_says_why() {
    let mut world = World::new().await;
    world.set_state(DomainState::Disabled).await;
    let error = world.send(world.request(letter())).await.expect_err("refused");
    assert!(matches!(error, SendError::NotAllowed { .. }));
    assert_eq!(error.to_string(), "Domain mg.example.org is not allowed to send: the domain is disabled");
}

#[tokio::test]
async fn another_accounts_caller_cannot_send_through_a_domain() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.caller.account = waxseal_model::AccountId::from_u128(7);
    assert!(matches!(world.send(request).await, Err(SendError::NotAllowed { .. })));
    let mut request = world.request(letter());
    request.caller.only_domain = Some(waxseal_model::DomainId::from_u128(7));
    assert!(matches!(world.send(request).await, Err(SendError::NotAllowed { .. })));
}

#[tokio::test]
async fn foreign_mime_that_cannot_be_mail_is_refused() {
    let world = World::new().await;
    for (mime, text) in [
        ("", "message parameter is missing"),
        ("Subject: x\n\nbody", "from parameter is missing"),
        ("From: nobody\n\nbody", "from parameter is not a valid address. please check documentation"),
    ] {
        let error = world.send(world.mime_request(mime, &["bob@example.net"])).await.expect_err(text);
        assert_eq!(error.to_string(), text);
    }
    let error =
        world.send(world.mime_request("From: ada@mg.example.org\n\nx", &[])).await.expect_err("no to");
    assert_eq!(error.to_string(), "to parameter is missing");
}

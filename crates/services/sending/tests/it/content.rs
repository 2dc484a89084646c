//! Messages given in parts.

use waxseal_model::event::EventKind;
use waxseal_sending::{
    SendingConfig,
    request::{File, Parts},
};

use crate::world::{DOMAIN, NOW, World, header, headers, letter, pairs, parsed, strings};

#[tokio::test]
async fn a_letter_is_queued_signed_and_told_of() {
    let world = World::new().await;
    let sent = world.send(world.request(letter())).await.expect("sent");
    assert!(sent.id.starts_with("<20260210123456.") && sent.id.ends_with("@mg.example.org>"), "{}", sent.id);

    let queued = world.only().await;
    assert_eq!(queued.recipient, "bob@example.net");
    assert_eq!(queued.entry.recipient_domain, "example.net");
    assert_eq!(queued.entry.next_attempt_at, NOW);
    let returned = world.domains.parse_return_path(&queued.reverse_path).await.expect("keys").expect("ours");
    assert_eq!(returned.recipient, queued.entry.id);
    assert!(queued.reverse_path.ends_with("@mg.example.org"));

    let message = parsed(&queued.body);
    assert_eq!(message.subject(), Some("Hello"));
    assert_eq!(message.body_text(0).as_deref().map(str::trim_end), Some("Hi Bob"));
    assert_eq!(header(&queued.body, "Message-Id"), Some(sent.id.clone()));
    assert_eq!(header(&queued.body, "From").as_deref(), Some("Ada <ada@mg.example.org>"));
    assert_eq!(header(&queued.body, "Sender").as_deref(), Some("ada@mg.example.org"));
    assert_eq!(header(&queued.body, "Date").as_deref(), Some("Tue, 10 Feb 2026 12:34:56 +0000"));
    assert_eq!(headers(&queued.body, "DKIM-Signature").len(), 2);

    let events = world.events().await;
    assert_eq!(events.len(), 1);
    let accepted = &events[0].details;
    assert_eq!(events[0].kind, EventKind::Accepted);
    assert_eq!(events[0].message, Some(queued.entry.message));
    assert_eq!(accepted.recipient.as_deref(), Some("bob@example.net"));
    assert_eq!(format!("<{}>", accepted.message.message_id), sent.id);
    assert_eq!(accepted.message.from, "Ada <ada@mg.example.org>");
    assert_eq!(accepted.message.to, "bob@example.net");
    assert_eq!(accepted.message.subject, "Hello");
    assert_eq!(accepted.message.size, queued.body.len() as u64);
    assert_eq!(accepted.message.recipients, ["bob@example.net"]);
    assert_eq!(accepted.message.scheduled_for, None);
    assert_eq!(accepted.method.as_deref(), Some("http"));
    assert_eq!(accepted.api_key_id.as_deref(), Some("00000001-00000002"));
    assert_eq!(accepted.originating_ip.as_deref(), Some("198.51.100.77"));
    assert!(accepted.flags.is_authenticated && !accepted.flags.is_test_mode);
    let envelope = accepted.envelope.as_ref().expect("envelope");
    assert_eq!(envelope.sender, "ada@mg.example.org");
    assert_eq!(envelope.targets, "bob@example.net");
}

#[tokio::test]
async fn recipients_at_one_domain_share_the_return_path_of_the_first_of_them() {
    for shared in [true, false] {
        let config = SendingConfig { shared_return_paths: shared, ..SendingConfig::new("mail.example.org") };
        let world = World::at(NOW, config).await;
        let to = strings(&["ann@one.example, bob@two.example", "carl@ONE.example"]);
        world.send(world.request(Parts { to, ..letter() })).await.expect("sent");
        let queued = world.queued().await;
        let [ann, bob, carl] = queued.as_slice() else { panic!("{} recipients", queued.len()) };
        assert_eq!(ann.reverse_path == carl.reverse_path, shared);
        assert_ne!(ann.reverse_path, bob.reverse_path);
        for (of, first) in [(ann, ann), (bob, bob), (carl, if shared { ann } else { carl })] {
            let named = world.domains.parse_return_path(&of.reverse_path).await.expect("keys").expect("ours");
            assert_eq!(named.recipient, first.entry.id, "{}", of.recipient);
        }
    }
}

#[tokio::test]
async fn nothing_that_leaves_tells_who_called() {
    let world = World::new().await;
    world.send(world.request(letter())).await.expect("sent");
    let body = String::from_utf8(world.only().await.body).expect("text");
    assert!(!body.contains("198.51.100.77") && !body.contains("00000001-00000002"));
    let received = headers(body.as_bytes(), "Received");
    assert_eq!(received.len(), 1);
    assert!(received[0].starts_with("by mail.example.org with HTTP id "), "{}", received[0]);
}

#[tokio::test]
async fn everybody_gets_the_same_message_once_and_bcc_is_seen_by_nobody() {
    let world = World::new().await;
    let parts = Parts {
        to: strings(&["Bob <bob@example.net>, \"Doe, Jane\" <jane@example.com>", "BOB@example.net"]),
        cc: strings(&["carl@example.net", "bob@example.net"]),
        bcc: strings(&["secret@example.net", "carl@example.net"]),
        ..letter()
    };
    world.send(world.request(parts)).await.expect("sent");
    let queued = world.queued().await;
    let recipients: Vec<_> = queued.iter().map(|queued| queued.recipient.as_str()).collect();
    assert_eq!(recipients, ["bob@example.net", "carl@example.net", "jane@example.com", "secret@example.net"]);
    assert!(queued.iter().all(|other| other.entry.message == queued[0].entry.message));
    let body = &queued[0].body;
    let to = header(body, "To").expect("To");
    assert_eq!(to, "Bob <bob@example.net>, \"Doe, Jane\" <jane@example.com>");
    let text = String::from_utf8(body.clone()).expect("text");
    assert!(!text.contains("secret@") && header(body, "Bcc").is_none());
    assert_eq!(world.events().await.len(), 4);
}

#[tokio::test]
async fn a_thousand_recipients_of_one_message_weigh_little_in_the_log() {
    let world = World::new().await;
    let to: Vec<String> = (0..1_000).map(|n| format!("Recipient {n} <user{n}@example.net>")).collect();
    world.send(world.request(Parts { to: to.clone(), ..letter() })).await.expect("sent");
    let queued = world.queued().await;
    assert_eq!(queued.len(), 1_000);
    let body = &queued[0].body;
    assert_eq!(header(body, "To"), Some(to.join(", ")));
    assert!(body.split(|b| *b == b'\n').all(|line| line.len() <= 999));
    let paths: std::collections::HashSet<_> = queued.iter().map(|queued| &queued.reverse_path).collect();
    assert_eq!(paths.len(), 1, "they can go in one transaction");
    let events = world.events().await;
    assert_eq!(events.len(), 1_000);
    for told in &events {
        assert_eq!(told.details.message.recipients.len(), 100);
        assert!(told.details.message.to.len() <= 4_096);
    }
}

#[tokio::test]
async fn files_keep_their_names_types_and_bytes() {
    let world = World::new().await;
    let file = |name: &str, content_type: Option<&str>, bytes: &[u8]| File {
        name: name.into(),
        content_type: content_type.map(Into::into),
        bytes: bytes.to_vec(),
    };
    let noise: Vec<u8> = (0..=255u8).cycle().take(10_000).collect();
    let parts = Parts {
        subject: Some("Grüße, 世界".into()),
        text: Some("plain".into()),
        html: Some("<img src=\"cid:logo.png\">".into()),
        amp_html: Some("<!doctype html><html amp4email></html>".into()),
        attachments: vec![file("Übersicht.pdf", Some("application/pdf"), &noise), file("a.txt", None, b"x")],
        inline: vec![file("logo.png", Some("image/png"), &noise)],
        ..letter()
    };
    world.send(world.request(parts)).await.expect("sent");
    let queued = world.only().await;
    assert!(queued.body.split(|b| *b == b'\n').all(|line| line.len() <= 999));
    let message = parsed(&queued.body);
    assert_eq!(message.subject(), Some("Grüße, 世界"));
    let names: Vec<_> = message.attachments().filter_map(mail_parser::MimeHeaders::attachment_name).collect();
    assert!(names.contains(&"Übersicht.pdf") && names.contains(&"logo.png"), "{names:?}");
    let same = message.attachments().filter(|part| part.contents() == noise.as_slice()).count();
    assert_eq!(same, 2);
    let told = world.events().await.remove(0).details;
    assert_eq!(told.message.subject, "Grüße, 世界");
    assert!(told.flags.is_amp);
    let sizes: Vec<_> = told.message.attachments.iter().map(|a| (a.filename.as_str(), a.size)).collect();
    assert_eq!(sizes, [("Übersicht.pdf", 10_000), ("a.txt", 1)]);
    let types: Vec<_> = told.message.attachments.iter().map(|a| a.content_type.as_str()).collect();
    assert_eq!(types, ["application/pdf", "text/plain"]);
}

#[tokio::test]
async fn headers_variables_and_tags_are_delivered_and_told() {
    let world = World::new().await;
    let mut request = world.request(Parts {
        headers: pairs(&[
            ("X-Campaign", "spring"),
            ("Reply-To", "Support <help@example.org>"),
            ("Message-Id", "<own.id@example.org>"),
            ("X-Mailgun-Variables", r#"{"first": 1, "both": "header"}"#),
            ("X-Mailgun-Tag", "from-header"),
        ]),
        ..letter()
    });
    request.variables = pairs(&[("both", "field"), ("quote", "a \"b\"\r\nBcc: é")]);
    request.options = pairs(&[("tag", "one"), ("tag", "ONE"), ("tag", "two")]);
    let sent = world.send(request).await.expect("sent");
    assert_eq!(sent.id, "<own.id@example.org>");
    let body = world.only().await.body;
    assert_eq!(header(&body, "X-Campaign").as_deref(), Some("spring"));
    assert_eq!(header(&body, "Reply-To").as_deref(), Some("Support <help@example.org>"));
    assert_eq!(header(&body, "Message-Id").as_deref(), Some("<own.id@example.org>"));
    assert_eq!(headers(&body, "X-Mailgun-Tag"), ["from-header", "one", "two"]);
    assert_eq!(header(&body, "Bcc"), None);
    let variables = header(&body, "X-Mailgun-Variables").expect("variables");
    let variables: serde_json::Value = serde_json::from_str(&variables).expect("JSON");
    assert_eq!(variables["first"], "1");
    assert_eq!(variables["both"], "field");
    assert_eq!(variables["quote"], "a \"b\"\r\nBcc: é");
    let told = world.events().await.remove(0).details;
    assert_eq!(told.tags, ["from-header", "one", "two"]);
    assert_eq!(
        told.user_variables,
        pairs(&[("first", "1"), ("both", "field"), ("quote", "a \"b\"\r\nBcc: é")])
    );
    assert_eq!(told.message.message_id, "own.id@example.org");
}

#[tokio::test]
async fn our_headers_can_be_left_out() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.variables = pairs(&[("a", "1")]);
    request.options = pairs(&[("tag", "one"), ("suppress-headers", "all")]);
    world.send(request).await.expect("sent");
    let body = String::from_utf8(world.only().await.body).expect("text").to_lowercase();
    assert!(!body.contains("x-mailgun-"));
    assert_eq!(world.events().await[0].details.tags, ["one"]);
}

#[tokio::test]
async fn a_foreign_author_is_sent_on_behalf_of() {
    let world = World::new().await;
    let parts = Parts { from: strings(&["Zoe <zoe@elsewhere.example>"]), ..letter() };
    world.send(world.request(parts)).await.expect("sent");
    let body = world.only().await.body;
    assert_eq!(header(&body, "From").as_deref(), Some("Zoe <zoe@elsewhere.example>"));
    assert_eq!(header(&body, "Sender").as_deref(), Some(format!("zoe=elsewhere.example@{DOMAIN}").as_str()));
}

#[tokio::test]
async fn names_of_other_scripts_and_domains_arrive() {
    let world = World::new().await;
    let parts = Parts {
        from: strings(&["Ünï <ada@mg.example.org>"]),
        to: strings(&["Bücher <leser@bücher.example>"]),
        ..letter()
    };
    world.send(world.request(parts)).await.expect("sent");
    let queued = world.only().await;
    assert_eq!(queued.recipient, "leser@xn--bcher-kva.example");
    assert_eq!(queued.entry.recipient_domain, "xn--bcher-kva.example");
    let message = parsed(&queued.body);
    assert_eq!(message.from().and_then(|from| from.first()).and_then(|from| from.name()), Some("Ünï"));
    assert!(queued.body.is_ascii());
}

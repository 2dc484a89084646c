//! Recipient variables: a message of its own for each recipient.

use std::collections::HashSet;

use waxseal_sending::{
    SendError, SendingConfig,
    request::{File, Parts},
};

use crate::world::{NOW, World, header, letter, pairs, parsed, strings};

#[tokio::test]
async fn a_thousand_recipients_get_a_thousand_messages() {
    let world = World::new().await;
    let to: Vec<String> = (0..1_000).map(|n| format!("User {n} <user{n}@example.net>")).collect();
    let variables: serde_json::Map<_, _> = (0..1_000)
        .map(|n| (format!("user{n}@example.net"), serde_json::json!({"id": n, "name": format!("N°{n}")})))
        .collect();
    let mut request = world.request(Parts {
        to: vec![to.join(", ")],
        subject: Some("Hi %recipient.name%".into()),
        text: Some("You are %recipient.id%, %recipient_fname% %recipient.unknown%".into()),
        html: Some("<a href=\"https://example.org/%recipient.id%\">%recipient_email%</a>".into()),
        headers: pairs(&[
            ("X-Id", "id-%recipient.id%"),
            ("List-Unsubscribe", "<https://example.org/u/%recipient.id%>"),
        ]),
        ..letter()
    });
    request.variables = pairs(&[("user", "%recipient.id%"), ("fixed", "100%")]);
    request.recipient_variables = Some(serde_json::Value::Object(variables).to_string());
    let sent = world.send(request).await.expect("sent");

    let queued = world.queued().await;
    assert_eq!(queued.len(), 1_000);
    let bodies: HashSet<_> = queued.iter().map(|queued| queued.entry.message).collect();
    assert_eq!(bodies.len(), 1_000);
    for queued in queued.iter().step_by(97) {
        let n = queued.recipient.trim_start_matches("user").trim_end_matches("@example.net");
        let message = parsed(&queued.body);
        assert_eq!(message.subject(), Some(format!("Hi N°{n}").as_str()));
        let text = message.body_text(0).expect("text");
        assert_eq!(text.trim_end(), format!("You are {n}, User %recipient.unknown%"));
        let html = message.body_html(0).expect("html");
        assert!(html.contains(&format!("https://example.org/{n}\">user{n}@example.net<")), "{html}");
        assert_eq!(header(&queued.body, "To"), Some(format!("User {n} <user{n}@example.net>")));
        assert_eq!(header(&queued.body, "X-Id"), Some(format!("id-{n}")));
        assert_eq!(header(&queued.body, "Message-Id"), Some(sent.id.clone()));
        let others = String::from_utf8(queued.body.clone()).expect("text");
        assert_eq!(
            others.matches("@example.net").count(),
            others.matches(&format!("user{n}@example.net")).count()
        );
    }
    let events = world.events().await;
    assert_eq!(events.len(), 1_000);
    for told in events.iter().map(|event| &event.details) {
        let n = told.recipient.as_deref().expect("recipient").trim_start_matches("user");
        let n = n.trim_end_matches("@example.net");
        assert_eq!(told.user_variables, pairs(&[("user", n), ("fixed", "100%")]));
        assert_eq!(told.message.subject, format!("Hi N°{n}"));
        assert_eq!(told.message.recipients, [format!("user{n}@example.net")]);
        assert!(told.batch_id.is_some());
    }
}

#[tokio::test]
async fn a_batch_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let to = (0..1_000).map(|n| format!("user{n}@example.net")).collect();
    let mut batch = world.request(Parts { to, ..letter() });
    batch.recipient_variables = Some("{}".into());
    let sending = world.sending.clone();
    // One worker for both: if the batch were built on it, the letter would have to wait for all of it.
    let batch = tokio::spawn(async move { sending.send(batch).await });
    tokio::task::yield_now().await;
    world.send(world.request(letter())).await.expect("sent");
    assert!(!batch.is_finished());
    batch.await.expect("task").expect("sent");
    assert_eq!(world.events().await.len(), 1_001);
}

#[tokio::test]
async fn variables_in_a_header_make_a_batch_of_a_submission() {
    let world = World::new().await;
    let mime = "From: ada@mg.example.org\nTo: all@example.org\nSubject: %recipient.n%\n\
        X-Mailgun-Recipient-Variables: {\"bob@example.net\": {\"n\": 1},\n \"carl@example.net\": {\"n\": 2}}\n\n\
        Hi %recipient_email%\n";
    let mut request = world.mime_request(mime, &["bob@example.net", "carl@example.net"]);
    request.via = waxseal_sending::request::Via::Smtp;
    world.send(request).await.expect("sent");
    let queued = world.queued().await;
    for (queued, n) in queued.iter().zip(["1", "2"]) {
        assert_eq!(header(&queued.body, "Subject").as_deref(), Some(n));
        assert_eq!(header(&queued.body, "To"), Some(queued.recipient.clone()));
        assert_eq!(header(&queued.body, "X-Mailgun-Recipient-Variables"), None);
        assert!(queued.body.ends_with(format!("Hi {}\r\n", queued.recipient).as_bytes()));
    }
}

#[tokio::test]
async fn an_empty_object_switches_it_on_and_copies_go_to_cc_and_bcc() {
    let world = World::new().await;
    let mut request = world.request(Parts {
        to: strings(&["bob@example.net", "carl@example.net"]),
        cc: strings(&["boss@example.net"]),
        bcc: strings(&["audit@example.net"]),
        ..letter()
    });
    request.recipient_variables = Some("{}".into());
    world.send(request).await.expect("sent");
    let queued = world.queued().await;
    let recipients: Vec<_> = queued.iter().map(|queued| queued.recipient.as_str()).collect();
    let (audit, boss) = ("audit@example.net", "boss@example.net");
    assert_eq!(recipients, [audit, audit, "bob@example.net", boss, boss, "carl@example.net"]);
    for queued in queued {
        let to = header(&queued.body, "To").expect("To");
        assert!(to == "bob@example.net" || to == "carl@example.net", "{to}");
        assert_eq!(header(&queued.body, "Cc").as_deref(), Some("boss@example.net"));
        assert!(!String::from_utf8_lossy(&queued.body).contains("audit@"));
    }
}

#[tokio::test]
async fn a_customers_mime_is_completed_for_each() {
    let world = World::new().await;
    let mime = "From: ada@mg.example.org\nTo: list@example.org\nSubject: For %recipient.name%\n\
        X-Mailgun-Variables: {\"who\": \"%recipient.name%\"}\n\
        Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
        Gr=C3=BC=C3=9Fe %recipient.name% =25\n";
    let mut request = world.mime_request(mime, &["Bob <bob@example.net>", "carl@example.net"]);
    request.recipient_variables =
        Some(r#"{"bob@example.net": {"name": "B\"b"}, "carl@example.net": {"name": "Ç"}}"#.into());
    world.send(request).await.expect("sent");
    let queued = world.queued().await;
    assert_eq!(queued.len(), 2);
    for (queued, (to, name)) in
        queued.iter().zip([("Bob <bob@example.net>", "B\"b"), ("carl@example.net", "Ç")])
    {
        let message = parsed(&queued.body);
        assert_eq!(message.subject(), Some(format!("For {name}").as_str()));
        assert_eq!(
            message.body_text(0).as_deref().map(str::trim_end),
            Some(format!("Grüße {name} %").as_str())
        );
        assert_eq!(header(&queued.body, "To").as_deref(), Some(to));
        let variables = header(&queued.body, "X-Mailgun-Variables").expect("variables");
        let variables: serde_json::Value = serde_json::from_str(&variables).expect("JSON");
        assert_eq!(variables, serde_json::json!({"who": name}));
    }
}

#[tokio::test]
async fn a_variable_cannot_end_a_header() {
    let world = World::new().await;
    let mut request = world.request(Parts { subject: Some("Hi %recipient.name%".into()), ..letter() });
    request.recipient_variables =
        Some(r#"{"bob@example.net": {"name": "x\r\nBcc: eve@example.net"}}"#.into());
    let error = world.send(request).await.expect_err("refused").to_string();
    assert!(error.contains("ubject"), "{error}");
    assert!(world.queued().await.is_empty() && world.events().await.is_empty());
}

#[tokio::test]
async fn a_batch_that_makes_too_much_mail_is_refused_as_a_whole() {
    let config = SendingConfig { max_batch_bytes: 100_000, ..SendingConfig::new("mail.example.org") };
    let world = World::at(NOW, config).await;
    let file = File { name: "a.bin".into(), content_type: None, bytes: vec![1; 30_000] };
    let to: Vec<String> = (0..3).map(|n| format!("user{n}@example.net")).collect();
    let mut request = world.request(Parts { to, attachments: vec![file], ..letter() });
    request.recipient_variables = Some("{}".into());
    let error = world.send(request).await.expect_err("refused");
    assert!(matches!(error, SendError::Invalid(_)) && error.to_string().contains("100000 bytes"), "{error}");
    assert!(world.queued().await.is_empty());
}

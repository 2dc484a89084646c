//! Customers' own MIME, by HTTP or SMTP.

use waxseal_sending::request::{Content, SendRequest, Via};

use crate::world::{Queued, World, header, headers, pairs, strings};

const MIME: &str = "From: Ada <ada@mg.example.org>\n\
    To: Bob <bob@example.net>\n\
    Bcc: secret@example.net\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\
    Message-ID: <mine@example.org>\n\
    X-Odd:   kept\n   as it is\n\
    Content-Type: multipart/mixed; boundary=b\n\
    \n\
    --b\n\
    Content-Type: text/plain; charset=iso-8859-1\n\
    \n\
    body %recipient.name%\n\
    --b\n\
    Content-Type: application/pdf; name=a.pdf\n\
    Content-Disposition: attachment; filename=a.pdf\n\
    Content-Transfer-Encoding: base64\n\
    \n\
    AAEC\n\
    --b--\n";

#[tokio::test]
async fn a_customers_mime_is_changed_in_its_headers_alone() {
    let world = World::new().await;
    let sent = world.send(world.mime_request(MIME, &["bob@example.net", "secret@example.net"])).await;
    assert_eq!(sent.expect("sent").id, "<mine@example.org>");
    let queued = world.queued().await;
    assert_eq!(queued.len(), 2);
    let body = &queued[0].body;
    let original = MIME.replace('\n', "\r\n");
    let (_, content) = original.split_once("\r\n\r\n").expect("body");
    assert!(body.ends_with(content.as_bytes()));
    let text = String::from_utf8(body.clone()).expect("text");
    assert!(text.contains("X-Odd:   kept\r\n   as it is\r\n"));
    assert!(text.contains("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"));
    assert!(!text.contains("secret@"));
    assert_eq!(header(body, "Message-ID").as_deref(), Some("<mine@example.org>"));
    assert_eq!(header(body, "Date").as_deref(), Some("Tue, 10 Feb 2026 12:34:56 +0000"));
    assert_eq!(header(body, "Mime-Version").as_deref(), Some("1.0"));
    let told = world.events().await.remove(0).details;
    assert_eq!(told.message.subject, "Grüße");
    assert_eq!(told.message.attachments[0].filename, "a.pdf");
    assert_eq!(told.message.attachments[0].size, 3);
}

#[tokio::test]
async fn events_flag_what_a_customers_mime_is() {
    let world = World::new().await;
    let amp = MIME
        .replace("multipart/mixed", "multipart/alternative")
        .replace("application/pdf", "text/x-amp-html");
    let encrypted =
        MIME.replace("multipart/mixed", "multipart/encrypted; protocol=\"application/pgp-encrypted\"");
    let big = MIME.replace("AAEC\n", &format!("{}\n", "A".repeat(76)).repeat(135_000));
    for (mime, flags) in [
        (MIME, (false, false, false)),
        (&amp, (true, false, false)),
        (&encrypted, (false, true, false)),
        (&big, (false, false, true)),
    ] {
        world.send(world.mime_request(mime, &["bob@example.net"])).await.expect("sent");
        let told = world.events().await.pop().expect("an event").details.flags;
        assert_eq!((told.is_amp, told.is_encrypted, told.is_big), flags);
    }
}

#[tokio::test]
async fn headers_inside_the_mime_are_options() {
    let world = World::new().await;
    let mime = MIME.replace(
        "X-Odd:",
        "X-Mailgun-Tag: inside\nX-Mailgun-Variables: {\"id\": 7}\nX-Mailgun-Drop-Message: yes\nX-Mailgun-Dkim: no\n\
         X-Mailgun-Deliver-By: Wed, 11 Feb 2026 08:00:00 +0000\nX-Odd:",
    );
    world.send(world.mime_request(&mime, &["bob@example.net"])).await.expect("sent");
    assert!(world.queued().await.is_empty());
    let events = world.events().await;
    let told = &events[0].details;
    assert_eq!(told.tags, ["inside"]);
    assert_eq!(told.user_variables, pairs(&[("id", "7")]));
    assert!(told.flags.is_test_mode);
    assert_eq!(told.message.scheduled_for, Some(1_770_796_800));
    let body = world.body(events[0].message.expect("message")).await;
    assert_eq!(headers(&body, "X-Mailgun-Tag"), ["inside"]);
    assert!(header(&body, "X-Mailgun-Variables").is_some());
    assert!(header(&body, "X-Mailgun-Drop-Message").is_none());
    assert!(header(&body, "X-Mailgun-Deliver-By").is_none());
    assert!(headers(&body, "DKIM-Signature").is_empty());
}

#[tokio::test]
async fn fields_beside_the_mime_win_over_it() {
    let world = World::new().await;
    let mime =
        MIME.replace("X-Odd:", "X-Mailgun-Track: yes\nX-Mailgun-Variables: {\"id\": 7, \"a\": 1}\nX-Odd:");
    let mut request = world.mime_request(&mime, &["bob@example.net"]);
    if let Content::Mime { headers, .. } = &mut request.content {
        *headers = pairs(&[("Subject", "Other"), ("X-New", "1")]);
    }
    request.variables = pairs(&[("id", "8")]);
    request.options = pairs(&[("tag", "beside")]);
    world.send(request).await.expect("sent");
    let body = world.only().await.body;
    assert_eq!(headers(&body, "Subject"), ["Other"]);
    assert_eq!(header(&body, "X-New").as_deref(), Some("1"));
    assert_eq!(headers(&body, "X-Mailgun-Tag"), ["beside"]);
    let variables = headers(&body, "X-Mailgun-Variables");
    assert_eq!(variables.len(), 1);
    let variables: serde_json::Value = serde_json::from_str(&variables[0]).expect("JSON");
    assert_eq!(variables, serde_json::json!({"id": "8", "a": "1"}));
}

#[tokio::test]
async fn a_submission_by_smtp_keeps_its_sender_in_events() {
    let world = World::new().await;
    let mut request = world.mime_request(MIME, &[]);
    request.via = Via::Smtp;
    if let Content::Mime { to, mail_from, .. } = &mut request.content {
        *to = strings(&["bob@example.net"]);
        *mail_from = Some("app@mg.example.org".into());
    }
    world.send(request).await.expect("sent");
    let queued = world.only().await;
    assert!(
        header(&queued.body, "Received").expect("Received").starts_with("by mail.example.org with SMTP id ")
    );
    let told = world.events().await.remove(0).details;
    assert_eq!(told.method.as_deref(), Some("smtp"));
    assert_eq!(told.envelope.expect("envelope").sender, "app@mg.example.org");
}

#[tokio::test]
async fn what_is_submitted_from_nobody_leaves_from_nobody() {
    let world = World::new().await;
    for sender in [None, Some(""), Some("app@mg.example.org")] {
        let mut request = world.mime_request(MIME, &[]);
        if let Content::Mime { to, mail_from, .. } = &mut request.content {
            *to = strings(&["bob@example.net", "eve@example.net"]);
            *mail_from = sender.map(ToOwned::to_owned);
        }
        world.send(request).await.expect("sent");
    }
    let queued = world.queued().await;
    let from_nobody: Vec<_> = queued.iter().filter(|queued| queued.reverse_path.is_empty()).collect();
    assert_eq!(
        from_nobody.iter().map(|queued| &*queued.recipient).collect::<Vec<_>>(),
        ["bob@example.net", "eve@example.net"]
    );
    assert_eq!(from_nobody[0].entry.message, from_nobody[1].entry.message);
    let others = queued.iter().filter(|queued| queued.reverse_path.starts_with("bounce+"));
    assert_eq!(others.count(), 4, "whoever has a sender, or no envelope, gets a return path");
    let told = world.events().await;
    let senders: Vec<_> =
        told.iter().map(|event| event.details.envelope.as_ref().expect("envelope").sender.as_str()).collect();
    assert!(senders.iter().all(|sender| !sender.is_empty()), "events name who wrote it: {senders:?}");
}

#[tokio::test]
async fn copies_of_a_batch_show_the_name_that_the_message_gives() {
    let world = World::new().await;
    let mime = "From: ada@mg.example.org\nTo: Ann One <ann@example.net>, bob@example.net\n\
        X-Mailgun-Recipient-Variables: {\"ann@example.net\": {}, \"bob@example.net\": {}}\n\nHi %recipient_name%\n";
    world.send(world.mime_request(mime, &["ann@example.net", "bob@example.net"])).await.expect("sent");
    let mut shown: Vec<_> =
        world.queued().await.iter().map(|message| header(&message.body, "To").expect("To")).collect();
    shown.sort();
    assert_eq!(shown, ["Ann One <ann@example.net>", "bob@example.net"]);
}

#[tokio::test]
async fn events_list_files_beside_the_text_not_those_inside_it() {
    let world = World::new().await;
    let part = |disposition: &str, rest: &str| {
        format!("--b\nContent-Type: image/png\nContent-Disposition: {disposition}\n{rest}\nx\n")
    };
    let mime = format!(
        "From: ada@mg.example.org\nContent-Type: multipart/related; boundary=b\n\n{}{}--b--\n",
        part("inline; filename=logo.png", "Content-ID: <logo>\n"),
        part("attachment; filename=chart.png", "Content-ID: <chart>\n"),
    );
    world.send(world.mime_request(&mime, &["bob@example.net"])).await.expect("sent");
    let told = world.events().await.remove(0).details;
    let names: Vec<_> = told.message.attachments.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(names, ["chart.png"]);
}

#[tokio::test]
async fn what_goes_in_circles_is_refused() {
    let world = World::new().await;
    let hops = |count| format!("{}From: ada@mg.example.org\n\nx", "Received: by x\n".repeat(count));
    world.send(world.mime_request(&hops(50), &["bob@example.net"])).await.expect("sent");
    let error = world.send(world.mime_request(&hops(51), &["bob@example.net"])).await.expect_err("a loop");
    assert!(error.to_string().contains("going in circles"), "{error}");
}

/// A message for two in an envelope with their variables: `{"ann@example.net": {"name": "Ann"}, "bob@example.net": {"name": "Bob"}}`.
const WRAPPED: &str = "From: ada@mg.example.org\n\
    To: everybody@example.net\n\
    Subject: of the envelope\n\
    Message-Id: <outer@example.org>\n\
    X-Mailgun-Tag: outer\n\
    Content-Type: Multipart/Mailgun-Variables; boundary=\"8686cc90\"\n\
    \n\
    --8686cc90\n\
    Content-Type: application/json\n\
    Content-Transfer-Encoding: base64\n\
    \n\
    eyJhbm5AZXhhbXBsZS5uZXQiOiB7Im5hbWUiOiAiQW5uIn0sICJib2JAZXhhbXBs\n\
    ZS5uZXQiOiB7Im5hbWUiOiAiQm9iIn19\n\
    --8686cc90\n\
    Content-Type: message/rfc822\n\
    \n\
    From: Ada <ada@mg.example.org>\n\
    To: %recipient%\n\
    Subject: Hello %recipient.name%\n\
    X-Mailgun-Variables: {\"who\": \"%recipient.name%\"}\n\
    \n\
    Dear %recipient.name%,\n\
    --8686cc90--\n";

#[tokio::test]
async fn a_message_that_brings_its_recipients_variables_along_is_a_batch() {
    for via in [Via::Http, Via::Smtp] {
        let world = World::new().await;
        let request = world.mime_request(WRAPPED, &["ann@example.net", "bob@example.net"]);
        let sent = world.send(SendRequest { via, ..request }).await.expect("sent");
        assert_eq!(sent.id, "<outer@example.org>", "the message has none of its own");
        let queued = world.queued().await;
        assert_eq!(queued.len(), 2);
        for Queued { recipient, body, .. } in &queued {
            let (name, other) = if recipient == "ann@example.net" { ("Ann", "Bob") } else { ("Bob", "Ann") };
            let text = String::from_utf8(body.clone()).expect("text");
            assert!(text.ends_with(&format!("\r\n\r\nDear {name},")), "{text}");
            assert_eq!(header(body, "Subject"), Some(format!("Hello {name}")));
            assert_eq!(header(body, "To").as_deref(), Some(recipient.as_str()));
            assert_eq!(headers(body, "X-Mailgun-Tag"), ["outer"], "options of the envelope count");
            assert!(!text.contains(other) && !text.to_lowercase().contains("mailgun-variables;"), "{text}");
        }
        for told in world.events().await {
            let details = told.details;
            let name = if details.recipient.as_deref() == Some("ann@example.net") { "Ann" } else { "Bob" };
            assert_eq!(details.user_variables, pairs(&[("who", name)]));
            assert_eq!((details.tags, details.batch_id.is_some()), (vec!["outer".into()], true));
        }
    }
}

#[tokio::test]
async fn an_envelope_that_cannot_be_read_is_refused_and_says_why() {
    let world = World::new().await;
    for (mime, why) in [
        (WRAPPED.replace("application/json", "text/plain"), PARTS),
        (WRAPPED.replace("message/rfc822", "text/plain"), PARTS),
        (WRAPPED.replace("eyJhbm5A", "AAAA"), "'recipient-variables' parameter is not a valid JSON"),
        (WRAPPED.replace("From: Ada <ada@mg.example.org>\n", ""), "from parameter is missing"),
    ] {
        let error = world.send(world.mime_request(&mime, &["ann@example.net"])).await.expect_err(why);
        assert_eq!(error.to_string(), why);
    }
    assert!(world.events().await.is_empty());
}

const PARTS: &str = "multipart/mailgun-variables must hold two parts: application/json and message/rfc822";

#[tokio::test]
async fn a_template_named_inside_or_beside_the_message_is_refused_until_there_are_any() {
    let world = World::new().await;
    let inside = MIME.replace("X-Odd:", "X-Mailgun-Template-Name: welcome\nX-Odd:");
    let mut beside = world.mime_request(MIME, &["bob@example.net"]);
    if let Content::Mime { headers, .. } = &mut beside.content {
        *headers = pairs(&[("X-Mailgun-Template-Name", "welcome")]);
    }
    for request in [world.mime_request(&inside, &["bob@example.net"]), beside] {
        let error = world.send(request).await.expect_err("refused").to_string();
        assert!(error.starts_with("templates are not available yet"), "{error}");
    }
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn two_of_what_a_message_has_once_are_refused_by_name() {
    let world = World::new().await;
    for (name, second) in [
        ("From", "Boss <boss@bank.test>"),
        ("Message-ID", "<second@x.test>"),
        ("Subject", "other"),
        ("To", "c@example.net"),
    ] {
        let mime = MIME.replacen("X-Odd:", &format!("{name}: {second}\nX-Odd:"), 1);
        let refused = world.send(world.mime_request(&mime, &["bob@example.net"])).await.expect_err("refused");
        let text = format!("the message has more than one {name} header: give one (RFC 5322, section 3.6)");
        assert_eq!(refused.to_string(), text);
    }
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn a_date_that_nobody_can_read_leaves_as_the_time_of_sending() {
    let world = World::new().await;
    let mime = MIME.replacen("X-Odd:", "Date: junk\nX-Odd:", 1);
    world.send(world.mime_request(&mime, &["bob@example.net"])).await.expect("sent");
    let queued = world.queued().await;
    assert_eq!(headers(&queued[0].body, "Date"), ["Tue, 10 Feb 2026 12:34:56 +0000"]);
}

//! Customers' own MIME, by HTTP or SMTP.

use waxseal_sending::request::{Content, Via};

use crate::world::{World, header, headers, pairs, strings};

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
async fn what_goes_in_circles_or_shows_everybodys_variables_is_refused() {
    let world = World::new().await;
    let hops = |count| format!("{}From: ada@mg.example.org\n\nx", "Received: by x\n".repeat(count));
    world.send(world.mime_request(&hops(50), &["bob@example.net"])).await.expect("sent");
    let error = world.send(world.mime_request(&hops(51), &["bob@example.net"])).await.expect_err("a loop");
    assert!(error.to_string().contains("going in circles"), "{error}");
    let wrapped =
        "From: ada@mg.example.org\nContent-Type: Multipart/Mailgun-Variables; boundary=b\n\n--b--\n";
    let error = world.send(world.mime_request(wrapped, &["bob@example.net"])).await.expect_err("a wrapper");
    assert!(error.to_string().contains("recipient-variables"), "{error}");
}

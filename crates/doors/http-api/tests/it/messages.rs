//! Sending: what is accepted, what is refused and in which words.

use waxseal_model::options::Tracking;

use crate::world::{ACCESS, World};

const PATH: &str = "/v3/mg.example.org/messages";
const MIME_PATH: &str = "/v3/mg.example.org/messages.mime";
const GOOD: [(&str, &str); 4] =
    [("from", "a@mg.example.org"), ("to", "b@rcpt.example"), ("subject", "s"), ("text", "t")];

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    GOOD.into_iter().filter(|(known, _)| *known != name).collect()
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    GOOD.iter().chain(more).copied().collect()
}

fn message(text: &str) -> String {
    format!("400 {}", serde_json::json!({ "message": text }))
}

#[tokio::test]
async fn an_accepted_message_is_answered_with_its_id_and_stored() {
    let world = World::new().await;
    let answer = world.post(PATH, &GOOD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["message"], "Queued. Thank you.");
    let id = body["id"].as_str().expect("an id");
    assert!(id.starts_with('<') && id.ends_with("@mg.example.org>"), "{id}");
    assert_eq!(answer.header("content-type"), "application/json");
    let leased = world.lease().await;
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].envelope.open(&ACCESS).recipient, "b@rcpt.example");
    let mime = world.store.body(world.mine.account, leased[0].message).await.expect("ok").expect("body");
    let mime = String::from_utf8_lossy(mime.open(&ACCESS)).into_owned();
    assert!(
        mime.contains(&format!("Message-Id: {id}")) || mime.contains(&format!("Message-ID: {id}")),
        "{mime}"
    );
}

#[tokio::test]
async fn missing_and_wrong_parameters_are_refused_in_the_words_of_the_api() {
    let world = World::new().await;
    let not_address =
        |name: &str| message(&format!("{name} parameter is not a valid address. please check documentation"));
    let big = "x".repeat(9_000);
    for (fields, expected) in [
        (without("from"), message("from parameter is missing")),
        (without("to"), message("to parameter is missing")),
        (
            without("text"),
            message("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"),
        ),
        ([without("from"), vec![("from", "no address")]].concat(), not_address("from")),
        (with(&[("to", "a@b@c")]), not_address("to")),
        (with(&[("cc", "nobody at nowhere")]), not_address("cc")),
        (with(&[("bcc", "<<>>")]), not_address("bcc")),
        (
            with(&[("html", "<p>"), ("template", "x")]),
            message("Only one parameters 'html' or 'template' is allowed"),
        ),
        (
            with(&[("v:a", big.as_str()), ("h:X-B", big.as_str())]),
            message("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"),
        ),
        (with(&[("h:X-Größe", "1")]), message("Header name must be pure ASCII: X-Größe")),
        (
            with(&[("recipient-variables", "{")]),
            message("'recipient-variables' parameter is not a valid JSON"),
        ),
        (with(&[("o:deliverytime", "tomorrow")]), message("tomorrow is not an RFC-2822 compliant date")),
    ] {
        assert_eq!(world.post(PATH, &fields).await.line(), expected);
    }
    let many: String = (0..1_001).map(|number| format!("r{number}@rcpt.example,")).collect();
    let answer = world.post(PATH, &[without("to"), vec![("to", many.trim_end_matches(','))]].concat()).await;
    assert_eq!(answer.line(), message("Too many recipients, max is 1000"));
    assert!(world.lease().await.is_empty(), "nothing was stored");
}

#[tokio::test]
async fn templates_are_refused_until_they_exist() {
    let world = World::new().await;
    let answer = world.post(PATH, &[without("text"), vec![("template", "welcome")]].concat()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("template"), "{}", answer.text());
    let options = with(&[("template", ""), ("t:version", "2"), ("t:variables", "{}"), ("t:text", "yes")]);
    assert_eq!(world.post(PATH, &options).await.status, 200, "without a template they mean nothing");
    let variables = "x".repeat(16 * 1_024);
    assert_eq!(
        world.post(PATH, &with(&[("t:variables", &variables)])).await.line(),
        message("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total")
    );
}

#[tokio::test]
async fn what_the_account_may_not_do_is_forbidden() {
    let world = World::new().await;
    let answer = world.post(PATH, &with(&[("o:sending-ip", "203.0.113.9")])).await;
    assert_eq!(
        answer.line(),
        r#"403 {"message":"Rejected: IP 203.0.113.9 can't be used to send the message"}"#
    );
}

#[tokio::test]
async fn headers_cannot_be_smuggled_in() {
    let world = World::new().await;
    for field in [("subject", "s\r\nBcc: x@y.example"), ("h:X-A", "1\r\nX-B: 2"), ("h:X-A\r\nX-B", "1")] {
        let fields = [without("subject"), vec![field]].concat();
        let answer = world.post(PATH, &fields).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 400, "{}", answer.text());
            continue;
        }
        for entry in world.lease().await {
            let mime = world.store.body(entry.account, entry.message).await.expect("ok").expect("body");
            let mime = String::from_utf8_lossy(mime.open(&ACCESS)).to_lowercase();
            assert!(!mime.contains("\r\nbcc:") && !mime.contains("\r\nx-b:"), "{mime}");
        }
    }
}

#[tokio::test]
async fn options_travel_with_the_message() {
    let world = World::new().await;
    let options =
        [("o:require-tls", "yes"), ("o:skip-verification", "True"), ("o:tracking-clicks", "htmlonly")];
    world.message(&options).await;
    let entry = world.lease().await.remove(0);
    let stored = world.store.message(entry.account, entry.message).await.expect("ok").expect("message");
    assert!(stored.options.require_tls && stored.options.skip_verification);
    assert_eq!(stored.options.tracking_clicks, Some(Tracking::HtmlOnly));
}

#[tokio::test]
async fn mime_comes_as_a_file_or_as_a_plain_field() {
    let world = World::new().await;
    let mime = b"From: a@mg.example.org\r\nTo: b@rcpt.example\r\nSubject: s\r\n\r\nHi\r\n";
    for disposition in ["name=\"message\"; filename=\"message.mime\"", "name=\"message\""] {
        let answer =
            world.post_parts(MIME_PATH, &[("name=\"to\"", b"b@rcpt.example"), (disposition, mime)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(world.lease().await.len(), 2);
}

#[tokio::test]
async fn wrong_mime_requests_are_refused_in_the_words_of_the_api() {
    let world = World::new().await;
    let mime: &[u8] = b"From: a@mg.example.org\r\nSubject: s\r\n\r\nHi\r\n";
    let no_message = world.post_parts(MIME_PATH, &[("name=\"to\"", b"b@rcpt.example")]).await;
    assert_eq!(no_message.line(), message("message parameter is missing"));
    let no_recipient = world.post_parts(MIME_PATH, &[("name=\"message\"; filename=\"m\"", mime)]).await;
    assert_eq!(no_recipient.line(), message("to parameter is missing"));
    let urlencoded = world.post(MIME_PATH, &[("to", "b@rcpt.example")]).await;
    assert_eq!(
        urlencoded.line(),
        message(
            "Invalid request content type. Expecting 'multipart/form-data' but got 'application/x-www-form-urlencoded'"
        )
    );
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_same_answer_and_one_message() {
    let world = World::new().await;
    let send = async |key: &str, text: &str| {
        let fields = [without("text"), vec![("text", text)]].concat();
        let request = world
            .request(http::Method::POST, PATH)
            .header("idempotency-key", key)
            .body(axum::body::Body::from(crate::world::urlencoded(&fields)));
        world.send(request.expect("request")).await
    };
    let first = send("k1", "one").await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(send("k1", "one").await.line(), first.line());
    assert_eq!(
        send("k1", "two").await.line(),
        r#"422 {"message":"Idempotency-Key was used for another request within the last 24 hours"}"#
    );
    assert_ne!(send("k2", "one").await.line(), first.line());
    assert_eq!(world.lease().await.len(), 2);
    assert_eq!(
        send(&"k".repeat(256), "one").await.line(),
        message("Idempotency-Key header must have 1 to 255 ASCII characters")
    );
}

#[tokio::test]
async fn a_batch_gives_each_recipient_a_copy() {
    let world = World::new().await;
    let variables = r#"{"b@rcpt.example": {"n": "1"}, "c@rcpt.example": {"n": "2"}}"#;
    world
        .message(&[
            ("to", "b@rcpt.example, c@rcpt.example"),
            ("recipient-variables", variables),
            ("subject", "%recipient.n%"),
        ])
        .await;
    let entries = world.lease().await;
    assert_eq!(entries.len(), 2);
    assert_ne!(entries[0].message, entries[1].message);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let world = World::new().await;
    let big = vec![b'x'; 26 << 20];
    let parts: [(&str, &[u8]); 4] = [
        ("name=\"from\"", b"a@mg.example.org"),
        ("name=\"to\"", b"b@rcpt.example"),
        ("name=\"text\"", b"t"),
        ("name=\"attachment\"; filename=\"big\"", &big),
    ];
    let answer = world.post_parts(PATH, &parts).await;
    assert!([400, 413].contains(&answer.status), "{}", answer.line());
    assert!(answer.json()["message"].is_string());
}

//! Stored messages: shown, sent again, deleted; and the queues of a domain.

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::{Value, json};
use waxseal_model::event::{DeliveryStatus, EventKind};
use waxseal_store::queue::Outcome;

use crate::world::{START, World};

const MISSING: &str = r#"404 {"message":"Message not found"}"#;

/// A message with everything, scheduled for later; the path of its storage.
async fn kept(world: &World) -> String {
    let at = (START + 3_600).to_string();
    let parts: [(&str, &[u8]); 10] = [
        ("name=\"from\"", b"Ann <ann@mg.example.org>"),
        ("name=\"to\"", b"bob@rcpt.example"),
        ("name=\"cc\"", b"carol@rcpt.example"),
        ("name=\"subject\"", "Grüße".as_bytes()),
        ("name=\"text\"", b"Hi there"),
        ("name=\"html\"", b"<p>Hi <img src=\"cid:logo.png\"></p>"),
        ("name=\"o:tag\"", b"kept"),
        ("name=\"o:deliverytime\"", at.as_bytes()),
        ("name=\"attachment\"; filename=\"plan.txt\"\r\nContent-Type: text/plain", b"the plan"),
        ("name=\"inline\"; filename=\"logo.png\"\r\nContent-Type: image/png", b"\x89PNG"),
    ];
    let answer = world.post_parts("/v3/mg.example.org/messages", &parts).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = world.get("/v3/mg.example.org/events").await.json();
    let key = events["items"][0]["storage"]["key"].as_str().expect("key");
    format!("/v3/domains/mg.example.org/messages/{key}")
}

#[tokio::test]
async fn a_stored_message_names_all_its_recipients() {
    let world = World::new().await;
    let everybody: Vec<String> = (0..150).map(|n| format!("user{n}@rcpt.example")).collect();
    world.message(&[("to", &everybody.join(","))]).await;
    let event = world.get("/v3/mg.example.org/events?limit=1").await.json()["items"][0].clone();
    assert_eq!(
        event["message"]["recipients"].as_array().map(Vec::len),
        Some(100),
        "an event names the first"
    );
    let path =
        format!("/v3/domains/mg.example.org/messages/{}", event["storage"]["key"].as_str().expect("key"));
    let told = world.get(&path).await.json()["recipients"].as_str().expect("recipients").to_owned();
    assert!(everybody.iter().all(|one| told.split(", ").any(|known| known == one)), "{told}");
    assert!(told.split(", ").count() >= everybody.len());
}

#[tokio::test]
async fn a_stored_message_is_shown_taken_apart() {
    let world = World::new().await;
    let path = kept(&world).await;
    let url = format!("https://api.example.org{path}");
    let answer = world.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let body = answer.json();
    for (name, value) in [
        ("recipients", json!("bob@rcpt.example, carol@rcpt.example")),
        ("sender", json!("ann@mg.example.org")),
        ("from", json!("Ann <ann@mg.example.org>")),
        ("subject", json!("Grüße")),
        ("Subject", json!("Grüße")),
        ("stripped-signature", json!("")),
        ("message-url", json!(url)),
        ("X-Mailgun-Tag", json!("kept")),
        ("Mime-Version", json!("1.0")),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    for (name, text) in
        [("body-plain", "Hi there"), ("stripped-text", "Hi there"), ("Message-Id", "@mg.example.org>")]
    {
        assert!(body[name].as_str().is_some_and(|value| value.contains(text)), "{name}: {}", body[name]);
    }
    assert!(body["body-html"].as_str().is_some_and(|html| html.contains("cid:logo.png")));
    let files = body["attachments"].as_array().expect("attachments");
    let plan = files.iter().find(|file| file["name"] == "plan.txt").expect("plan.txt");
    assert_eq!((&plan["content-type"], &plan["size"]), (&json!("text/plain"), &json!(8)));
    let inline = &body["content-id-map"]["<logo.png>"];
    assert_eq!((&inline["content-type"], &inline["size"]), (&json!("image/png"), &json!(4)));
    let headers = body["message-headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["Subject", "Grüße"])), "{headers:?}");
    for (file, bytes) in [(plan, b"the plan".as_slice()), (inline, b"\x89PNG")] {
        let link = file["url"].as_str().expect("url");
        let answer = world.get(link.strip_prefix("https://api.example.org").expect("absolute")).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, bytes));
        assert_eq!(answer.header("content-type"), file["content-type"].as_str().expect("type"));
        assert_eq!(answer.header("content-disposition"), "attachment");
    }
    assert_eq!(world.get(&format!("{path}/attachments/99")).await.status, 404);
    assert_eq!(world.get(&format!("{path}/attachments/x")).await.status, 404);
}

#[tokio::test]
async fn the_whole_mime_is_given_to_who_asks_for_it() {
    let world = World::new().await;
    let path = kept(&world).await;
    let request = world.request(Method::GET, &path).header(header::ACCEPT, "message/rfc2822");
    let answer = world.send(request.body(Body::empty()).expect("request")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let body = answer.json();
    let mut members: Vec<&String> = body.as_object().expect("object").keys().collect();
    members.sort();
    assert_eq!(members, ["body-mime", "from", "recipients", "sender", "subject"]);
    let mime = body["body-mime"].as_str().expect("mime");
    assert!(mime.contains("DKIM-Signature:") && mime.contains("Mime-Version: 1.0"), "{mime}");
}

#[tokio::test]
async fn messages_that_are_not_there_are_told_as_such() {
    let world = World::new().await;
    let path = kept(&world).await;
    let elsewhere = path.replace("mg.example.org", "sandbox.example.org");
    for path in [
        "/v3/domains/mg.example.org/messages/nothing",
        "/v3/domains/mg.example.org/messages/AAA==",
        &elsewhere,
    ] {
        assert_eq!(world.get(path).await.line(), MISSING, "{path}");
        assert_eq!(world.delete(path).await.line(), MISSING, "{path}");
        assert_eq!(world.post(path, &[("to", "x@rcpt.example")]).await.line(), MISSING, "{path}");
    }
}

#[tokio::test]
async fn a_stored_message_is_sent_again_to_others() {
    let world = World::new().await;
    let path = kept(&world).await;
    let answer =
        world.post(&path, &[("to", "x@rcpt.example, y@rcpt.example"), ("to", "z@rcpt.example")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["message"], "Queued. Thank you.");
    assert!(answer.json()["id"].as_str().is_some_and(|id| id.starts_with('<')));
    assert_eq!(world.lease().await.len(), 3);
    let answer = world.post(&path, &[]).await;
    assert_eq!(answer.line(), r#"400 {"message":"to parameter is missing"}"#);
}

#[tokio::test]
async fn a_stored_message_is_sent_again_once_with_one_idempotency_key() {
    let world = World::new().await;
    let path = kept(&world).await;
    let again = async |key: &str, to: &str| {
        let request = world.request(Method::POST, &path).header("idempotency-key", key);
        world.send(request.body(Body::from(format!("to={to}"))).expect("request")).await
    };
    let first = again("again", "x@rcpt.example").await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(again("again", "x@rcpt.example").await.line(), first.line());
    assert_eq!(world.lease().await.len(), 1);
    assert_eq!(again("again", "y@rcpt.example").await.status, 422);
    assert_eq!(again("", "y@rcpt.example").await.status, 400);
}

#[tokio::test]
async fn a_deleted_message_is_gone() {
    let world = World::new().await;
    let path = kept(&world).await;
    assert_eq!(world.delete(&path).await.line(), r#"200 {"message":"Message has been deleted"}"#);
    assert_eq!(world.get(&path).await.line(), MISSING);
    assert_eq!(world.delete(&path).await.line(), MISSING);
}

#[tokio::test]
async fn a_message_whose_time_is_over_is_neither_shown_nor_sent_again() {
    let world = World::new().await;
    let path = kept(&world).await;
    world.clock.advance(std::time::Duration::from_secs(3_600));
    for entry in world.lease().await {
        let status = DeliveryStatus { code: 250, ..DeliveryStatus::default() };
        world.settle(entry, EventKind::Delivered, None, status, Outcome::Done { suppress: None }).await;
    }
    let again = [("to", "x@rcpt.example")];
    assert_eq!(world.get(&path).await.status, 200);
    // Nothing has purged it yet.
    world.clock.advance(std::time::Duration::from_secs(259_200));
    assert_eq!(world.get(&path).await.line(), MISSING);
    assert_eq!(world.post(&path, &again).await.line(), MISSING);
    assert!(world.lease().await.is_empty());
}

#[tokio::test]
async fn queues_are_shown_and_cleared() {
    let world = World::new().await;
    let queues = world.get("/v3/domains/mg.example.org/sending_queues").await;
    assert_eq!(queues.line(), r#"200 {"regular":{"is_disabled":false},"scheduled":{"is_disabled":false}}"#);
    let unknown = world.get("/v3/domains/unknown.example/sending_queues").await;
    assert_eq!(unknown.line(), r#"404 {"message":"Domain not found"}"#);
    kept(&world).await;
    assert_eq!(world.delete("/v3/mg.example.org/envelopes").await.line(), r#"200 {"message":"done"}"#);
    world.clock.advance(std::time::Duration::from_secs(7_200));
    assert!(world.lease().await.is_empty(), "what waited was dropped");
    let body = world.get("/v3/mg.example.org/events?event=failed").await.json();
    let dropped: Vec<&Value> =
        body["items"].as_array().expect("items").iter().map(|event| &event["severity"]).collect();
    assert_eq!(dropped, ["permanent", "permanent"], "each recipient has its end");
}

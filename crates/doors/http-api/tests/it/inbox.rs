//! The sandbox inbox.

use serde_json::json;

use crate::world::World;

/// Three captured messages.
async fn captured() -> World {
    let world = World::new().await;
    for (subject, to) in [("one", "a@x.example"), ("two", "b+c@x.example"), ("three", "a@x.example")] {
        world.message_of("sandbox.example.org", &[("subject", subject), ("to", to), ("o:tag", "t")]).await;
        world.capture_all().await;
    }
    world
}

async fn subjects(world: &World, query: &str) -> Vec<String> {
    let body = world.get(&format!("/v1/inbox{query}")).await.json();
    let items = body["items"].as_array().expect("items");
    items.iter().map(|item| item["subject"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test]
async fn captured_messages_are_listed_newest_first() {
    let world = captured().await;
    assert_eq!(subjects(&world, "").await, ["three", "two", "one"]);
    assert_eq!(subjects(&world, "?domain=sandbox.example.org").await, ["three", "two", "one"]);
    assert_eq!(subjects(&world, "?domain=mg.example.org").await, [""; 0]);
    assert_eq!(subjects(&world, "?recipient=A@x.example").await, ["three", "one"]);
    assert_eq!(subjects(&world, "?recipient=b%2Bc%40x.example").await, ["two"]);
    assert_eq!(subjects(&world, "?limit=2").await, ["three", "two"]);
}

#[tokio::test]
async fn an_item_says_who_wrote_to_whom_about_what() {
    let world = captured().await;
    let body = world.get("/v1/inbox?limit=1").await.json();
    let item = &body["items"][0];
    let id = item["id"].as_str().expect("id");
    for (name, value) in [
        ("recipient", json!("a@x.example")),
        ("from", json!("Ann <ann@sandbox.example.org>")),
        ("to", json!("a@x.example")),
        ("subject", json!("three")),
        ("tags", json!(["t"])),
        ("captured-at", json!("2027-01-15T08:00:05.000Z")),
        ("expires-at", json!("2027-01-16T08:00:05.000Z")),
        ("url", json!(format!("https://api.example.org/v1/inbox/{id}"))),
        ("raw-url", json!(format!("https://api.example.org/v1/inbox/{id}/raw"))),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    assert!(item["size"].as_u64().is_some_and(|size| size > 100));
    assert!(item["message-id"].as_str().is_some_and(|id| id.ends_with("@sandbox.example.org")));
}

#[tokio::test]
async fn pages_of_the_inbox_follow_each_other() {
    let world = captured().await;
    let mut query = "?limit=1&recipient=a%40x.example&domain=sandbox.example.org".to_owned();
    let mut seen = Vec::new();
    loop {
        let body = world.get(&format!("/v1/inbox{query}")).await.json();
        if body["items"] == json!([]) {
            break;
        }
        seen.push(body["items"][0]["subject"].as_str().expect("subject").to_owned());
        let next = body["paging"]["next"].as_str().expect("next");
        query = next.strip_prefix("https://api.example.org/v1/inbox").expect("absolute").to_owned();
    }
    assert_eq!(seen, ["three", "one"]);
}

#[tokio::test]
async fn a_captured_message_is_shown_and_given_as_mime() {
    let world = captured().await;
    let id = world.get("/v1/inbox?limit=1").await.json()["items"][0]["id"].as_str().expect("id").to_owned();
    let body = world.get(&format!("/v1/inbox/{id}")).await.json();
    assert_eq!((&body["subject"], &body["recipient"]), (&json!("three"), &json!("a@x.example")));
    assert!(body["body-plain"].as_str().is_some_and(|text| text.contains("Hi there")));
    assert_eq!(body["attachments"], json!([]));
    let raw = world.get(&format!("/v1/inbox/{id}/raw")).await;
    assert_eq!((raw.status, raw.header("content-type")), (200, "message/rfc822"));
    let mime = raw.text();
    assert!(mime.contains("DKIM-Signature:") && mime.contains("Subject: three"), "{mime}");
    assert_eq!(world.get(&format!("/v1/inbox/{id}/attachments/0")).await.status, 404);
}

#[tokio::test]
async fn captured_messages_are_deleted_one_by_one_or_all() {
    let world = captured().await;
    let id = world.get("/v1/inbox?limit=1").await.json()["items"][0]["id"].as_str().expect("id").to_owned();
    let path = format!("/v1/inbox/{id}");
    assert_eq!(world.delete(&path).await.line(), r#"200 {"message":"Message has been deleted"}"#);
    for missing in [path.as_str(), "/v1/inbox/nothing"] {
        assert_eq!(world.delete(missing).await.line(), r#"404 {"message":"Message not found"}"#);
        assert_eq!(world.get(missing).await.line(), r#"404 {"message":"Message not found"}"#);
    }
    assert_eq!(subjects(&world, "").await, ["two", "one"]);
    assert_eq!(world.delete("/v1/inbox?domain=mg.example.org").await.json()["count"], 0);
    assert_eq!(
        world.delete("/v1/inbox").await.line(),
        r#"200 {"message":"Inbox has been cleared","count":2}"#
    );
    assert_eq!(subjects(&world, "").await, [""; 0]);
}

#[tokio::test]
async fn senseless_questions_name_their_parameter() {
    let world = World::new().await;
    for (query, text) in [
        ("limit=x", "limit parameter must be a number from 1 to 300"),
        ("page=x", "page parameter is not valid"),
        ("colour=red", "colour parameter is not known"),
    ] {
        let answer = world.get(&format!("/v1/inbox?{query}")).await;
        assert_eq!(answer.line(), format!("400 {}", json!({ "message": text })));
    }
    let answer = world.delete("/v1/inbox?recipient=a%40x.example").await;
    assert_eq!(answer.status, 400, "deleting by recipient is not there, and does not delete all instead");
    let answer = world.get("/v1/inbox?domain=unknown.example").await;
    assert_eq!(answer.line(), r#"404 {"message":"Domain not found: unknown.example"}"#);
}

//! Events: their shape, ranges, filters and pages.

use std::time::Duration;

use serde_json::{Value, json};
use waxseal_model::{
    Timestamp,
    event::{DeliveryStatus, EventKind, Severity},
};
use waxseal_store::queue::Outcome;

use crate::world::{START, World};

const PATH: &str = "/v3/mg.example.org/events";

fn names(body: &Value) -> Vec<String> {
    let items = body["items"].as_array().expect("items");
    items
        .iter()
        .map(|event| format!("{} {}", event["event"].as_str().unwrap_or("?"), subject(event)))
        .collect()
}

fn subject(event: &Value) -> &str {
    event["message"]["headers"]["subject"].as_str().unwrap_or("?")
}

/// The path behind the public URL.
fn path(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.strip_prefix("https://api.example.org").expect("an absolute link").to_owned()
}

async fn delivered(world: &World) {
    let entry = world.lease().await.remove(0);
    let status = DeliveryStatus {
        code: 250,
        message: "OK".into(),
        attempt_no: 1,
        session_seconds: 0.43,
        first_delivery_attempt_seconds: Some(0.06),
        tls: Some(true),
        certificate_verified: Some(true),
        utf8: Some(true),
        mx_host: Some("mx.rcpt.example".into()),
        mx_host_ip: Some("198.51.100.9".into()),
        enhanced_code: Some("2.0.0".into()),
        ..DeliveryStatus::default()
    };
    world.settle(entry, EventKind::Delivered, None, status, Outcome::Done { suppress: None }).await;
}

async fn bounced(world: &World) {
    let entry = world.lease().await.remove(0);
    let status = DeliveryStatus {
        code: 550,
        message: "no such person".into(),
        attempt_no: 1,
        bounce_type: Some("hard".into()),
        ..DeliveryStatus::default()
    };
    let severity = Some(Severity::Permanent);
    world.settle(entry, EventKind::Failed, severity, status, Outcome::Done { suppress: None }).await;
}

async fn deferred(world: &World) {
    let entry = world.lease().await.remove(0);
    let status = DeliveryStatus {
        code: 451,
        message: "later".into(),
        attempt_no: 1,
        retry_seconds: Some(600),
        ..DeliveryStatus::default()
    };
    let now = Timestamp::from_secs(START + 100);
    let outcome = Outcome::Deferred {
        next_attempt_at: now + Duration::from_secs(600),
        first_attempt_at: now,
        last_reply: "451".into(),
    };
    world.settle(entry, EventKind::Failed, Some(Severity::Temporary), status, outcome).await;
}

#[tokio::test]
async fn a_delivered_event_has_every_block_of_the_api() {
    let world = World::new().await;
    let message_id = world.message(&[("o:tag", "welcome"), ("v:k", "v"), ("v:n", "2")]).await;
    delivered(&world).await;
    let body = world.get(&format!("{PATH}?event=delivered")).await.json();
    let event = &body["items"][0];
    let key = event["storage"]["key"].as_str().expect("key");
    let id = event["id"].as_str().expect("id");
    assert!(
        id.len() == 22 && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
        "{id}"
    );
    let size = event["message"]["size"].as_u64().expect("size");
    assert!(size > 100);
    let expected = json!({
        "event": "delivered",
        "id": id,
        "timestamp": (START + 1) as f64,
        "log-level": "info",
        "account": { "id": world.mine.account.to_string() },
        "domain": { "name": "mg.example.org" },
        "envelope": {
            "sender": "ann@mg.example.org",
            "targets": "bob@rcpt.example",
            "transport": "smtp",
            "sending-ip": "192.0.2.7",
        },
        "flags": {
            "is-authenticated": true,
            "is-routed": false,
            "is-big": false,
            "is-system-test": false,
            "is-test-mode": false,
            "is-delayed-bounce": false,
            "is-amp": false,
            "is-encrypted": false,
        },
        "delivery-status": {
            "attempt-no": 1,
            "code": 250,
            "message": "OK",
            "description": "",
            "session-seconds": 0.43,
            "enhanced-code": "2.0.0",
            "mx-host": "mx.rcpt.example",
            "mx-host-ip": "198.51.100.9",
            "certificate-verified": true,
            "tls": true,
            "utf8": true,
            "first-delivery-attempt-seconds": 0.06,
        },
        "message": {
            "headers": {
                "message-id": message_id,
                "from": "Ann <ann@mg.example.org>",
                "to": "bob@rcpt.example",
                "subject": "Hello",
            },
            "attachments": [],
            "size": size,
        },
        "storage": {
            "key": key,
            "url": format!("https://api.example.org/v3/domains/mg.example.org/messages/{key}"),
            "region": "local",
            "env": "production",
        },
        "recipient": "bob@rcpt.example",
        "recipient-domain": "rcpt.example",
        "recipient-provider": "Other",
        "primary-dkim": "s1._domainkey.mg.example.org",
        "tags": ["welcome"],
        "campaigns": [],
        "user-variables": { "k": "v", "n": "2" },
    });
    assert_eq!(event, &expected, "{event:#}");
    assert_eq!(world.get(&path(&event["storage"]["url"])).await.status, 200, "the link works");
}

#[tokio::test]
async fn an_accepted_event_names_its_origin() {
    let world = World::new().await;
    let at = (START + 3_600).to_string();
    world.message(&[("o:deliverytime", &at), ("o:testmode", "no"), ("to", "c@gmail.com")]).await;
    let body = world.get(PATH).await.json();
    let events = body["items"].as_array().expect("items");
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event["event"], "accepted");
    assert_eq!(event["method"].as_str().map(str::to_lowercase).as_deref(), Some("http"));
    assert!(event["api-key-id"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(event["originating-ip"].is_string());
    assert_eq!(
        event["message"]["recipients"],
        json!(["bob@rcpt.example", "c@gmail.com"]).as_array().map_or(json!([]), |all| json!(all[1..]))
    );
    assert_eq!(event["message"]["scheduled-for"], START + 3_600);
    assert_eq!(event["recipient-provider"], "Gmail");
    assert_eq!(event["user-variables"], json!({}));
    assert_eq!(event["tags"], json!([]));
    assert!(event["delivery-status"].is_null() && event["severity"].is_null());
}

#[tokio::test]
async fn failures_tell_their_severity_and_the_reply() {
    let world = World::new().await;
    world.message(&[("subject", "one")]).await;
    deferred(&world).await;
    world.message(&[("subject", "two")]).await;
    bounced(&world).await;
    let body = world.get(&format!("{PATH}?event=failed&ascending=yes")).await.json();
    let summary: Vec<Value> = body["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|event| {
            let status = &event["delivery-status"];
            json!([
                event["severity"],
                event["log-level"],
                event["reason"],
                status["code"],
                status["retry-seconds"],
                status["bounce-type"]
            ])
        })
        .collect();
    assert_eq!(
        summary,
        vec![
            json!(["temporary", "warn", "generic", 451, 600, null]),
            json!(["permanent", "error", "generic", 550, null, "hard"]),
        ]
    );
}

async fn history() -> World {
    let world = World::new().await;
    for subject in ["one", "two", "three"] {
        world.message(&[("subject", subject)]).await;
        delivered(&world).await;
    }
    world
}

const ALL: [&str; 6] =
    ["accepted one", "delivered one", "accepted two", "delivered two", "accepted three", "delivered three"];

fn reversed(mut all: Vec<&str>) -> Vec<&str> {
    all.reverse();
    all
}

#[tokio::test]
async fn ranges_say_which_events_in_which_order() {
    let world = history().await;
    let (start, end) = (START, START + 60);
    for (query, expected) in [
        (String::new(), reversed(ALL.to_vec())),
        ("ascending=yes".into(), ALL.to_vec()),
        ("ascending=no".into(), reversed(ALL.to_vec())),
        (format!("begin={start}&end={end}"), ALL.to_vec()),
        (format!("begin={end}&end={start}"), reversed(ALL.to_vec())),
        (format!("begin={start}&ascending=yes"), ALL.to_vec()),
        (format!("begin={}&ascending=yes", START + 4), ALL[4..].to_vec()),
        (format!("begin={}.5&end={}", START, START + 2), ALL[1..3].to_vec()),
        ("begin=Fri%2C+15+Jan+2027+08%3A00%3A03+GMT&ascending=yes".into(), ALL[3..].to_vec()),
        ("limit=2&ascending=yes".into(), ALL[..2].to_vec()),
        ("limit=100000&ascending=true".into(), ALL.to_vec()),
        ("event=&limit=&begin=".into(), reversed(ALL.to_vec())),
    ] {
        let answer = world.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(names(&answer.json()), expected, "{query}");
    }
}

#[tokio::test]
async fn senseless_questions_name_their_parameter() {
    let world = World::new().await;
    for (query, text) in [
        ("begin=yesterday", "begin parameter is not an RFC 2822 date or seconds since the epoch"),
        ("end=x", "end parameter is not an RFC 2822 date or seconds since the epoch"),
        ("begin=5&end=9&ascending=no", "ascending parameter contradicts the order of begin and end"),
        ("ascending=maybe", "ascending parameter must be yes or no"),
        ("limit=many", "limit parameter must be a number from 1 to 300"),
        ("limit=0", "limit parameter must be a number from 1 to 300"),
        ("pretty=very", "pretty parameter must be yes or no"),
        (
            "event=(failed",
            "event parameter is not a valid filter expression: the parenthesis at position 1 has no partner",
        ),
        (
            "size=>",
            "size parameter is not a valid filter expression: the comparison at position 1 needs a number",
        ),
        ("colour=red", "colour parameter is not a field of events"),
    ] {
        let answer = world.get(&format!("{PATH}?{}", query.replace('>', "%3E"))).await;
        assert_eq!(answer.line(), format!("400 {}", json!({ "message": text })), "{query}");
    }
    let long = world.get(&format!("{PATH}?{}", "subject=aaaaaaaaaaaaaaaaaaaaaaaa&".repeat(33))).await;
    assert_eq!(long.line(), r#"400 {"message":"too many filters, max is 32"}"#);
}

#[tokio::test]
async fn pages_lead_to_each_other_and_carry_all_filters() {
    let world = history().await;
    let mut body =
        world.get(&format!("{PATH}?limit=1&event=delivered&ascending=yes&subject=NOT+two")).await.json();
    let mut seen = Vec::new();
    let first = path(&body["paging"]["first"]);
    let last = path(&body["paging"]["last"]);
    loop {
        for link in ["first", "last", "next", "previous"] {
            let path = path(&body["paging"][link]);
            let token = path.strip_prefix("/v3/mg.example.org/events/").expect("the token last");
            assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "{token}");
        }
        if body["items"] == json!([]) {
            break;
        }
        seen.extend(names(&body));
        body = world.get(&path(&body["paging"]["next"])).await.json();
    }
    assert_eq!(seen, ["delivered one", "delivered three"]);
    assert_eq!(names(&world.get(&first).await.json()), ["delivered one"]);
    assert_eq!(names(&world.get(&last).await.json()), ["delivered three"]);
    let back = world.get(&path(&body["paging"]["previous"])).await.json();
    assert_eq!(names(&back), ["delivered three"]);
    let back = world.get(&path(&back["paging"]["previous"])).await.json();
    assert_eq!(names(&back), ["delivered one"]);
}

#[tokio::test]
async fn the_next_link_of_the_last_page_later_shows_what_is_new() {
    let world = World::new().await;
    let body = world.get(&format!("{PATH}?ascending=yes&begin={START}")).await.json();
    assert_eq!(body["items"], json!([]));
    world.message(&[("subject", "new")]).await;
    let body = world.get(&path(&body["paging"]["next"])).await.json();
    assert_eq!(names(&body), ["accepted new"]);
    let next = path(&body["paging"]["next"]);
    assert_eq!(world.get(&next).await.json()["items"], json!([]));
    delivered(&world).await;
    assert_eq!(names(&world.get(&next).await.json()), ["delivered new"]);
}

#[tokio::test]
async fn made_up_tokens_are_refused() {
    let world = World::new().await;
    let long = "a".repeat(20_000);
    for token in ["x", "AAAA", "W10", "e30", "%00", &long] {
        let answer = world.get(&format!("{PATH}/{token}")).await;
        assert_eq!(answer.line(), r#"400 {"message":"page token is not valid"}"#, "{token:.20}");
    }
}

#[tokio::test]
async fn a_token_may_ask_for_nothing_that_parameters_may_not() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let world = World::new().await;
    for (wire, expected) in [
        (json!({"v": 1, "a": true, "l": 301, "p": "f"}), "page token is not valid"),
        (json!({"v": 2, "a": true, "l": 3, "p": "f"}), "page token is not valid"),
        (
            json!({"v": 1, "a": true, "l": 3, "p": "f", "f": [["colour", "red"]]}),
            "colour parameter is not a field of events",
        ),
    ] {
        let token = URL_SAFE_NO_PAD.encode(wire.to_string());
        let answer = world.get(&format!("{PATH}/{token}")).await;
        assert_eq!(answer.line(), format!("400 {}", json!({ "message": expected })));
    }
}

#[tokio::test]
async fn pretty_and_compact_say_the_same() {
    let world = history().await;
    let compact = world.get(&format!("{PATH}?pretty=no")).await;
    let pretty = world.get(&format!("{PATH}?pretty=yes")).await;
    assert_eq!(compact.json()["items"], pretty.json()["items"]);
    assert!(!compact.text().contains('\n') && pretty.text().contains("\n  "));
}

#[tokio::test]
async fn without_a_public_url_links_start_where_the_request_came() {
    let world = World::with(|config| config.public_url = None).await;
    let request = world
        .request(http::Method::GET, PATH)
        .header("host", "mail.internal:8080")
        .body(axum::body::Body::empty())
        .expect("request");
    let body = world.send(request).await.json();
    let next = body["paging"]["next"].as_str().expect("link");
    assert!(next.starts_with("http://mail.internal:8080/v3/mg.example.org/events/"), "{next}");
}

//! The same message in every encoding that clients use.

use std::io::Write as _;

use axum::{
    body::Body,
    http::{Method, header},
};
use flate2::{Compression, write::GzEncoder};
use waxseal_mail::inspect;

use crate::world::{ACCESS, Answer, World, multipart, urlencoded};

const PATH: &str = "/v3/mg.example.org/messages";
const FIELDS: [(&str, &str); 4] =
    [("from", "a@mg.example.org"), ("to", "b@rcpt.example"), ("subject", "Grüße"), ("text", "käse & co")];

async fn post(
    world: &World,
    path: &str,
    content_type: Option<&str>,
    encoding: Option<&str>,
    body: Vec<u8>,
) -> Answer {
    let mut request = world.request(Method::POST, path);
    if let Some(value) = content_type {
        request = request.header(header::CONTENT_TYPE, value);
    }
    if let Some(value) = encoding {
        request = request.header(header::CONTENT_ENCODING, value);
    }
    world.send(request.body(Body::from(body)).expect("request")).await
}

/// The message that was accepted last, and nothing else was.
async fn arrived(world: &World, answer: &Answer) -> inspect::Stored {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let entries = world.lease().await;
    assert_eq!(entries.len(), 1);
    let mime = world.store.body(entries[0].account, entries[0].message).await.expect("ok").expect("body");
    inspect::stored(mime.open(&ACCESS))
}

async fn assert_arrived(world: &World, answer: &Answer) {
    let stored = arrived(world, answer).await;
    assert_eq!(stored.summary.subject.as_deref(), Some("Grüße"));
    assert_eq!(stored.body_plain.trim(), "käse & co");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

fn parts() -> Vec<u8> {
    let named: Vec<(String, &str)> =
        FIELDS.iter().map(|(name, value)| (format!("name=\"{name}\""), *value)).collect();
    let parts: Vec<(&str, &[u8])> =
        named.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    multipart(&parts)
}

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const MULTIPART: Option<&str> = Some("multipart/form-data; boundary=xyz");

#[tokio::test]
async fn forms_come_in_many_ways_and_are_the_same_message() {
    let world = World::new().await;
    let json =
        serde_json::to_vec(&FIELDS.into_iter().collect::<std::collections::BTreeMap<_, _>>()).expect("json");
    for (content_type, encoding, body) in [
        (FORM, None, urlencoded(&FIELDS).into_bytes()),
        (None, None, urlencoded(&FIELDS).into_bytes()),
        (MULTIPART, None, parts()),
        (Some("Multipart/Form-Data; boundary=\"xyz\""), None, parts()),
        (FORM, Some("gzip"), gzip(urlencoded(&FIELDS).as_bytes())),
        (MULTIPART, Some("gzip"), gzip(&parts())),
        (None, None, json.clone()),
        (Some("application/json"), None, json),
    ] {
        assert_arrived(&world, &post(&world, PATH, content_type, encoding, body).await).await;
    }
}

#[tokio::test]
async fn array_names_are_plain_names() {
    let world = World::new().await;
    for style in ["[]", "[0]"] {
        let named: Vec<(String, &str)> =
            FIELDS.iter().map(|(name, value)| (format!("{name}{style}"), *value)).collect();
        let fields: Vec<(&str, &str)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_arrived(&world, &world.post(PATH, &fields).await).await;
    }
}

#[tokio::test]
async fn values_in_the_query_count_and_the_body_wins() {
    let world = World::new().await;
    let path = format!("{PATH}?{}", urlencoded(&FIELDS));
    assert_arrived(&world, &world.post(&path, &[]).await).await;
    let path = format!("{PATH}?{}&subject=of+the+query", urlencoded(&FIELDS[..2]));
    assert_arrived(&world, &world.post(&path, &FIELDS[2..]).await).await;
}

#[tokio::test]
async fn file_names_and_types_are_kept() {
    let world = World::new().await;
    for disposition in [
        "name=\"attachment\"; filename=\"Übersicht 日本.txt\"",
        "name=\"attachment\"; filename*=UTF-8''%C3%9Cbersicht%20%E6%97%A5%E6%9C%AC.txt",
        "name=\"attachment\"; filename=\"=?UTF-8?B?w5xiZXJzaWNodCDml6XmnKwudHh0?=\"",
    ] {
        let typed = format!("{disposition}\r\nContent-Type: text/x-own");
        let mut parts: Vec<(&str, &[u8])> = vec![
            ("name=\"from\"", b"a@mg.example.org"),
            ("name=\"to\"", b"b@rcpt.example"),
            ("name=\"text\"", b"t"),
        ];
        parts.push((&typed, b"\x00bytes\r\n--xy"));
        let stored = arrived(&world, &world.post_parts(PATH, &parts).await).await;
        let file = stored.summary.attachments.first().expect("a file");
        assert_eq!((file.name.as_str(), file.content_type.as_str()), ("Übersicht 日本.txt", "text/x-own"));
        assert_eq!(file.size, 12);
    }
}

#[tokio::test]
async fn broken_bodies_are_refused_in_the_words_of_the_api() {
    let world = World::new().await;
    let gzipped = gzip(&vec![b'x'; 10_000]);
    for (content_type, encoding, body, expected) in [
        (FORM, None, b"from=%zz".to_vec(), "unable to parse request: invalid URL escape"),
        (MULTIPART, None, b"no boundary at all".to_vec(), "malformed multipart/form-data request"),
        (Some("multipart/form-data"), None, parts(), "malformed multipart/form-data request"),
        (FORM, Some("gzip"), b"text=this+is+no+gzip".to_vec(), "unable to parse request: invalid gzip data"),
        (FORM, Some("gzip"), gzipped[..20].to_vec(), "unable to parse request: unexpected EOF"),
        (
            Some("application/json"),
            None,
            b"{".to_vec(),
            "unable to parse request: a JSON body must be one object of parameters",
        ),
    ] {
        let answer = post(&world, PATH, content_type, encoding, body).await;
        assert_eq!(answer.line(), format!("400 {}", serde_json::json!({ "message": expected })));
    }
    let answer = post(&world, PATH, FORM, Some("br"), Vec::new()).await;
    assert_eq!(answer.line(), r#"415 {"message":"Content-Encoding br is not supported, send gzip or none"}"#);
    let answer = world.get("/v3/mg.example.org/events?begin=%zz").await;
    assert_eq!(answer.line(), r#"400 {"message":"unable to parse request: invalid URL escape"}"#);
}

#[tokio::test]
async fn questions_may_come_as_the_form_of_a_get() {
    let world = World::new().await;
    assert_eq!(world.post(PATH, &FIELDS).await.status, 200);
    let ask = async |query: &str, form: &str| {
        let path = format!("/v3/mg.example.org/events{query}");
        let request = world
            .request(Method::GET, &path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = world.send(request.body(Body::from(form.to_owned())).expect("request")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["items"].as_array().map(Vec::len)
    };
    assert_eq!(ask("", "event=accepted").await, Some(1));
    assert_eq!(ask("", "event=delivered").await, Some(0));
    assert_eq!(ask("?event=delivered", "event=accepted").await, Some(1), "the body wins");
    assert_eq!(ask("?event=delivered", "").await, Some(0));
}

#[tokio::test]
async fn text_in_another_charset_is_read_in_it() {
    let world = World::new().await;
    let mut body = urlencoded(&FIELDS[..3]).into_bytes();
    body.extend_from_slice(b"&text=k%E4se");
    for content_type in
        ["application/x-www-form-urlencoded; charset=iso-8859-1", "application/x-www-form-urlencoded"]
    {
        let mut body = body.clone();
        if content_type.ends_with("iso-8859-1") {
            body = b"from=a@mg.example.org&to=b@rcpt.example&text=k%E4se".to_vec();
        }
        let stored = arrived(&world, &post(&world, PATH, Some(content_type), None, body).await).await;
        assert_eq!(stored.body_plain.trim(), "käse");
    }
}

#[tokio::test]
async fn the_parameters_of_a_look_up_may_come_in_its_body() {
    let world = World::new().await;
    let get = async |method: Method, path: &str, kind: &str, body: String| {
        let request = world.request(method, path).header(header::CONTENT_TYPE, kind).body(Body::from(body));
        world.send(request.expect("request")).await
    };
    let refused = r#"400 {"message":"limit parameter must be a number from 1 to 300"}"#;
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    for path in ["/v3/mg.example.org/events", "/v1/inbox"] {
        assert_eq!(get(Method::GET, path, form, "limit=0".into()).await.line(), refused);
        assert_eq!(get(Method::GET, path, json, r#"{"limit": 0}"#.into()).await.line(), refused);
        let with_query = format!("{path}?limit=0");
        assert_eq!(get(Method::GET, &with_query, form, String::new()).await.line(), refused);
        assert_eq!(
            get(Method::GET, &with_query, form, "pretty=yes".into()).await.line().get(..3),
            Some("400")
        );
        assert_eq!(get(Method::GET, &with_query, form, "limit=1".into()).await.status, 200, "the body wins");
        let long = format!("recipient={}", "x".repeat(70_000));
        assert_eq!(get(Method::GET, path, form, long).await.status, 400);
    }
    let clear = get(Method::DELETE, "/v1/inbox", form, "domain=unknown.example".into()).await;
    assert_eq!(clear.status, 404, "not the whole inbox");
}

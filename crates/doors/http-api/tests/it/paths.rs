//! Paths: slashes, escapes, unknown ones, wrong methods, and the routes for everybody.

use axum::{
    body::Body,
    http::{Method, Request},
};

use crate::world::World;

const FIELDS: [(&str, &str); 3] = [("from", "a@mg.example.org"), ("to", "b@rcpt.example"), ("text", "t")];

#[tokio::test]
async fn slashes_case_and_escapes_in_paths_are_forgiven_without_a_redirect() {
    let world = World::new().await;
    for path in [
        "/v3/mg.example.org/messages/",
        "//v3/mg.example.org/messages",
        "/v3//mg.example.org//messages",
        "/v3/MG.Example.ORG/messages",
        "/v3/mg%2Eexample.org/messages",
    ] {
        assert_eq!(world.post(path, &FIELDS).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_in_json() {
    let world = World::new().await;
    for path in ["/v3", "/v9/x", "/v3/mg.example.org/nothing", "/v3/a/b/c/d/e", "/v3/%FF/events"] {
        assert_eq!(world.get(path).await.line(), r#"404 {"message":"Not Found"}"#, "{path}");
    }
    for path in ["/v3/mg.example.org/messages", "/v3/mg.example.org/envelopes"] {
        let answer = world.get(path).await;
        assert_eq!(answer.line(), r#"405 {"message":"Method Not Allowed"}"#, "{path}");
        assert!(!answer.header("allow").is_empty());
    }
}

#[tokio::test]
async fn everybody_may_ask_whether_the_server_lives() {
    let world = World::new().await;
    let get = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).expect("request");
        world.send(request).await
    };
    assert_eq!(get("/healthz").await.line(), r#"200 {"status":"ok"}"#);
    assert_eq!(get("/readyz").await.line(), r#"200 {"status":"ready"}"#);
    let landing = get("/").await;
    assert_eq!((landing.status, landing.header("content-type")), (200, "text/plain; charset=utf-8"));
    let preflight = Request::builder().method(Method::OPTIONS).uri("/v3/x/messages").body(Body::empty());
    let preflight = world.send(preflight.expect("request")).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
}

#[tokio::test]
async fn a_store_that_is_gone_makes_the_server_unready_not_dead() {
    let world = World::new().await;
    world.store.close().await;
    assert_eq!(world.get("/healthz").await.status, 200);
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(!ready.header("retry-after").is_empty());
    let answer = world.post("/v3/mg.example.org/messages", &FIELDS).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(!answer.header("retry-after").is_empty());
}

//! Keys: who gets in, and how far.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use waxseal_http_api::Peer;

use crate::world::{World, basic};

const FORBIDDEN: &str = "401 Forbidden";

#[tokio::test]
async fn without_a_good_key_every_route_is_forbidden() {
    let world = World::new().await;
    for (method, path) in [
        (Method::GET, "/v3/mg.example.org/events"),
        (Method::POST, "/v3/mg.example.org/messages"),
        (Method::POST, "/v3/unknown.example/messages"),
        (Method::GET, "/v1/inbox"),
    ] {
        for value in [None, Some(basic("wrong")), Some(basic("")), Some("Bearer x".into())] {
            let mut request = Request::builder().method(method.clone()).uri(path);
            if let Some(value) = value {
                request = request.header(header::AUTHORIZATION, value);
            }
            let answer = world.send(request.body(Body::empty()).expect("request")).await;
            assert_eq!(answer.line(), FORBIDDEN);
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(answer.header("www-authenticate"), "Basic realm=\"MG API\"");
        }
    }
}

#[tokio::test]
async fn answers_name_the_key_and_carry_the_usual_headers() {
    let world = World::new().await;
    let answer = world.get("/v3/mg.example.org/events").await;
    assert_eq!(answer.status, 200);
    let key_id = answer.header("x-mailgun-key-id");
    assert!(!key_id.is_empty() && !world.mine.key.starts_with(key_id));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "Content-Type, x-requested-with, Authorization"),
        ("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS"),
        ("access-control-max-age", "600"),
        ("x-content-type-options", "nosniff"),
        ("x-xss-protection", "1; mode=block"),
        ("strict-transport-security", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let proxied = world.request(Method::GET, "/healthz").header("x-forwarded-proto", "https");
    let proxied = world.send(proxied.body(Body::empty()).expect("request")).await;
    assert_eq!(proxied.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
    assert_eq!(answer.header("x-request-id").len(), 16);
    assert_ne!(world.get("/healthz").await.header("x-request-id"), answer.header("x-request-id"));
}

#[tokio::test]
async fn a_sending_key_sends_through_its_domain_and_does_nothing_else() {
    let world = World::new().await;
    let key = world.sending_key(world.mine.domain).await;
    let call = async |method: Method, path: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, basic(&key))
            .body(Body::from(body.to_owned()));
        world.send(request.expect("request")).await
    };
    let form = "from=a@mg.example.org&to=b@rcpt.example&text=t";
    assert_eq!(call(Method::POST, "/v3/mg.example.org/messages", form).await.status, 200);
    for other in ["sandbox.example.org", "unknown.example"] {
        let path = format!("/v3/{other}/messages");
        assert_eq!(call(Method::POST, &path, form).await.line(), FORBIDDEN);
    }
    for (method, path) in [
        (Method::GET, "/v3/mg.example.org/events"),
        (Method::GET, "/v3/domains/mg.example.org/sending_queues"),
        (Method::DELETE, "/v3/mg.example.org/envelopes"),
        (Method::GET, "/v1/inbox"),
    ] {
        assert_eq!(call(method, path, "").await.line(), r#"403 {"message":"Forbidden"}"#, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_domain_is_named() {
    let world = World::new().await;
    let answer = world.post("/v3/unknown.example/messages", &[]).await;
    assert_eq!(answer.line(), r#"404 {"message":"Domain not found: unknown.example"}"#);
    let answer = world.get("/v3/unknown.example/events").await;
    assert_eq!(answer.line(), r#"404 {"message":"Domain not found: unknown.example"}"#);
}

#[tokio::test]
async fn a_peer_that_guesses_keys_is_slowed_down_and_a_right_key_still_passes() {
    let world = World::with(|config| config.limits.failed_logins = 3).await;
    let call = async |key: &str, peer: [u8; 4]| {
        let mut request = world.request(Method::GET, "/v1/inbox").body(Body::empty()).expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(key).parse().expect("value"));
        request.extensions_mut().insert(Peer(peer.into()));
        world.send(request).await
    };
    for _ in 0..3 {
        assert_eq!(call("wrong", [192, 0, 2, 1]).await.line(), FORBIDDEN);
    }
    let slowed = call("wrong", [192, 0, 2, 1]).await;
    assert_eq!(slowed.line(), r#"429 {"message":"too many requests with a wrong key, try again later"}"#);
    assert_eq!(slowed.header("retry-after"), "20");
    assert_eq!(slowed.header("x-ratelimit-reset"), "1800000020");
    assert_eq!(call("wrong", [192, 0, 2, 2]).await.status, 401);
    assert_eq!(call(&world.mine.key, [192, 0, 2, 1]).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(20));
    assert_eq!(call("wrong", [192, 0, 2, 1]).await.status, 401);
}

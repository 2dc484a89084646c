//! Another account's identifiers lead nowhere, on any route.

use axum::{
    body::Body,
    http::{Method, header},
};

use crate::{
    openapi::operations,
    world::{World, basic, urlencoded},
};

#[tokio::test]
async fn another_accounts_identifiers_never_show_data() {
    let world = World::new().await;
    let secret = "Zanzibar";
    world.message(&[("subject", secret), ("text", secret), ("o:deliverytime", "1800003600")]).await;
    world.message_of("sandbox.example.org", &[("subject", secret), ("text", secret)]).await;
    world.capture_all().await;
    for list in ["bounces", "unsubscribes", "complaints", "whitelists"] {
        let entry =
            [("address", "zanzibar@x.example"), ("error", secret), ("tag", secret), ("reason", secret)];
        assert_eq!(world.post(&format!("/v3/mg.example.org/{list}"), &entry).await.status, 200);
    }
    let part = "name=\"file\"; filename=\"zanzibar.csv\"";
    let file = [(part, b"address\nzanzibar@x.example".as_slice())];
    let taken = world.post_parts("/v3/mg.example.org/bounces/import", &file).await.json();
    let import = taken["id"].as_str().expect("import").to_owned();
    let events = world.get("/v3/mg.example.org/events").await.json();
    let key = events["items"][0]["storage"]["key"].as_str().expect("key").to_owned();
    let page = events["paging"]["first"]
        .as_str()
        .and_then(|link| link.rsplit('/').next())
        .expect("token")
        .to_owned();
    let inbox = world.get("/v1/inbox").await.json();
    let item = inbox["items"][0]["id"].as_str().expect("item").to_owned();
    let stranger = world.stranger().await;

    let mut tried = 0;
    for (method, template) in operations(&world).await.into_iter().filter(|(_, path)| path.contains('{')) {
        for domain in ["mg.example.org", "their.example"] {
            let path = template
                .replace("{domain}", domain)
                .replace("{key}", &key)
                .replace("{page}", &page)
                .replace("{id}", &item)
                .replace("{message}", &key)
                .replace("{address}", "zanzibar@x.example")
                .replace("{value}", "zanzibar@x.example")
                .replace("{selector}", "s1")
                .replace("{login}", "zanzibar")
                .replace("{import}", &import)
                .replace("{number}", "0");
            assert!(!path.contains('{'), "{path}: give it a value that is the owner's");
            let form = [("from", "a@their.example"), ("to", "b@rcpt.example"), ("text", "t")];
            let request = world
                .request(method.clone(), &path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(if method == Method::POST { urlencoded(&form) } else { String::new() }));
            let mut request = request.expect("request");
            request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
            let answer = world.send(request).await;
            tried += 1;
            assert!(!answer.text().contains(secret), "{method} {path}: {}", answer.text());
            let needs_ours =
                domain == "mg.example.org" || [&key, &item, &import].iter().any(|id| path.contains(*id));
            if needs_ours {
                assert!([401, 404].contains(&answer.status), "{method} {path}: {}", answer.line());
            }
        }
    }
    assert!(tried >= 28, "{tried}");

    let still = world.get(&format!("/v3/domains/mg.example.org/messages/{key}")).await;
    assert_eq!(still.status, 200, "the stranger deleted nothing");
    assert_eq!(world.get(&format!("/v1/inbox/{item}")).await.status, 200);
    assert_eq!(
        world.get("/v3/mg.example.org/events").await.json()["items"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn lists_without_identifiers_show_only_the_callers_own() {
    let world = World::new().await;
    world.message_of("sandbox.example.org", &[]).await;
    world.capture_all().await;
    let stranger = world.stranger().await;
    let call = async |method: Method, path: &str| {
        let mut request = world.request(method, path).body(Body::empty()).expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
        world.send(request).await
    };
    assert_eq!(call(Method::GET, "/v1/inbox").await.json()["items"], serde_json::json!([]));
    assert_eq!(call(Method::GET, "/v1/inbox?domain=sandbox.example.org").await.status, 404);
    assert_eq!(call(Method::DELETE, "/v1/inbox").await.json()["count"], 0);
    assert_eq!(call(Method::DELETE, "/v1/inbox?domain=sandbox.example.org").await.status, 404);
    assert_eq!(world.get("/v1/inbox").await.json()["items"].as_array().map(Vec::len), Some(1));

    // Those that a body or query names.
    for (method, path, fields) in [
        (Method::GET, "/v1/dkim/keys?signing_domain=mg.example.org", vec![]),
        (Method::DELETE, "/v1/dkim/keys?signing_domain=mg.example.org&selector=s1", vec![]),
        (Method::POST, "/v1/dkim/keys", vec![("signing_domain", "mg.example.org"), ("selector", "k7")]),
    ] {
        let mut request = world
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(urlencoded(&fields)))
            .expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
        assert_eq!(world.send(request).await.status, 404, "{path}");
    }
    let domains = call(Method::GET, "/v3/domains?search=example.org").await.json();
    assert_eq!(domains["items"], serde_json::json!([]));
    let keys = call(Method::GET, "/v1/dkim/keys").await.text();
    assert!(!keys.contains("example.org\""), "{keys}");
}

//! A customer closes its account, takes that back, and has recipients erased.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::json;

use crate::world::{World, basic};

const ACCOUNT: &str = "/v1/privacy/account";
const ERASURES: &str = "/v1/privacy/erasures";

#[tokio::test]
async fn a_closed_account_may_only_look_and_take_it_back() {
    let world = World::new().await;
    assert_eq!(world.get(ACCOUNT).await.json()["state"], "open");
    let undo = format!("{ACCOUNT}/undelete");
    let answer = world.post(&undo, &[]).await;
    assert_eq!((answer.status, answer.text().contains("nothing to undo")), (400, true), "{}", answer.line());
    let sending = world.sending_key(world.mine.domain).await;

    let closed = world.delete(ACCOUNT).await;
    assert_eq!(closed.status, 200, "{}", closed.line());
    assert_eq!(closed.json()["erasure"]["final-at"], "2027-01-22T08:00:00.000Z", "seven days later");
    assert_eq!(world.delete(ACCOUNT).await.json(), closed.json(), "asked again");
    let shown = world.get(ACCOUNT).await.json();
    assert_eq!((&shown["state"], &shown["erasure"]), (&json!("closed"), &closed.json()["erasure"]));
    for path in ["/v1/inbox", "/v3/mg.example.org/events", ERASURES, "/v1/privacy/profile"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.text().contains("undelete")), (403, true), "{path}");
    }
    for (key, path) in [(&world.mine.key, "/v3/mg.example.org/messages"), (&sending, ACCOUNT)] {
        let mut request = world.request(Method::POST, path).body(Body::empty()).expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(key).parse().expect("value"));
        let answer = world.send(request).await;
        assert!([403, 405].contains(&answer.status), "{path}: {}", answer.line());
    }

    assert_eq!(world.post(&undo, &[]).await.status, 200);
    assert_eq!(world.get("/v1/inbox").await.status, 200);
    assert_eq!(world.get(ACCOUNT).await.json()["erasure"], json!(null));
}

#[tokio::test]
async fn an_erased_account_has_no_key_and_a_certificate() {
    let world = World::new().await;
    world.message(&[]).await;
    let closed = world.delete(ACCOUNT).await.json();
    let id = closed["erasure"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/privacy/certificates/{id}");
    assert_eq!(world.get(&path).await.status, 409, "not yet");
    world.clock.advance(Duration::from_secs(7 * 86_400));
    world.services.eraser.run_once().await.expect("ran");
    for path in [ACCOUNT, "/v1/inbox"] {
        assert_eq!(world.get(path).await.status, 401, "{path}");
    }
    let certificate = world.get(&path).await.json();
    assert_eq!((&certificate["certificate"], &certificate["kind"]), (&json!(id), &json!("account")));
    let key = world.get("/v1/privacy/public-key").await.json();
    assert_eq!(key["public_key"], certificate["public_key"]);
    assert_eq!(world.get("/v1/privacy/certificates/nonsense").await.status, 404);
}

#[tokio::test]
async fn a_recipient_is_erased_within_the_account_that_asks() {
    let world = World::new().await;
    world.message(&[]).await;
    for fields in [&[][..], &[("recipient", " ")], &[("recipient", "bob")]] {
        let answer = world.post(ERASURES, fields).await;
        assert_eq!((answer.status, answer.text().contains("recipient")), (400, true), "{}", answer.line());
    }
    let asked = world.post(ERASURES, &[("recipient", "bob@rcpt.example")]).await;
    assert_eq!(asked.status, 200, "{}", asked.line());
    let id = asked.json()["erasure"]["id"].as_str().expect("an id").to_owned();
    let again = world.post(ERASURES, &[("recipient", "BOB@rcpt.example")]).await.json();
    assert_eq!(again["erasure"]["id"], json!(id), "the same, asked again");
    let path = format!("{ERASURES}/{id}");
    assert_eq!(world.get(&format!("{path}/certificate")).await.status, 409);
    world.services.eraser.run_once().await.expect("ran");
    let shown = world.get(&path).await;
    assert_eq!((&shown.json()["state"], &shown.json()["rows"]), (&json!("done"), &json!(4)));
    assert!(!shown.text().contains("rcpt"), "it does not say whom it is about");
    let certificate = world.get(&format!("{path}/certificate")).await.json();
    assert_eq!(certificate["kind"], "recipient");
    assert_eq!(world.get("/v3/mg.example.org/events").await.json()["items"], json!([]));

    for address in ["ann@rcpt.example", "cid@rcpt.example"] {
        world.post(ERASURES, &[("recipient", address)]).await;
    }
    let first = world.get(&format!("{ERASURES}?limit=2")).await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    let next = first["paging"]["next"].as_str().expect("a link");
    let next = next.strip_prefix("https://api.example.org").expect("absolute");
    let second = world.get(next).await.json();
    assert_eq!(second["items"], json!([shown.json()]), "newest first");
    for query in ["limit=0", "page=x", "sort=up"] {
        assert_eq!(world.get(&format!("{ERASURES}?{query}")).await.status, 400, "{query}");
    }

    let stranger = world.stranger().await;
    for path in [path.clone(), format!("{path}/certificate")] {
        let mut request = world.request(Method::GET, &path).body(Body::empty()).expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
        assert_eq!(world.send(request).await.status, 404, "{path}");
    }
    let certificates = format!("/v1/privacy/certificates/{id}");
    assert_eq!(world.get(&certificates).await.status, 404, "a recipient's is the account's alone");
}

#[tokio::test]
async fn a_login_and_the_owner_are_erased_by_the_account_that_has_them() {
    let world = World::new().await;
    for (fields, says) in [
        (&[("login", " ")][..], "login parameter is missing"),
        (&[("login", "app")][..], "the login must be a full address"),
        (&[("owner", "no")][..], "owner: only `yes`"),
        (&[("owner", "yes"), ("login", "app@mg.example.org")][..], "name one of recipient, login and owner"),
        (
            &[("recipient", "bob@rcpt.example"), ("owner", "yes")][..],
            "name one of recipient, login and owner",
        ),
    ] {
        let answer = world.post(ERASURES, fields).await;
        assert_eq!((answer.status, answer.text().contains(says)), (400, true), "{}", answer.line());
    }
    let accounts = &world.services.accounts;
    accounts.create_smtp_credential(world.mine.account, "app@mg.example.org", None).await.expect("a login");
    let asked = world.post(ERASURES, &[("login", "App@mg.example.org")]).await;
    assert_eq!((asked.status, &asked.json()["erasure"]["kind"]), (200, &json!("login")), "{}", asked.line());
    let owner = world.post(ERASURES, &[("owner", "yes")]).await;
    assert_eq!((owner.status, &owner.json()["message"]), (200, &json!("The owner is being erased")));
    world.services.eraser.run_once().await.expect("ran");
    let listed = world.get(ERASURES).await;
    let shown = listed.json();
    for (place, kind) in [(0, "owner"), (1, "login")] {
        let one = &shown["items"][place];
        assert_eq!((&one["kind"], &one["state"], &one["rows"]), (&json!(kind), &json!("done"), &json!(1)));
        let path = format!("{ERASURES}/{}/certificate", one["id"].as_str().expect("an id"));
        assert_eq!(world.get(&path).await.json()["kind"], kind);
    }
    assert!(!listed.text().contains("app@"), "it does not say whom it is about");
    let found = world.services.store.smtp_credential("app@mg.example.org").await.expect("read");
    assert!(found.is_none());
    let profile = world.get("/v1/privacy/profile").await.json();
    assert_eq!((&profile["name"], &profile["email"]), (&json!(""), &json!("")), "the account works on");
}

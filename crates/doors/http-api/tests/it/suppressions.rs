//! The suppression lists of a domain.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use crate::world::{Answer, World};

const BASE: &str = "/v3/mg.example.org";

async fn post_json(world: &World, path: &str, body: &Value) -> Answer {
    // Some clients say nothing of what they send.
    let request = world.request(Method::POST, path).body(Body::from(body.to_string())).expect("request");
    world.send(request).await
}

async fn addresses(world: &World, query: &str) -> Vec<String> {
    let body = world.get(&format!("{BASE}/{query}")).await.json();
    let items = body["items"].as_array().expect("items");
    items.iter().map(|item| item["address"].as_str().expect("address").to_owned()).collect()
}

#[tokio::test]
async fn a_bounce_is_added_shown_replaced_and_removed() {
    let world = World::new().await;
    let list = format!("{BASE}/bounces");
    let one = format!("{list}/Bob%2Bx@One.example");
    assert_eq!(world.get(&one).await.line(), r#"404 {"message":"Address not found in bounces table"}"#);
    let added = world
        .post(&list, &[("address", "bob+x@one.example"), ("created_at", "Mon, 2 Jan 2023 03:04:05 -0700")])
        .await;
    let said =
        json!({ "message": "Address has been added to the bounces table", "address": "bob+x@one.example" });
    assert_eq!((added.status, added.json()), (200, said));
    let shown = json!({
        "address": "bob+x@one.example", "code": "550", "error": "", "created_at": "Mon, 02 Jan 2023 10:04:05 UTC",
    });
    assert_eq!(world.get(&one).await.json(), shown);
    world.post(&list, &[("address", "bob+x@one.example"), ("code", "552"), ("error", "full")]).await;
    let shown = world.get(&one).await.json();
    assert_eq!((&shown["code"], &shown["error"]), (&json!("552"), &json!("full")));
    assert_eq!(addresses(&world, "bounces").await, ["bob+x@one.example"], "an address is on a list once");
    let removed = world.delete(&one).await.json();
    assert_eq!(
        removed,
        json!({ "message": "Bounced address has been removed", "address": "Bob+x@One.example" })
    );
    assert_eq!(world.delete(&one).await.status, 404);
}

#[tokio::test]
async fn lists_come_in_the_order_of_addresses_and_links_lead_through_them() {
    let world = World::new().await;
    let names = ["eve", "ann", "Dan", "bob", "carl"];
    let entries: Vec<_> =
        names.iter().map(|name| json!({ "address": format!("{name}+1@one.example") })).collect();
    let answer = post_json(&world, &format!("{BASE}/complaints"), &json!(entries)).await;
    assert_eq!(
        answer.line(),
        r#"200 {"message":"5 complaint addresses have been added to the complaints table"}"#
    );
    let page = world.get(&format!("{BASE}/complaints?limit=2")).await.json();
    let links = &page["paging"];
    let url = |query: &str| json!(format!("https://api.example.org{BASE}/complaints?{query}"));
    assert_eq!(links["first"], url("limit=2&term="));
    assert_eq!(links["last"], url("page=last&limit=2&term="));
    assert_eq!(links["next"], url("page=next&address=bob%2B1%40one%2Eexample&limit=2&term="));
    assert_eq!(links["previous"], url("page=previous&address=ann%2B1%40one%2Eexample&limit=2&term="));

    let follow = async |link: &Value| {
        let link = link.as_str().expect("a link").strip_prefix("https://api.example.org").expect("absolute");
        world.get(link).await.json()
    };
    let locals = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items
            .map(|item| item["address"].as_str().expect("address").split('+').next().unwrap().to_owned())
            .collect()
    };
    let mut seen = vec![locals(&page)];
    let mut at = page;
    loop {
        at = follow(&at["paging"]["next"]).await;
        seen.push(locals(&at));
        if locals(&at).is_empty() {
            break;
        }
    }
    assert_eq!(seen, [vec!["ann", "bob"], vec!["carl", "Dan"], vec!["eve"], vec![]]);
    for link in ["first", "last", "next", "previous"] {
        assert!(at["paging"][link].is_string(), "past the end there are links: {link}");
    }
    let last = follow(&at["paging"]["last"]).await;
    assert_eq!(locals(&last), ["Dan", "eve"]);
    assert_eq!(locals(&follow(&last["paging"]["previous"]).await), ["bob", "carl"]);

    assert_eq!(addresses(&world, "complaints?term=D").await, ["Dan+1@one.example"]);
    assert_eq!(addresses(&world, "complaints?page=prev&address=bob").await, ["ann+1@one.example"]);
    assert_eq!(addresses(&world, "complaints?limit=9999").await.len(), 5);
    for (query, said) in [
        ("limit=0", "limit parameter must be a number from 1 to 1000"),
        ("page=third", "page parameter must be first, last, next or previous"),
    ] {
        let answer = world.get(&format!("{BASE}/complaints?{query}")).await;
        assert_eq!(answer.line(), format!("400 {}", json!({ "message": said })));
    }
}

#[tokio::test]
async fn whoever_unsubscribed_from_tags_is_asked_for_each_of_them() {
    let world = World::new().await;
    let list = format!("{BASE}/unsubscribes");
    let one = format!("{list}/bob@one.example");
    let tags = async || world.get(&one).await.json()["tags"].clone();
    world.post(&list, &[("address", "bob@one.example"), ("tag", "news")]).await;
    assert_eq!(tags().await, json!(["news"]));
    let more = json!([{ "address": "bob@one.example", "tags": ["offers", "NEWS"] }]);
    let said = r#"200 {"message":"1 addresses have been added to the unsubscribes table"}"#;
    assert_eq!(post_json(&world, &list, &more).await.line(), said);
    assert_eq!(tags().await.as_array().map(Vec::len), Some(2), "what he unsubscribed from before counts on");
    let gone = world.delete(&format!("{one}?tag=news")).await;
    let said = json!({ "message": "Unsubscribe event has been removed", "address": "bob@one.example" });
    assert_eq!(gone.json(), said);
    assert_eq!(tags().await, json!(["offers"]));
    let gone = world.delete(&format!("{one}?tag=news")).await;
    assert_eq!(gone.line(), r#"404 {"message":"Unsubscribe event for this tag does not exist"}"#);
    assert_eq!(world.delete(&format!("{one}?tag=offers")).await.status, 200);
    let missing = r#"404 {"message":"Address not found in unsubscribers table"}"#;
    assert_eq!(world.get(&one).await.line(), missing, "with the last tag the entry goes");
    world.post(&list, &[("address", "bob@one.example")]).await;
    assert_eq!(tags().await, json!(["*"]));
}

#[tokio::test]
async fn the_allow_list_takes_addresses_and_domains() {
    let world = World::new().await;
    for name in ["whitelists", "allowlists"] {
        let list = format!("{BASE}/{name}");
        let added = world.post(&list, &[("domain", "One.Example"), ("reason", "partners")]).await.json();
        let said = json!({
            "message": "Address/Domain has been added to the allowlists table", "type": "domain", "value": "one.example",
        });
        assert_eq!(added, said);
        let both = [("address", "vip@two.example"), ("domain", "three.example")];
        let added = world.post(&list, &both).await.json();
        assert_eq!((&added["type"], &added["value"]), (&json!("address"), &json!("vip@two.example")));
        let shown = world.get(&format!("{list}/ONE.example")).await.json();
        assert_eq!((&shown["type"], &shown["reason"]), (&json!("domain"), &json!("partners")));
        assert!(shown["createdAt"].as_str().is_some_and(|time| time.ends_with(" UTC")));
        let items = world.get(&list).await.json()["items"].clone();
        assert_eq!(items.as_array().map(Vec::len), Some(2));
        let gone = world.delete(&format!("{list}/one.example")).await.json();
        assert_eq!(
            gone,
            json!({ "message": "Allowlist address/domain has been removed", "value": "one.example" })
        );
        let missing = world.get(&format!("{list}/one.example")).await;
        assert_eq!(missing.line(), r#"404 {"message":"Address/Domain not found in allowlist table"}"#);
        let cleared = world.delete(&list).await.json();
        assert_eq!(
            cleared["message"],
            json!("Allowlist addresses/domains for this domain have been removed")
        );
    }
}

#[tokio::test]
async fn what_is_added_stops_mail_with_the_codes_that_clients_know() {
    let world = World::new().await;
    for (list, address, reason, code) in [
        ("bounces", "b@x.example", "suppress-bounce", 605),
        ("unsubscribes", "u@x.example", "suppress-unsubscribe", 606),
        ("complaints", "c@x.example", "suppress-complaint", 607),
    ] {
        assert_eq!(world.post(&format!("{BASE}/{list}"), &[("address", address)]).await.status, 200);
        world.message(&[("to", address)]).await;
        let failed = world.get(&format!("{BASE}/events?event=failed&recipient={address}")).await.json();
        let event = &failed["items"][0];
        assert_eq!((&event["reason"], &event["delivery-status"]["code"]), (&json!(reason), &json!(code)));
    }
    world.post(&format!("{BASE}/whitelists"), &[("domain", "x.example")]).await;
    world.message(&[("to", "b@x.example"), ("subject", "again")]).await;
    let accepted = world.lease().await;
    assert_eq!(accepted.len(), 1, "an allowed domain gets mail, whatever bounced before");
}

#[tokio::test]
async fn clearing_a_list_clears_no_other() {
    let world = World::new().await;
    for list in ["bounces", "complaints"] {
        let entries: Vec<_> = (0..7).map(|n| json!({ "address": format!("r{n}@one.example") })).collect();
        post_json(&world, &format!("{BASE}/{list}"), &json!(entries)).await;
    }
    let cleared = world.delete(&format!("{BASE}/bounces")).await;
    assert_eq!(cleared.line(), r#"200 {"message":"Bounced addresses for this domain have been removed"}"#);
    assert!(addresses(&world, "bounces").await.is_empty());
    assert_eq!(addresses(&world, "complaints").await.len(), 7);
}

#[tokio::test]
async fn bad_entries_are_refused_by_name_and_nothing_is_half_done() {
    let world = World::new().await;
    let long = "x".repeat(1_025);
    for (list, fields, said) in [
        ("bounces", vec![("code", "550")], "Missing mandatory parameter: address"),
        ("whitelists", vec![("reason", "x")], "Missing mandatory parameter: address/domain"),
        ("whitelists", vec![("domain", "no domain")], "domain parameter is not a domain name"),
        (
            "bounces",
            vec![("address", "a@x.example"), ("code", "fast")],
            "code parameter must be a number of three digits at most",
        ),
        (
            "bounces",
            vec![("address", "a@x.example"), ("error", &*long)],
            "error parameter is longer than 1024 characters",
        ),
        (
            "complaints",
            vec![("address", "a@x.example"), ("created_at", "soon")],
            "created_at parameter is not an RFC 2822 date or seconds since the epoch",
        ),
    ] {
        let answer = world.post(&format!("{BASE}/{list}"), &fields).await;
        assert_eq!(answer.line(), format!("400 {}", json!({ "message": said })), "{list}");
    }
    let answer = world.post(&format!("{BASE}/bounces"), &[("address", "nobody")]).await;
    assert!(answer.line().starts_with(r#"400 {"message":"address parameter is not a valid address"#));
    let list = json!([{ "address": "a@x.example" }, { "address": "b@x.example", "code": "y" }]);
    let answer = post_json(&world, &format!("{BASE}/bounces"), &list).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("item 1: code parameter"), "{}", answer.text());
    let many: Vec<_> = (0..1_001).map(|n| json!({ "address": format!("r{n}@x.example") })).collect();
    let answer = post_json(&world, &format!("{BASE}/bounces"), &json!(many)).await;
    assert_eq!(answer.line(), r#"400 {"message":"Batch size should be less than 1000"}"#);
    assert!(addresses(&world, "bounces").await.is_empty());
    assert_eq!(world.get("/v3/their.example/bounces").await.status, 404);
}

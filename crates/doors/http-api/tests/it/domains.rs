//! Domains through the API: what their owners change, and what they are told who write something wrong.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::{Value, json};

use crate::world::{World, basic};

/// A path below the domain, fields of a form, and what the refusal says.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

const OURS: &str = "/v3/domains/mg.example.org";

impl World {
    async fn made(&self, name: &str) -> Value {
        let answer = self.post("/v3/domains", &[("name", name)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.clock.advance(Duration::from_secs(1));
        answer.json()
    }
}

#[tokio::test]
async fn a_new_domain_shows_what_to_publish_and_waits_for_it() {
    let world = World::new().await;
    let made = world.made("News.Example.net").await;
    assert_eq!(made["message"], "Domain DNS records have been created");
    let domain = &made["domain"];
    assert_eq!(domain["name"], "news.example.net");
    assert_eq!((&domain["state"], &domain["type"]), (&json!("unverified"), &json!("custom")));
    assert_eq!(domain["created_at"], "Fri, 15 Jan 2027 08:00:00 GMT");
    assert_eq!(domain["smtp_login"], "postmaster@news.example.net");
    assert_eq!(domain["tracking_host"], "email.news.example.net");
    let mx = &made["receiving_dns_records"][0];
    assert_eq!((&mx["record_type"], &mx["value"]), (&json!("MX"), &json!("mail.example.org")));
    assert_eq!(mx["priority"], "10", "a string");
    let sending = made["sending_dns_records"].as_array().expect("records");
    let kinds: Vec<&str> = sending.iter().filter_map(|record| record["purpose"].as_str()).collect();
    assert_eq!(kinds, ["dkim", "dkim", "spf", "tracking", "dmarc"]);
    for record in sending {
        assert_eq!((&record["valid"], &record["cached"]), (&json!("unknown"), &json!([])), "{record}");
    }
    let refused = world
        .post(
            "/v3/news.example.net/messages",
            &[("from", "a@news.example.net"), ("to", "b@rcpt.example"), ("text", "t")],
        )
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("requires DNS configuration"), "{}", refused.text());
    let shown = world.get("/v4/domains/news.example.net").await.json();
    assert_eq!(shown["domain"], made["domain"]);
    assert_eq!(shown["sending_dns_records"], made["sending_dns_records"]);
}

#[tokio::test]
async fn what_is_not_named_stays_as_it_is() {
    let world = World::new().await;
    let fields =
        [("require_tls", "yes"), ("spam_action", "tag"), ("message_ttl", "60"), ("web_scheme", "https")];
    let answer = world.put(OURS, &fields).await;
    assert_eq!(answer.json()["message"], "Domain has been updated");
    let changed =
        world.put("/v4/domains/mg.example.org", &[("wildcard", "True"), ("web_prefix", "Links")]).await;
    let domain = &changed.json()["domain"];
    assert_eq!((&domain["require_tls"], &domain["spam_action"]), (&json!(true), &json!("tag")));
    assert_eq!((&domain["message_ttl"], &domain["web_scheme"]), (&json!(60), &json!("https")));
    assert_eq!(
        (&domain["wildcard"], &domain["tracking_host"]),
        (&json!(true), &json!("links.mg.example.org"))
    );
    let connection = world.get(&format!("{OURS}/connection")).await.json();
    assert_eq!(connection["connection"], json!({ "require_tls": true, "skip_verification": false }));
    assert_eq!(connection["require_tls"], true);
    let answer = world.put(&format!("{OURS}/connection"), &[("skip-verification", "yes")]).await.json();
    assert_eq!((&answer["skip-verification"], &answer["require_tls"]), (&json!(true), &json!(true)));
    // As a client sends it that has no body.
    let answer = world.put(&format!("{OURS}/web_prefix?web_prefix=mail"), &[]).await;
    assert_eq!(answer.json(), json!({ "message": "Domain web prefix updated" }));
}

#[tokio::test]
async fn a_wrong_parameter_is_named_and_changes_nothing() {
    let world = World::new().await;
    let before = world.get(OURS).await.json();
    let long = "x".repeat(64);
    let table: [Case<'_>; 27] = [
        ("", &[("require_tls", "perhaps")], "require_tls parameter must be yes or no"),
        (
            "",
            &[("wildcard", "yes"), ("skip_verification", "2")],
            "skip_verification parameter must be yes or no",
        ),
        (
            "",
            &[("spam_action", "burn")],
            "spam_action parameter must be one of: disabled, block, tag, delete",
        ),
        ("", &[("message_ttl", "-1")], "message_ttl parameter must be a number from 0 to 604800"),
        ("", &[("message_ttl", "604801")], "message_ttl parameter must be a number from 0 to 604800"),
        ("", &[("web_scheme", "ftp")], "web_scheme parameter must be one of: http, https"),
        ("", &[("web_prefix", "a.b")], "web_prefix parameter must be a label"),
        ("", &[("web_prefix", &long)], "web_prefix parameter must be a label"),
        ("", &[("mailfrom_host", "bounce.example.org")], "mailfrom_host must be a name below mg.example.org"),
        ("", &[("mailfrom_host", "a b.mg.example.org")], "is not a valid domain name"),
        ("", &[("smtp_password", "1234")], "Password is too short. It must be between 5 and 32 characters."),
        ("", &[("smtp_password", &long)], "Password is too long. It must be between 5 and 32 characters."),
        ("", &[("archive_to", "https://x.example/")], "archive_to parameter is not supported"),
        (
            "",
            &[("use_automatic_sender_security", "yes")],
            "use_automatic_sender_security parameter must be no",
        ),
        ("/connection", &[("require_tls", "maybe")], "require_tls parameter must be yes or no"),
        ("/web_prefix", &[], "web_prefix parameter is missing"),
        ("/tracking/open", &[], "active parameter is missing"),
        ("/tracking/open", &[("active", "htmlonly")], "active parameter must be yes or no"),
        ("/tracking/click", &[("active", "some")], "active parameter must be one of"),
        ("/tracking/click", &[], "active parameter is missing"),
        ("/tracking/unsubscribe", &[], "active parameter is missing"),
        ("/dkim_authority", &[], "self parameter is missing"),
        ("/dkim_selector", &[], "dkim_selector parameter is missing"),
        ("/dkim_selector", &[("dkim_selector", "a b")], "a selector has letters, digits"),
        ("/credentials/nobody", &[("password", "1234")], "Password is too short"),
        ("/dkim_selector", &[("dkim_selector", &long)], "a selector has letters, digits"),
        ("/connection", &[("skip-verification", "7")], "skip-verification parameter must be yes or no"),
    ];
    for (path, fields, expected) in table {
        let answer = world.put(&format!("{OURS}{path}"), fields).await;
        assert_eq!(answer.status, 400, "{path} {fields:?}: {}", answer.text());
        let message = answer.json()["message"].as_str().expect("message").to_owned();
        assert!(message.contains(expected), "{path} {fields:?}: {message}");
        assert!(message.len() < 300, "{message}");
    }
    assert_eq!(world.get(OURS).await.json(), before);
    for (fields, expected) in [
        (vec![], "name parameter is missing"),
        (vec![("name", "mg.example.org")], "This domain name is already taken"),
        (vec![("name", "MG.example.org.")], "This domain name is already taken"),
        (vec![("name", "localhost")], "has a single label"),
        (vec![("name", "*.example.net")], "a wildcard is not a domain"),
        (vec![("name", "10.1.2.3")], "is an IP address"),
        (vec![("name", "new.example"), ("smtp_password", "1234")], "Password is too short"),
        (vec![("name", "new.example"), ("dkim_selector", "a..b")], "a selector has"),
        (vec![("name", "new.example"), ("dkim_key_size", "512")], "dkim_key_size parameter must be one of"),
        (vec![("name", "new.example"), ("mailfrom_host", "x.other.example")], "below new.example"),
        (vec![("name", "new.example"), ("pool_id", "1")], "pool_id parameter is not supported"),
    ] {
        let answer = world.post("/v4/domains", &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.text());
        let message = answer.json()["message"].as_str().expect("message").to_owned();
        assert!(message.contains(expected), "{fields:?}: {message}");
    }
    assert_eq!(world.get("/v3/domains").await.json()["total_count"], 2);
}

#[tokio::test]
async fn domains_are_found_by_state_and_name_page_by_page() {
    let world = World::new().await;
    world.clock.advance(Duration::from_secs(1));
    for name in ["b.example.net", "a.example.net", "c.example.net"] {
        world.made(name).await;
    }
    let names = async |query: &str| {
        let answer = world.get(&format!("/v3/domains?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let found = answer.json();
        let items = found["items"].as_array().expect("items").clone();
        let names: Vec<String> =
            items.iter().map(|item| item["name"].as_str().expect("name").to_owned()).collect();
        (found["total_count"].as_u64().expect("count"), names.join(" "))
    };
    let all = "c.example.net a.example.net b.example.net";
    assert_eq!(names("limit=3").await, (5, all.into()));
    assert_eq!(names("limit=2&skip=1").await, (5, "a.example.net b.example.net".into()));
    assert_eq!(names("skip=5").await, (5, String::new()));
    assert_eq!(
        names("state=unverified&sort=name:desc").await,
        (3, "c.example.net b.example.net a.example.net".into())
    );
    assert_eq!(names("sort=name&limit=2").await, (5, "a.example.net b.example.net".into()));
    assert_eq!(names("search=EXAMPLE.ORG&sort=name").await, (2, "mg.example.org sandbox.example.org".into()));
    assert_eq!(names("authority=a.example.net").await, (1, "a.example.net".into()));
    for query in ["limit=0", "limit=1001", "skip=-1", "state=new", "sort=age", "limit=x"] {
        let answer = world.get(&format!("/v4/domains?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_is_followed_is_kept_in_the_words_of_strict_clients() {
    let world = World::new().await;
    let tracking = async || world.get(&format!("{OURS}/tracking")).await.json()["tracking"].clone();
    let before = tracking().await;
    assert_eq!((&before["open"]["active"], &before["click"]["active"]), (&json!(false), &json!(false)));
    let footer = before["unsubscribe"]["html_footer"].as_str().expect("a footer");
    assert!(footer.contains("<a href=\"%unsubscribe_url%\">"), "{footer}");
    let put = async |what: &str, fields: &[(&str, &str)]| {
        let answer = world.put(&format!("{OURS}/tracking/{what}"), fields).await.json();
        assert_eq!(answer["message"], "Domain tracking settings have been updated", "{answer}");
        answer
    };
    let opens = put("open", &[("active", "yes"), ("place_at_the_top", "true")]).await;
    assert_eq!(opens["open"], json!({ "active": true, "place_at_the_top": true }));
    let clicks = put("click", &[("active", "htmlonly")]).await;
    assert_eq!(clicks["click"]["active"], true, "a boolean");
    put("unsubscribe", &[("active", "true"), ("html_footer", "<p>Bye</p>")]).await;
    let after = tracking().await;
    assert_eq!(after["unsubscribe"]["html_footer"], "<p>Bye</p>");
    assert_eq!(after["unsubscribe"]["text_footer"], before["unsubscribe"]["text_footer"]);
    assert_eq!((&after["open"]["active"], &after["click"]["active"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn credentials_are_made_shown_once_changed_and_deleted() {
    let world = World::new().await;
    let path = format!("{OURS}/credentials");
    let made = world.post(&path, &[("login", "ada"), ("login", "Bob@mg.example.org")]).await.json();
    assert_eq!(made["message"], "Created 2 credentials pair(s)");
    let password = made["credentials"]["ada@mg.example.org"].as_str().expect("its password").to_owned();
    assert!(made["note"].is_string() && made["credentials"]["bob@mg.example.org"].is_string());
    let peer = [192, 0, 2, 1].into();
    let accounts = &world.services.accounts;
    assert!(accounts.by_smtp_login("ada@mg.example.org", &password, peer).await.expect("asked").is_some());
    let listed = world.get(&format!("{path}?limit=1&skip=1")).await.json();
    assert_eq!(
        (&listed["total_count"], &listed["items"][0]["login"]),
        (&json!(2), &json!("bob@mg.example.org"))
    );
    assert_eq!(listed["items"][0]["created_at"], "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(
        (&listed["items"][0]["mailbox"], &listed["items"][0]["size_bytes"]),
        (&json!("bob@mg.example.org"), &Value::Null)
    );
    let changed = world.put(&format!("{path}/ada"), &[("password", "another one")]).await;
    assert_eq!(changed.json(), json!({ "message": "Password changed" }));
    assert!(accounts.by_smtp_login("ada@mg.example.org", &password, peer).await.expect("asked").is_none());
    let known = accounts.by_smtp_login("ada@mg.example.org", "another one", peer).await.expect("asked");
    assert!(known.is_some());
    let changed = world.put(&format!("{path}/ada%40mg.example.org"), &[]).await.json();
    assert!(changed["credentials"]["ada@mg.example.org"].is_string(), "a new one: {changed}");
    let deleted = world.delete(&format!("{path}/ada")).await.json();
    assert_eq!(deleted, json!({ "message": "Credentials have been deleted", "spec": "ada@mg.example.org" }));
    let missing = world.delete(&format!("{path}/ada")).await;
    assert_eq!((missing.status, missing.json()["message"].as_str()), (404, Some("Credentials not found")));
    for (fields, expected) in [
        (vec![], "Parameter 'login' is missing"),
        (vec![("login", "new"), ("login", "bob")], "bob@mg.example.org is taken"),
        (vec![("login", "new"), ("login", "new")], "new@mg.example.org is taken"),
        (vec![("login", "new"), ("login", "ann@their.example")], "an address of mg.example.org"),
        (vec![("login", "new"), ("login", "a b")], "login parameter must be a name"),
        (vec![("login", "new"), ("password", "1234")], "Password is too short"),
        (vec![("login", "new"), ("login", "newer"), ("password", "12345")], "a password for each login"),
    ] {
        let answer = world.post(&path, &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.text());
        assert!(answer.text().contains(expected), "{fields:?}: {}", answer.text());
    }
    let left = world.get(&path).await.json();
    assert_eq!(left["total_count"], 1, "nothing half-done: {left}");
    let over = world.get(&format!("{path}?limit=1001")).await;
    assert_eq!(
        (over.status, over.json()["message"].as_str()),
        (400, Some("Limit parameter can't be larger than 1000"))
    );
    let all = world.delete(&path).await.json();
    assert_eq!(all, json!({ "message": "All domain credentials have been deleted", "count": 1 }));
}

#[tokio::test]
async fn keys_are_listed_added_switched_and_deleted() {
    let world = World::new().await;
    world.made("keys.example.net").await;
    let of_domain = async || world.get("/v4/domains/keys.example.net/keys").await.json()["items"].clone();
    let first = of_domain().await[0].clone();
    assert_eq!(first["signing_domain"], "keys.example.net");
    assert_eq!(first["dns_record"]["record_type"], "TXT");
    let form = [("signing_domain", "keys.example.net"), ("selector", "k2"), ("bits", "2048")];
    let added = world.post("/v1/dkim/keys", &form).await.json();
    assert_eq!((&added["selector"], &added["active"]), (&json!("k2"), &json!(false)));
    assert_eq!(added["dns_record"]["name"], "k2._domainkey.keys.example.net");
    let again = world.post("/v1/dkim/keys", &form).await;
    assert_eq!(
        (again.status, again.json()["message"].as_str()),
        (400, Some("failed to create domain key: duplicate key"))
    );
    let pem = [("signing_domain", "keys.example.net"), ("selector", "k3"), ("pem", "lies")];
    let refused = world.post("/v1/dkim/keys", &pem).await;
    assert_eq!(refused.json()["message"], "failed to import domain key: failed to parse PEM");
    let on = world.put("/v4/domains/keys.example.net/keys/k2/activate", &[]).await.json();
    assert_eq!(on["message"], "domain key activated");
    let off = world.put("/v4/domains/keys.example.net/keys/k2/deactivate", &[]).await.json();
    assert_eq!((&off["message"], &off["active"]), (&json!("domain key deactivated"), &json!(false)));
    let missing = world.put("/v4/domains/keys.example.net/keys/k9/activate", &[]).await;
    assert_eq!((missing.status, missing.json()["message"].as_str()), (404, Some("domain key not found")));
    let page = world.get("/v1/dkim/keys?limit=2&signing_domain=keys.example.net").await.json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    let next =
        page["paging"]["next"].as_str().expect("link").strip_prefix("https://api.example.org").expect("ours");
    let rest = world.get(next).await.json();
    assert_eq!(rest["items"][0]["selector"], "k2");
    let end = world
        .get(
            rest["paging"]["next"]
                .as_str()
                .and_then(|link| link.strip_prefix("https://api.example.org"))
                .expect("ours"),
        )
        .await;
    assert_eq!((end.status, &end.json()["items"]), (200, &json!([])));
    let gone = world.delete("/v1/dkim/keys?signing_domain=keys.example.net&selector=k2").await;
    assert_eq!(gone.json(), json!({ "message": "success" }));
    assert_eq!(of_domain().await.as_array().map(Vec::len), Some(2));
    for query in ["page=x", "limit=0", "limit=101", "page=k-1"] {
        assert_eq!(world.get(&format!("/v1/dkim/keys?{query}")).await.status, 400, "{query}");
    }
    let missing = world.post("/v1/dkim/keys", &[("selector", "k4")]).await;
    assert_eq!(missing.json()["message"], "signing_domain parameter is missing");
}

#[tokio::test]
async fn a_deleted_domain_is_unknown_from_then_on_and_anybody_may_have_its_name() {
    let world = World::new().await;
    world.made("short.example.net").await;
    let deleted = world.delete("/v3/domains/short.example.net").await.json();
    assert_eq!(deleted, json!({ "message": "Domain will be deleted in the background" }));
    for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::PUT, "/verify")] {
        let path = format!("/v4/domains/short.example.net{path}");
        let answer = world.send(world.request(method, &path).body(Body::empty()).expect("request")).await;
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (404, Some("Domain not found")),
            "{path}"
        );
    }
    let stranger = world.stranger().await;
    let request = world
        .request(Method::POST, "/v3/domains")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("name=short.example.net"));
    let mut request = request.expect("request");
    request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
    assert_eq!(world.send(request).await.status, 200);
}

#[tokio::test]
async fn a_subdomain_is_signed_by_the_domain_above_it_until_it_has_authority() {
    let world = World::new().await;
    let made = world.made("sub.mg.example.org").await;
    let name = |answer: &Value| answer["sending_dns_records"][0]["name"].as_str().expect("name").to_owned();
    assert!(name(&made).ends_with("._domainkey.mg.example.org"), "{}", name(&made));
    let path = "/v3/domains/sub.mg.example.org/dkim_authority";
    let own = world.put(&format!("{path}?self=true"), &[]).await.json();
    assert_eq!(
        (&own["changed"], &own["message"]),
        (&json!(true), &json!("Domain DKIM authority has been changed"))
    );
    assert!(name(&own).ends_with("._domainkey.sub.mg.example.org"), "{}", name(&own));
    let again = world.put(path, &[("self", "yes")]).await.json();
    assert_eq!(
        (&again["changed"], &again["message"]),
        (&json!(false), &json!("Domain DKIM authority has not been changed"))
    );
    let selected =
        world.put("/v3/domains/sub.mg.example.org/dkim_selector", &[("dkim_selector", "s7")]).await;
    assert_eq!(selected.json(), json!({ "message": "DKIM selector changed" }));
    let shown = world.get("/v3/domains/sub.mg.example.org").await.json();
    assert_eq!(name(&shown), "s7._domainkey.sub.mg.example.org");
}

#[tokio::test]
async fn rotation_is_said_in_days_and_makes_a_key_that_waits() {
    let world = World::new().await;
    let path = "/v1/dkim_management/domains/mg.example.org";
    let on = world
        .put(&format!("{path}/rotation"), &[("rotation_enabled", "true"), ("rotation_interval", "8w")])
        .await;
    let domain = &on.json()["domain"];
    assert_eq!((&domain["rotation_enabled"], &domain["rotation_interval"]), (&json!("true"), &json!("56d")));
    assert!(domain["active_selector"].is_string() && domain["records"].is_array());
    for fields in [vec![], vec![("rotation_enabled", "yes"), ("rotation_interval", "4d")]] {
        assert_eq!(world.put(&format!("{path}/rotation"), &fields).await.status, 400, "{fields:?}");
    }
    let next = world.post(&format!("{path}/rotate"), &[]).await.json();
    assert_eq!(next["message"], "ok");
    let records = world.get(OURS).await.json()["sending_dns_records"].clone();
    assert!(
        records
            .as_array()
            .expect("records")
            .iter()
            .any(|record| record["value"] == next["dns_record"]["value"])
    );
    let off = world.put(&format!("{path}/rotation"), &[("rotation_enabled", "false")]).await.json();
    assert_eq!(
        (&off["domain"]["rotation_enabled"], &off["domain"]["rotation_interval"]),
        (&json!("false"), &json!(""))
    );
}

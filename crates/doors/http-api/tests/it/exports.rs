//! A customer asks for a copy of what is kept, fetches it, and nobody else does.
#![expect(clippy::disallowed_methods, reason = "a test looks at the files")]

use std::{collections::BTreeMap, io::Read as _, path::PathBuf, time::Duration};

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::{Value, json};
use waxseal_model::Clock as _;
use waxseal_privacy::{
    Report, Retention, RetentionConfig,
    audit::Query,
    export::{Asked, MOST},
};
use waxseal_store::{StoreError, export::ExportSubject, export_file::ExportKey};

use crate::world::{Answer, World, basic};

const EXPORTS: &str = "/v1/privacy/exports";

/// Asks for a copy and waits until it is made: its id and its key.
async fn asked(world: &World, fields: &[(&str, &str)]) -> (String, String) {
    let asked = world.post(EXPORTS, fields).await;
    assert_eq!(asked.status, 202, "{}", asked.line());
    let asked = asked.json();
    let word = |name: &str| asked[name].as_str().expect("a word").to_owned();
    let (id, key) = (word("id"), word("key"));
    made(world, &id).await;
    (id, key)
}

async fn made(world: &World, id: &str) -> Value {
    loop {
        let shown = world.get(&format!("{EXPORTS}/{id}")).await.json();
        if shown["state"] != "making" {
            return shown;
        }
        tokio::task::yield_now().await;
    }
}

async fn download(world: &World, id: &str, key: &str) -> Answer {
    let path = format!("{EXPORTS}/{id}/download");
    let request = world.request(Method::GET, &path).header("X-Waxseal-Export-Key", key);
    world.send(request.body(Body::empty()).expect("a request")).await
}

/// What a ZIP holds, by name.
fn files(zip: &[u8]) -> BTreeMap<String, String> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("a ZIP");
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).expect("a file");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("text");
        files.insert(file.name().expect("a name").into_owned(), text);
    }
    files
}

fn kept(world: &World) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(world.folder.path().join("exports"));
    folder.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_fetches_a_copy_with_the_key_that_was_shown_once() {
    let world = World::new().await;
    world.message(&[("subject", "Zanzibar"), ("text", "Zanzibar")]).await;
    let stranger = world.stranger().await;
    let (id, key) = asked(&world, &[]).await;
    let shown = made(&world, &id).await;
    assert_eq!(
        (&shown["state"], &shown["kind"], &shown["messages"]),
        (&"ready".into(), &"account".into(), &1.into())
    );
    assert_eq!(shown["expires-at"], "2027-01-16T08:00:01.000Z", "a day later");
    assert!(shown.get("key").is_none(), "shown once");
    let zip = download(&world, &id, &key).await;
    assert_eq!((zip.status, zip.headers["content-type"].to_str().ok()), (200, Some("application/zip")));
    assert_eq!(zip.headers["cache-control"], "no-store");
    let files = files(&zip.bytes);
    for name in ["manifest.json", "accounts.jsonl", "domains.jsonl", "events.jsonl", "messages.jsonl"] {
        assert!(files.contains_key(name), "{name} in {:?}", files.keys());
    }
    let all: String = files.values().map(String::as_str).collect();
    assert!(all.contains("Zanzibar") && files.keys().any(|name| name.ends_with(".eml")));
    assert!(!all.contains("their.example"), "nothing of anybody else");
    let sealed = std::fs::read(&kept(&world)[0]).expect("read");
    assert!(!sealed.windows(8).any(|window| window == b"Zanzibar") && !sealed.starts_with(b"PK"));
    assert_eq!(world.get(EXPORTS).await.json()["items"], json!([shown]));

    assert_eq!(download(&world, &id, &"0".repeat(64)).await.status, 403);
    assert_eq!(download(&world, &id, "no key").await.status, 400);
    for (method, path) in [
        (Method::GET, format!("{EXPORTS}/{id}")),
        (Method::DELETE, format!("{EXPORTS}/{id}")),
        (Method::GET, format!("{EXPORTS}/{id}/download")),
    ] {
        let request = world.request(method, &path).header("X-Waxseal-Export-Key", &key).body(Body::empty());
        let mut request = request.expect("a request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("a value"));
        assert_eq!(world.send(request).await.status, 404, "{path}");
    }
    assert_eq!(world.delete(&format!("{EXPORTS}/{id}")).await.status, 200);
    assert_eq!(download(&world, &id, &key).await.status, 404);
    assert!(kept(&world).is_empty(), "its file is gone");
    let query = Query { account: Some(world.mine.account), ..Query::default() };
    let entries = world.services.audit.entries(query).await.expect("the trail");
    let told: Vec<&str> = entries.iter().map(|entry| entry.what.as_str()).collect();
    for what in ["account_exported", "export_downloaded", "export_deleted"] {
        assert!(told.contains(&what), "{what} in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_when_its_time_is_over_and_no_clock_that_jumps_brings_that_about() {
    let world = World::new().await;
    let (id, key) = asked(&world, &[("recipient", "bob@one.example")]).await;
    assert_eq!(made(&world, &id).await["kind"], "recipient");
    let retention = Retention::new(world.store.clone(), world.clock.clone(), RetentionConfig::default());
    world.clock.advance(Duration::from_secs(86_399));
    retention.run_once().await.expect("a round");
    assert_eq!((download(&world, &id, &key).await.status, kept(&world).len()), (200, 1));
    let now = world.clock.now();
    world.clock.jump_to(now + Duration::from_secs(9_000));
    assert!(matches!(retention.run_once().await, Ok(Report::Paused { .. })));
    assert_eq!(kept(&world).len(), 1, "a clock that jumped deletes nothing");
    world.clock.jump_to(now);
    retention.confirm_clock().await.expect("confirmed");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(download(&world, &id, &key).await.status, 404, "before a round of retention");
    assert_eq!(world.get(EXPORTS).await.json()["items"], json!([]));
    assert_eq!(kept(&world).len(), 1);
    let Report::Purged(purged) = retention.run_once().await.expect("a round") else { panic!("paused") };
    assert_eq!((purged.exports, kept(&world).len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_erased_account_goes_its_copy_and_no_key_opens_one_that_was_put_aside() {
    let world = World::new().await;
    world.message(&[]).await;
    let (id, key) = asked(&world, &[]).await;
    let file = kept(&world).remove(0);
    let aside = world.folder.path().join("aside");
    std::fs::copy(&file, &aside).expect("copied");
    world.delete("/v1/privacy/account").await;
    assert_eq!(download(&world, &id, &key).await.status, 403, "a closed account fetches nothing");
    world.clock.advance(Duration::from_secs(7 * 86_400));
    world.services.eraser.run_once().await.expect("ran");
    assert!(kept(&world).is_empty());
    std::fs::copy(&aside, &file).expect("put back");
    let shown = ExportKey::parse(&key).expect("a key");
    let opened = world.store.open_export(world.mine.account, id.parse().expect("an id"), &shown).await;
    assert!(matches!(opened, Err(StoreError::Erased)));
    assert!(
        waxseal_store::export_file::ExportReader::open(&aside, &shown).is_err(),
        "nor does the key that was shown alone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_erased_recipient_go_copies_that_tell_of_them() {
    let world = World::new().await;
    world.message(&[]).await;
    let (id, _) = asked(&world, &[]).await;
    let stranger = world.stranger().await;
    let theirs = ExportSubject::Account(stranger.account);
    let Asked::Making(theirs, _) = world.services.exports.ask(theirs).await.expect("asked") else {
        panic!("too many")
    };
    world.post("/v1/privacy/erasures", &[("recipient", "bob@rcpt.example")]).await;
    world.services.eraser.run_once().await.expect("ran");
    assert_eq!(world.get(&format!("{EXPORTS}/{id}")).await.status, 404);
    let still = world.services.exports.one(stranger.account, theirs.id).await.expect("read");
    assert!(still.is_some(), "somebody else's stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_erased_for_a_login_that_there_is_not_and_copies_stay() {
    let world = World::new().await;
    let (id, _) = asked(&world, &[]).await;
    let answer = world.post("/v1/privacy/erasures", &[("login", "nobody@mg.example.org")]).await;
    assert_eq!((answer.status, answer.text().contains("no such login in this account")), (404, true));
    world.services.eraser.run_once().await.expect("ran");
    assert_eq!(world.get(&format!("{EXPORTS}/{id}")).await.status, 200);
    let entries = world.services.audit.entries(Query::default()).await.expect("read");
    let said: Vec<&str> = entries.iter().map(|entry| &*entry.what).collect();
    assert!(
        said.ends_with(&["login_erase_asked", "failed"]),
        "it was asked for and came to nothing: {said:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wishes_that_cannot_be_fulfilled_say_why() {
    let world = World::new().await;
    for (fields, status, says) in [
        (vec![("recipient", "bob")], 400, "full address"),
        (vec![("recipient", "bob@one.example"), ("login", "a@b.example")], 400, "not both"),
        (vec![("login", "nobody@mg.example.org")], 404, "no such login"),
    ] {
        let answer = world.post(EXPORTS, &fields).await;
        assert_eq!((answer.status, answer.text().contains(says)), (status, true), "{}", answer.line());
    }
    let mut last = String::new();
    for _ in 0..MOST {
        last = asked(&world, &[]).await.0;
    }
    let answer = world.post(EXPORTS, &[]).await;
    assert_eq!((answer.status, answer.text().contains("delete one")), (429, true), "{}", answer.line());
    assert_eq!(world.delete(&format!("{EXPORTS}/{last}")).await.status, 200);
    asked(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_being_made_when_the_process_ended_has_failed_and_its_file_is_gone() {
    let world = World::new().await;
    let (ready, key) = asked(&world, &[]).await;
    let (lost, _) = asked(&world, &[]).await;
    let of = |id: &str| world.folder.path().join("exports").join(format!("{id}.export"));
    std::fs::remove_file(of(&lost)).expect("removed");
    let stray = world.folder.path().join("exports").join(format!(".{lost}.export.partial"));
    std::fs::write(&stray, "half").expect("written");
    world.store.settle_exports().await.expect("settled");
    assert!(!stray.exists());
    assert_eq!(made(&world, &lost).await["state"], "failed");
    let answer = download(&world, &lost, &key).await;
    assert_eq!((answer.status, answer.text().contains("failed")), (409, true), "{}", answer.line());
    assert_eq!(download(&world, &ready, &key).await.status, 200);
}

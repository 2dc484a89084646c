//! What people ask about their data, by command: written down, answered in time, and nobody named where it is not needed.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_model::Clock as _;
use waxseal_system::SystemClock;
use waxseal_testkit::{Binary, Call};

use crate::{World, waxseal};

const EVE: &str = "eve.who.asks@elsewhere.example";

/// A day, so many days ago.
fn days_ago(days: u64) -> String {
    let ago = SystemClock::new().now() - Duration::from_secs(86_400 * days);
    ago.to_jiff().strftime("%Y-%m-%d").to_string()
}

async fn step(binary: &Binary, arguments: &[&str]) -> Result<Value> {
    binary.json(&[&["privacy", "request"], arguments].concat()).await
}

async fn refused(binary: &Binary, arguments: &[&str]) -> Result<String> {
    let ended = binary.run(&[&["privacy", "request"], arguments].concat()).await?;
    assert!(!ended.status.success(), "{arguments:?}: {}", ended.stdout);
    Ok(ended.stderr)
}

#[tokio::test]
async fn a_person_without_account_gets_a_copy_and_then_an_erasure_on_record() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    world.send(&server, "eve", "a subject", "a text").await?;
    world.drained().await?;
    let asked = step(binary, &["add", "eve@recipient.test", "--kind", "access"]).await?;
    assert_eq!(
        (&asked["request"], &asked["state"], &asked["days_left"]),
        (&1.into(), &"open".into(), &29.into())
    );
    step(binary, &["verify", "1", "--how", "answered from the address", "--by", "Ann"]).await?;
    let because = "the fifth copy in a month";
    step(binary, &["fee", "1", "--amount", "12.50", "--currency", "EUR", "--because", because]).await?;
    assert!(refused(binary, &["answer", "1", "--nothing-kept"]).await?.contains("neither paid nor waived"));
    assert_eq!(step(binary, &["fee", "1", "--waived"]).await?["fee_state"], "waived");

    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    step(binary, &["add", EVE, "--kind", "objection", "--about", "no offers any more"]).await?;
    let hers = ["privacy", "export", "--recipient", EVE, "--to", &path("eve.export")];
    assert_eq!(binary.json(&hers).await?["rows"], 1, "what she asked is all that is kept");
    step(binary, &["answer", "2", "--note", "she gets none any more"]).await?;
    let copy = ["privacy", "export", "--recipient", "eve@recipient.test", "--to", &path("copy.export")];
    let copy = binary.json(&copy).await?;
    let entry = copy["entry"].as_u64().context("the entry that tells of it")?.to_string();
    assert_eq!(step(binary, &["answer", "1", "--entry", &entry]).await?["state"], "answered");

    step(binary, &["add", "eve@recipient.test", "--kind", "erasure"]).await?;
    step(binary, &["verify", "3", "--how", "answered from the address", "--by", "Ann"]).await?;
    let erased = binary.json(&["privacy", "erase-recipient", "eve@recipient.test", "--everywhere"]).await?;
    let id = erased["certificates"][0].as_str().context("an erasure")?;
    assert_eq!(step(binary, &["answer", "3", "--erasure", id]).await?["state"], "answered");
    assert_eq!(step(binary, &["list"]).await?["items"].as_array().map(Vec::len), Some(0));
    let all = binary.run(&["privacy", "request", "list", "--all", "--json"]).await?.stdout;
    assert!(all.matches("answered").count() == 3 && !all.contains("eve@"), "nobody is named: {all}");
    let shown = step(binary, &["show", "3"]).await?;
    assert_eq!((&shown["from"], &shown["answer"]["erasures"][0]), (&"eve@recipient.test".into(), &id.into()));

    let (status, log) = server.terminate().await?;
    assert!(status.success());
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    for what in ["request_received", "request_fee_waived", "request_answered", "request_shown"] {
        assert!(trail.contains(what), "{what}: {trail}");
    }
    for text in [&log, &trail] {
        assert!(!text.contains("eve@") && !text.contains(because), "{text}");
    }
    for file in ["waxseal.db", "waxseal.db-wal", "keys.db"] {
        let bytes = std::fs::read(binary.data_dir().join(file)).unwrap_or_default();
        assert!(!bytes.windows(8).any(|part| part == b"eve@reci"), "{file} is sealed");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_overdue_breaks_its_promise_and_is_said_everywhere_without_a_name() -> Result<()> {
    let binary = waxseal()?;
    let (long_ago, lately) = (days_ago(32), days_ago(25));
    step(&binary, &["add", EVE, "--kind", "access", "--received", &long_ago]).await?;
    step(&binary, &["add", EVE, "--kind", "correction", "--about", "my name", "--received", &lately]).await?;
    let verified = binary.run(&["policy", "verify", "--json"]).await?;
    assert_eq!(verified.status.code(), Some(1));
    let rows: Value = serde_json::from_str(&verified.stdout)?;
    let state = |name: &str| {
        let rows = rows["rows"].as_array().into_iter().flatten();
        rows.into_iter().find(|row| row["row"] == name).map(|row| row["state"].clone())
    };
    assert_eq!((state("P12"), state("P11")), (Some("failed".into()), Some("works".into())));
    let checked = binary.run(&["check"]).await?.stdout;
    assert!(
        checked.contains("2 of people wait for an answer, 1 due within seven days, 1 overdue"),
        "{checked}"
    );
    let server = binary.serve().await?;
    assert!(
        refused(&binary, &["extend", "1", "--because", "it touches forty accounts"])
            .await?
            .contains("overdue")
    );
    step(&binary, &["refuse", "1", "--because", "nobody of this name is known"]).await?;
    let (status, log) = server.terminate().await?;
    assert!(status.success());
    assert!(
        log.contains("a person's request is overdue") && log.contains("is due within seven days"),
        "{log}"
    );
    assert!(!log.contains("eve.who") && !checked.contains("eve.who") && !verified.stdout.contains("eve.who"));
    let verified = binary.run(&["policy", "verify", "--json"]).await?.stdout;
    let rows: Value = serde_json::from_str(&verified)?;
    let failed = rows["rows"].as_array().into_iter().flatten().filter(|row| row["state"] == "failed").count();
    assert_eq!(failed, 0, "refused in writing is an answer: {verified}");
    Ok(())
}

#[tokio::test]
async fn an_account_sees_what_it_asked_and_nobody_elses() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    step(binary, &["add", EVE, "--kind", "erasure"]).await?;
    let asked = ["add", "--account", &world.account, "--kind", "correction", "--about", "our old company"];
    step(binary, &asked).await?;
    step(binary, &["refuse", "2", "--because", "the company is right as it is"]).await?;
    let list = "/v1/privacy/requests";
    let own = Call::get(server.http(), list).key(&world.key).send().await?;
    let item = &own.json()["items"][0];
    assert_eq!((&item["about"], &item["state"]), (&"our old company".into(), &"refused".into()));
    assert_eq!(item["refused-because"], "the company is right as it is");
    assert_eq!(own.json()["items"].as_array().map(Vec::len), Some(1), "Eve's is not its business");
    let other = binary.json(&["account", "create", "--name", "B", "--email", "b@elsewhere.example"]).await?;
    let key = other["api_key"].as_str().context("a key")?;
    let theirs = Call::get(server.http(), list).key(key).send().await?.json();
    assert_eq!(theirs["items"].as_array().map(Vec::len), Some(0));
    assert!(server.terminate().await?.0.success());
    Ok(())
}

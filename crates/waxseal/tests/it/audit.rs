//! The audit trail by command, with a server and without one.

use std::sync::Arc;

use anyhow::Result;
use waxseal_model::{Clock, SeededRandom};
use waxseal_privacy::audit::{AuditConfig, AuditLog};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig};
use waxseal_system::SystemClock;
use waxseal_testkit::Call;

use crate::{
    DOMAIN, World,
    tamper::{Copy, KINDS, tamper},
    waxseal,
};

#[tokio::test]
async fn commands_leave_entries_that_can_be_verified_and_given_out() -> Result<()> {
    let binary = waxseal()?;
    let (account, key) = binary.account().await?;
    let server = binary.serve().await?;
    let id = binary.json(&["key", "list", "--account", &account]).await?["items"][0]["key_id"].clone();
    let id = id.as_str().expect("an id");
    assert!(!binary.run(&["key", "delete", &"0".repeat(26), "--account", &account]).await?.status.success());
    binary.json(&["key", "delete", id, "--account", &account]).await?;
    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    assert!(server.terminate().await?.0.success());

    let trail = binary.run(&["audit", "export"]).await?.stdout;
    let entries: Vec<serde_json::Value> =
        trail.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let told: Vec<&str> = entries.iter().filter_map(|entry| entry["what"].as_str()).collect();
    let expected = [
        "account_created",
        "started",
        "keys_listed",
        "key_deleted",
        "failed",
        "key_deleted",
        "stopped",
        "trail_exported",
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[4]["entry"], 4, "the entry that failed");
    assert!(!trail.contains(&account) && !trail.contains(&key) && !trail.contains(id), "pseudonyms alone");
    let own = binary.run(&["audit", "export", "--account", &account]).await?.stdout;
    assert_eq!(own.lines().count(), 6, "made, keys listed, deleted twice, failed, given out: {own}");
    Ok(())
}

#[tokio::test]
async fn a_thousand_tamperings_with_the_files_of_a_server_are_found_where_they_are() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    let server = binary.serve().await?;
    for label in 0..20 {
        binary.json(&["key", "create", "--account", &account, "--label", &label.to_string()]).await?;
    }
    assert!(server.terminate().await?.0.success());

    let folder = binary.data_dir();
    let trail = folder.join("audit");
    let files = ["trail-000001.jsonl", "checkpoints.jsonl"].map(|name| trail.join(name));
    let copy = Copy::take([files.to_vec(), vec![folder.join("audit-anchors")]].concat());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random = Arc::new(SeededRandom::new(4));
    let config = StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.clone(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    };
    let store = Store::open(config, clock.clone(), random.clone()).await?;
    let log = AuditLog::open(store.clone(), clock, AuditConfig::in_folder(&folder)).await?;
    let sound = log.verify().await?;
    assert!(sound.sound && sound.entries >= 23, "{sound:?}");
    for round in 0..1_000_u64 {
        let (entry, kind) = tamper(&copy, &random, round % KINDS);
        let first = log.verify().await?.findings.first().map(|finding| finding.entry);
        assert_eq!(first, Some(entry), "{round}: {kind}");
        copy.restore();
    }
    assert!(log.verify().await?.sound);
    log.close().await;
    store.close().await;
    Ok(())
}

#[tokio::test]
async fn every_opening_of_content_is_counted_for_whom_and_why() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    for to in ["one", "two", "three"] {
        world.send(&server, to, "Hello", "text").await?;
    }
    world.peer.wait_for_messages(3).await;
    world.drained().await?;
    let events = format!("/v3/{DOMAIN}/events?event=accepted&limit=1");
    let events = Call::get(server.http(), &events).key(&world.key).send().await?.json();
    let key = events["items"][0]["storage"]["key"].as_str().expect("a key").to_owned();
    let path = format!("/v3/domains/{DOMAIN}/messages/{key}");
    assert_eq!(Call::get(server.http(), &path).key(&world.key).send().await?.status, 200);
    assert_eq!(Call::get(server.http(), &path).key("another").send().await?.status, 401);
    assert!(server.terminate().await?.0.success());

    let trail = binary.run(&["audit", "export", "--account", &world.account]).await?.stdout;
    let mut opened: Vec<(String, String, u64)> = Vec::new();
    for line in trail.lines() {
        let entry: serde_json::Value = serde_json::from_str(line)?;
        if entry["what"] == "content_opened" {
            let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            opened.push((word("actor"), word("purpose"), entry["count"].as_u64().unwrap_or_default()));
        }
    }
    opened.sort();
    let expected = [("customer", "customer_access", 1), ("system", "delivery", 3)];
    assert_eq!(opened, expected.map(|(actor, purpose, count)| (actor.into(), purpose.into(), count)));
    Ok(())
}

#[tokio::test]
async fn what_a_customer_read_is_on_record_though_the_server_is_killed_at_once() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    world.send(&server, "one", "Hello", "text").await?;
    world.peer.wait_for_messages(1).await;
    let events = format!("/v3/{DOMAIN}/events?event=accepted&limit=1");
    let events = Call::get(server.http(), &events).key(&world.key).send().await?.json();
    let key = events["items"][0]["storage"]["key"].as_str().expect("a key").to_owned();
    let path = format!("/v3/domains/{DOMAIN}/messages/{key}");
    assert_eq!(Call::get(server.http(), &path).key(&world.key).send().await?.status, 200);
    server.kill().await?;

    let trail = binary.run(&["audit", "export", "--account", &world.account]).await?.stdout;
    let read = |line: &&str| line.contains("\"content_opened\"") && line.contains("\"customer_access\"");
    assert_eq!(trail.lines().filter(read).count(), 1, "{trail}");
    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    Ok(())
}

#[tokio::test]
async fn an_edit_of_the_trail_is_found_with_its_place() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    for label in ["a", "b", "c"] {
        binary.json(&["key", "create", "--account", &account, "--label", label]).await?;
    }
    let path = binary.data_dir().join("audit/trail-000001.jsonl");
    let trail = std::fs::read_to_string(&path)?;
    std::fs::write(&path, trail.replacen("key_created", "key_deleted", 1))?;
    let ended = binary.run(&["audit", "verify", "--json"]).await?;
    assert_eq!(ended.status.code(), Some(1));
    let verdict: serde_json::Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!(verdict["findings"][0]["entry"], 2);
    // The end cut off, while nobody watches: the anchors know.
    let kept: String = trail.lines().take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, kept)?;
    let verdict = binary.run(&["audit", "verify", "--json"]).await?.stdout;
    let verdict: serde_json::Value = serde_json::from_str(&verdict)?;
    assert_eq!((&verdict["findings"][0]["entry"], &verdict["findings"][0]["to"]), (&3.into(), &4.into()));
    Ok(())
}

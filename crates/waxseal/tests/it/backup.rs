//! Backups by command: made while mail comes in, restored after a loss, refused where something is wrong.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use waxseal_testkit::{Binary, Server, binary::text};

use crate::{DOMAIN, World, waxseal};

/// The database is lost; the keys are not.
pub(crate) fn lose_database(binary: &Binary) -> Result<()> {
    for name in ["waxseal.db", "waxseal.db-wal", "waxseal.db-shm"] {
        let path = binary.data_dir().join(name);
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Sends until told to stop; notes what was acknowledged.
async fn load(world: &World, server: &Server, sender: u64, sent: &Mutex<Vec<String>>, stop: &AtomicBool) {
    for number in 0.. {
        let local = format!("b{sender}-{number}");
        if stop.load(Ordering::SeqCst) || world.send(server, &local, "Backed up", &local).await.is_err() {
            return;
        }
        sent.lock().expect("a lock").push(local);
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_is_delivered_after_its_restore() -> Result<()> {
    let mut world = World::new(&[]).await?;
    world.binary = world.binary.set("roles", "api");
    let server = world.binary.serve().await?;
    let (sent, stop) = (Arc::new(Mutex::new(Vec::new())), AtomicBool::new(false));
    let backup = async {
        while sent.lock().expect("a lock").len() < 30 {
            tokio::task::yield_now().await;
        }
        let before = sent.lock().expect("a lock").clone();
        let made = world.binary.json(&["backup", "create", "while-sending.backup"]).await?;
        // Some more, which the backup need not know of.
        while sent.lock().expect("a lock").len() < before.len() + 30 {
            tokio::task::yield_now().await;
        }
        stop.store(true, Ordering::SeqCst);
        Ok::<_, anyhow::Error>((before, made))
    };
    let (made, ..) = tokio::join!(
        backup,
        load(&world, &server, 1, &sent, &stop),
        load(&world, &server, 2, &sent, &stop),
        load(&world, &server, 3, &sent, &stop),
    );
    let (before, made) = made?;
    server.kill().await?;
    lose_database(&world.binary)?;

    let path = text(&made, "path")?;
    let restored = world.binary.json(&["backup", "restore", &path]).await?;
    assert_eq!(restored["rows"], made["rows"]);
    assert_eq!(restored["tables"], made["tables"]);
    world.binary = world.binary.set("roles", "api,delivery");
    let server = world.binary.serve().await?;
    world.drained().await?;
    let arrived: Vec<String> = world.peer.acknowledged().iter().map(|message| message.text()).collect();
    let lost: Vec<&String> = before
        .iter()
        .filter(|local| !arrived.iter().any(|text| text.contains(&format!("{local}@"))))
        .collect();
    assert_eq!(lost, Vec::<&String>::new(), "of {} acknowledged before the backup", before.len());
    assert!(server.terminate().await?.0.success());

    let trail = world.binary.run(&["audit", "export"]).await?.stdout;
    for what in ["backup_created", "backup_restored"] {
        assert_eq!(trail.matches(&format!("\"{what}\"")).count(), 1, "{trail}");
    }
    assert_eq!(world.binary.json(&["audit", "verify"]).await?["sound"], true);
    Ok(())
}

#[tokio::test]
async fn backups_are_made_listed_checked_and_pruned() -> Result<()> {
    let binary = waxseal()?;
    binary.account().await?;
    let made = binary.json(&["backup", "create"]).await?;
    let path = text(&made, "path")?;
    assert!(Path::new(&binary.folder().join(&path)).starts_with(binary.data_dir().join("backups")));
    let checked = binary.json(&["backup", "verify", &path]).await?;
    assert_eq!((&checked["rows"], &checked["audit_head"]), (&made["rows"], &made["audit_head"]));
    assert!(checked["audit_head"].as_str().is_some_and(|head| head.len() == 64));
    let listed = binary.json(&["backup", "list"]).await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert!(listed["items"][0]["path"].as_str().is_some_and(|listed| path.ends_with(listed)));
    assert_eq!(binary.json(&["backup", "prune"]).await?["deleted"], serde_json::json!([]));
    let raw = std::fs::read(binary.folder().join(&path))?;
    assert!(!raw.windows(10).any(|part| part == b"accounts\0\0"), "tables are sealed");
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    for what in ["backup_created", "backup_verified", "backups_pruned"] {
        assert!(trail.contains(&format!("\"{what}\"")), "{trail}");
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_a_reason() -> Result<()> {
    let binary = waxseal()?;
    let (account, _) = binary.account().await?;
    binary.json(&["domain", "create", DOMAIN, "--account", &account]).await?;
    binary.json(&["backup", "create", "one.backup"]).await?;
    let refused = |binary: &Binary, path: &str, says: &'static str| {
        let (path, command) = (path.to_owned(), binary.command(&["backup", "restore", path]));
        async move {
            let mut command = command;
            let ended = command.output().await?;
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(1), "{path}");
            assert!(said.contains(says), "{path}: {said}");
            anyhow::Ok(())
        }
    };
    refused(&binary, "one.backup", "is not empty").await?;
    let server = binary.serve().await?;
    refused(&binary, "one.backup", "a server is running").await?;
    assert!(server.terminate().await?.0.success());
    lose_database(&binary)?;
    let mut bytes = std::fs::read(binary.folder().join("one.backup"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(binary.folder().join("damaged.backup"), &bytes)?;
    std::fs::write(binary.folder().join("other.backup"), "something else")?;
    refused(&binary, "damaged.backup", "is damaged or cut off").await?;
    refused(&binary, "other.backup", "is not a backup").await?;
    refused(&binary, "gone.backup", "No such file").await?;
    let binary = binary.set("backup.key", &"ab".repeat(32));
    refused(&binary, "one.backup", "was sealed under another backup key").await?;
    assert!(!binary.data_dir().join("waxseal.db").exists(), "nothing was begun");
    Ok(())
}

#[tokio::test]
async fn a_server_makes_backups_by_itself() -> Result<()> {
    let binary = waxseal()?.set("backup.every_hours", "1").set("backup.folder", "elsewhere");
    let server = binary.serve().await?;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let listed = binary.json(&["backup", "list"]).await?;
        if listed["items"].as_array().is_some_and(|items| items.len() == 1) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{listed}");
    }
    assert!(server.terminate().await?.0.success());
    assert!(binary.data_dir().join("elsewhere").is_dir() && binary.data_dir().join("backup.key").exists());
    Ok(())
}

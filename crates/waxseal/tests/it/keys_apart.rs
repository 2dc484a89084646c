//! `keys.folder`: a whole life of the real binary with its key store on another volume.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use waxseal_privacy::inventory;
use waxseal_testkit::{Binary, binary::text};

use crate::{World, backup::lose_database, waxseal};

/// A folder on another file system than temporary ones, where the machine has one.
fn other_volume() -> Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// All keys are there, none is here, and nothing that the inventory does not know.
fn keys_lie_in(keys: &Path, binary: &Binary) -> Result<()> {
    for name in ["keys.db", "keys.epoch"] {
        assert!(keys.join(name).exists(), "{name} in {:?}", names(keys)?);
    }
    let here = names(&binary.data_dir())?;
    assert!(!here.iter().any(|name| name.starts_with("keys.")), "{here:?}");
    let there = names(keys)?;
    assert!(there.iter().all(|name| inventory::knows_key_file(name)), "{there:?}");
    Ok(())
}

/// The finding of `waxseal check` on the key store: state, what was found, and what mends it.
async fn checked(binary: &Binary) -> Result<(String, String, String)> {
    let answer: serde_json::Value = serde_json::from_str(&binary.run(&["check", "--json"]).await?.stdout)?;
    let mut all = answer["checks"].as_array().into_iter().flatten();
    let finding = all.find(|finding| finding["check"] == "key store").context("the key store")?;
    Ok((text(finding, "state")?, text(finding, "found")?, text(finding, "mend")?))
}

#[tokio::test]
async fn a_whole_life_with_the_keys_on_another_volume() -> Result<()> {
    let volume = other_volume()?;
    let keys = volume.path().join("keys");
    let world =
        World::new(&[("keys.folder", &keys.display().to_string()), ("erasure.grace_days", "0")]).await?;
    let binary = &world.binary;
    let made = binary.json(&["account", "create", "--name", "Goes", "--email", "goes@owner.example"]).await?;
    let goes = text(&made, "account_id")?;
    let aside = tempfile::tempdir()?;
    let kept = |name: &str| aside.path().join(name).display().to_string();

    let server = binary.serve().await?;
    world.send(&server, "friend", "a subject", "a text").await?;
    world.drained().await?;
    binary.json(&["backup", "create", &kept("old.backup")]).await?;
    let asked = binary.json(&["account", "delete", &goes]).await?;
    let erasure = text(&asked, "erasure")?;
    server.terminate().await?;
    let certificate = binary.json(&["privacy", "certificate", &erasure]).await?;
    assert_eq!(certificate["key_copies"], "none_opens", "{certificate}");
    keys_lie_in(&keys, binary)?;

    // Its files are searched and judged with those of the data folder.
    fs::write(keys.join("notes.txt"), "goes@owner.example")?;
    let trace = binary.json(&["privacy", "trace", "goes@owner.example"]).await?;
    assert!(trace["matches"].to_string().contains("notes.txt"), "the folder is searched: {trace}");
    let said = binary.run(&["policy", "verify", "--json"]).await?;
    assert!(!said.status.success(), "a file that nobody knows breaks a promise");
    let rows: serde_json::Value = serde_json::from_str(&said.stdout)?;
    let first = rows["rows"].as_array().into_iter().flatten().find(|row| row["row"] == "P1").context("P1")?;
    assert!(first["checked"].as_str().is_some_and(|text| text.contains("files, 1 unknown")), "{first}");
    assert!(rows.to_string().contains("not Waxseal's, so move them away: notes.txt"), "{rows}");
    fs::remove_file(keys.join("notes.txt"))?;

    // Database and keys are lost; copies of both bring the instance back, the erased account not.
    binary.json(&["backup", "keys", &kept("old.keys")]).await?;
    for name in names(&keys)? {
        fs::remove_file(keys.join(name))?;
    }
    lose_database(binary)?;
    let refused = binary.run(&["backup", "restore", &kept("old.backup")]).await?;
    assert!(
        refused.stderr.contains(&format!("{} is missing", keys.join("keys.db").display())),
        "{}",
        refused.stderr
    );
    binary.json(&["backup", "keys-restore", &kept("old.keys")]).await?;
    binary.json(&["backup", "restore", &kept("old.backup")]).await?;
    keys_lie_in(&keys, binary)?;
    let trace = binary.json(&["privacy", "trace", "goes@owner.example"]).await?;
    assert_eq!(trace["matches"], serde_json::json!([]), "{trace}");
    let server = binary.serve().await?;
    world.send(&server, "friend", "another subject", "another text").await?;
    world.drained().await?;
    server.terminate().await?;
    assert_eq!(binary.json(&["audit", "verify"]).await?["sound"], true);
    keys_lie_in(&keys, binary)
}

#[tokio::test]
async fn the_steps_of_the_manual_move_the_keys() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = world.binary;
    let (state, found, mend) = checked(&binary).await?;
    assert_eq!(state, "doubtful", "{found}");
    assert!(found.contains("same volume") && mend.contains("`keys.folder`"), "{found}: {mend}");

    let volume = other_volume()?;
    let keys = volume.path().join("keys");
    let binary = binary.set("keys.folder", &keys.display().to_string());
    let refused = binary.run(&["account", "list"]).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("move keys.db, keys.db-wal, keys.db-shm, keys.epoch"),
        "{}",
        refused.stderr
    );
    assert!(!keys.exists(), "nothing is made");

    let manual = include_str!("../../../../docs/operating.md");
    let (_, rest) = manual.split_once("## Where the keys lie").context("the section")?;
    let (_, rest) = rest.split_once("```sh\n").context("the steps")?;
    let (steps, _) = rest.split_once("```").context("their end")?;
    assert!(steps.contains("/srv/keys/waxseal") && steps.contains("mv "), "{steps}");
    let steps = steps.replace("/srv/keys/waxseal", &keys.display().to_string());
    let done =
        std::process::Command::new("/bin/sh").args(["-ec", &steps]).current_dir(binary.folder()).output()?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let accounts = binary.json(&["account", "list"]).await?;
    assert!(accounts.to_string().contains(&world.account), "{accounts}");
    keys_lie_in(&keys, &binary)?;
    if Path::new("/dev/shm").is_dir() {
        assert_eq!(checked(&binary).await?.0, "fine");
        binary.json(&["backup", "keys"]).await?;
        let (state, found, mend) = checked(&binary).await?;
        assert_eq!(state, "doubtful", "copies with their secret lie beside the database: {found}");
        assert!(mend.contains("`backup.keys_folder`"), "{mend}");
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_of_keys_that_cannot_be_had_is_told_by_check() -> Result<()> {
    let binary = waxseal()?;
    fs::write(binary.folder().join("in-the-way"), "a file")?;
    let path = binary.folder().join("in-the-way").display().to_string();
    let binary = binary.set("keys.folder", &path);
    let (state, found, mend) = checked(&binary).await?;
    assert_eq!(state, "wrong", "{found}");
    assert!(found.contains("in-the-way") && mend.contains("`keys.folder`"), "{found}: {mend}");
    Ok(())
}

//! Copies of the key store, by the real binary: what a copy from before an erasure brings back is nothing, whoever kept
//! what, and whenever the restore is killed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use waxseal_testkit::{Binary, Call, smtp_peer::Reaction};

use crate::{DOMAIN, World};

/// Who is erased, who asks to be forgotten, and who stays.
const GONE: &str = "gone.person@owner.example";
const STAYS: &str = "stays.person@owner.example";
const RECIPIENT: &str = "forgotten.bob";

/// An instance of two accounts with mail that waits, a backup and a copy of the keys from before anything was erased.
struct Before {
    world: World,
    stays: String,
    aside: tempfile::TempDir,
}

impl Before {
    async fn new(grace_days: &str) -> Result<Self> {
        let world = World::new(&[("erasure.grace_days", grace_days), ("roles", "api")]).await?;
        world.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.2.0 later\r\n".into())]));
        let binary = &world.binary;
        binary.json(&["account", "correct", &world.account, "--email", GONE]).await?;
        let made = binary.json(&["account", "create", "--name", "Stays", "--email", STAYS]).await?;
        let stays = made["account_id"].as_str().context("an account")?.to_owned();
        let server = binary.serve().await?;
        world.send(&server, RECIPIENT, "a subject", "a text").await?;
        server.terminate().await?;
        let aside = tempfile::tempdir()?;
        let before = Self { world, stays, aside };
        binary_json(&before, &["backup", "create", &before.kept("old.backup")]).await?;
        binary_json(&before, &["backup", "keys", &before.kept("old.keys")]).await?;
        // What nobody should copy, and somebody did.
        std::fs::copy(before.secret(), before.kept("copies.secret"))?;
        Ok(before)
    }

    fn binary(&self) -> &Binary {
        &self.world.binary
    }

    fn kept(&self, name: &str) -> String {
        self.aside.path().join(name).display().to_string()
    }

    fn secret(&self) -> PathBuf {
        self.binary().data_dir().join("key-copies/copies.secret")
    }

    /// Erases the account to its end; the certificate.
    async fn erase(&self) -> Result<Value> {
        let asked = binary_json(self, &["account", "delete", &self.world.account]).await?;
        let id = asked["erasure"].as_str().context("an erasure")?.to_owned();
        binary_json(self, &["privacy", "certificate", &id]).await
    }

    /// The key store is lost.
    fn lose_keys(&self) -> Result<()> {
        lose(&self.binary().data_dir(), &["keys.db", "keys.db-wal", "keys.db-shm", "keys.epoch"])
    }

    /// Restores the database from before beside the keys that there are now.
    async fn restore_database(&self) -> Result<Value> {
        lose(&self.binary().data_dir(), &["waxseal.db", "waxseal.db-wal", "waxseal.db-shm"])?;
        binary_json(self, &["backup", "restore", &self.kept("old.backup")]).await
    }

    /// In how many places a term is found, in the instance and in the backup from before.
    async fn found(&self, term: &str) -> Result<usize> {
        let also = self.aside.path().display().to_string();
        let answer = binary_json(self, &["privacy", "trace", term, "--also", &also]).await?;
        assert_eq!(answer["backups_not_opened"], serde_json::json!([]), "{answer}");
        Ok(answer["matches"].as_array().map_or(0, Vec::len))
    }

    /// Nothing of the erased account is there for anybody, and the other one is as it was.
    async fn is_as_after_the_erasure(&self) -> Result<()> {
        for term in [GONE, "forgotten.bob@recipient.test"] {
            assert_eq!(self.found(term).await?, 0, "{term}");
        }
        assert!(self.found(STAYS).await? >= 2, "in the table and in the backup");
        let keys = binary_json(self, &["keys", "list"]).await?;
        assert!(!keys.to_string().contains(&self.world.account), "{keys}");
        let server = self.binary().serve().await?;
        let path = format!("/v3/{DOMAIN}/events");
        assert_eq!(Call::get(server.http(), &path).key(&self.world.key).send().await?.status, 401);
        server.terminate().await?;
        assert_eq!(binary_json(self, &["audit", "verify"]).await?["sound"], true);
        Ok(())
    }
}

async fn binary_json(before: &Before, arguments: &[&str]) -> Result<Value> {
    before.binary().json(arguments).await
}

fn lose(folder: &Path, names: &[&str]) -> Result<()> {
    for name in names {
        let path = folder.join(name);
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_old_copy_of_the_keys_with_an_old_backup_brings_back_nobody() -> Result<()> {
    let before = Before::new("0").await?;
    let key = before.binary().run(&["privacy", "public-key"]).await?.stdout;
    let certificate = before.erase().await?;
    assert_eq!(certificate["key_copies"], "none_opens", "{certificate}");

    // With the copy alone nobody gets anything: what it opened with is overwritten.
    before.lose_keys()?;
    let restore = ["backup", "keys-restore", &before.kept("old.keys")];
    let refused = before.binary().run(&restore).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("opens no more"), "{}", refused.stderr);
    assert!(!before.binary().data_dir().join("keys.db").exists(), "nothing was begun");

    // With the secret as it was then, the audit trail has the last word.
    std::fs::copy(before.kept("copies.secret"), before.secret())?;
    let restored = binary_json(&before, &restore).await?;
    let recalled = &restored["recalled"];
    assert_eq!((&recalled["erased"], &recalled["unknown"]), (&1.into(), &0.into()), "{restored}");
    before.is_as_after_the_erasure().await?;
    before.restore_database().await?;
    before.is_as_after_the_erasure().await?;
    assert_eq!(
        before.binary().run(&["privacy", "public-key"]).await?.stdout,
        key,
        "certificates are as valid"
    );
    let trail = before.binary().run(&["audit", "export"]).await?.stdout;
    for what in ["keys_backed_up", "keys_restored"] {
        assert_eq!(trail.matches(&format!("\"{what}\"")).count(), 1, "{trail}");
    }
    let block = std::fs::read(before.secret())?;
    assert!(block.iter().all(|byte| *byte == 0), "a copy opens once: the secret is overwritten again");
    Ok(())
}

#[tokio::test]
async fn closed_accounts_and_forgotten_recipients_stay_so_with_older_keys() -> Result<()> {
    let before = Before::new("7").await?;
    let (account, recipient) = (before.world.account.clone(), "forgotten.bob@recipient.test");
    binary_json(&before, &["privacy", "erase-recipient", recipient, "--account", &account]).await?;
    binary_json(&before, &["account", "delete", &before.stays]).await?;
    binary_json(&before, &["account", "delete", &account]).await?;
    binary_json(&before, &["account", "undelete", &account]).await?;
    let hold = ["privacy", "hold", "add", "--account", &account, "--reason", "file 7"];
    binary_json(&before, &hold).await?;

    before.lose_keys()?;
    std::fs::copy(before.kept("copies.secret"), before.secret())?;
    let restored = binary_json(&before, &["backup", "keys-restore", &before.kept("old.keys")]).await?;
    let recalled = &restored["recalled"];
    assert_eq!(
        (&recalled["closed"], &recalled["opened"], &recalled["parts"], &recalled["holds_lost"]),
        (&2.into(), &1.into(), &1.into(), &1.into()),
        "{restored}"
    );
    before.restore_database().await?;
    let listed = binary_json(&before, &["account", "list"]).await?;
    for item in listed["items"].as_array().context("accounts")? {
        assert_eq!(item["erased_from"].is_string(), item["account_id"] == before.stays.as_str(), "{listed}");
    }
    let here = binary_json(&before, &["privacy", "trace", recipient]).await?;
    assert_eq!(here["matches"], serde_json::json!([]), "the recipient is erased again");
    Ok(())
}

#[tokio::test]
async fn without_a_trail_that_can_be_relied_on_no_keys_come_back() -> Result<()> {
    let before = Before::new("0").await?;
    before.erase().await?;
    before.lose_keys()?;
    std::fs::copy(before.kept("copies.secret"), before.secret())?;
    let trail = before.binary().data_dir().join("audit/trail-000001.jsonl");
    let (written, copy) = (std::fs::read_to_string(&trail)?, before.kept("old.keys"));
    let lines: Vec<&str> = written.lines().collect();
    let altered = [
        written.replace("\"erasure_started\"", "\"account_undeleted\""),
        lines[..lines.len() - 3].join("\n") + "\n",
        String::new(),
    ];
    for altered in altered {
        std::fs::write(&trail, altered)?;
        let refused = before.binary().run(&["backup", "keys-restore", &copy]).await?;
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("--without-audit-trail"), "{}", refused.stderr);
        assert!(!before.binary().data_dir().join("keys.db").exists(), "nothing came back");
    }
    let said = ["backup", "keys-restore", &copy, "--without-audit-trail"];
    assert_eq!(binary_json(&before, &said).await?["recalled"]["erased"], 0, "it was lost, and said so");
    Ok(())
}

#[tokio::test]
async fn a_killed_restore_of_the_keys_leaves_all_of_it_or_nothing_and_nobody_who_was_erased() -> Result<()> {
    let before = Before::new("0").await?;
    before.erase().await?;
    let path = before.kept("old.keys");
    let restore = ["backup", "keys-restore", &path];
    let (mut killed, mut whole) = (0, 0);
    for after in [4, 15, 40, 90, 200] {
        before.lose_keys()?;
        std::fs::copy(before.kept("copies.secret"), before.secret())?;
        let mut command = before.binary().command(&restore).spawn()?;
        tokio::time::sleep(Duration::from_millis(after)).await;
        killed += u32::from(command.try_wait()?.is_none());
        command.kill().await?;
        let again = before.binary().run(&restore).await?;
        if !again.status.success() {
            assert!(again.stderr.contains("keys.db is there"), "{}", again.stderr);
            whole += 1;
        }
        assert_eq!(before.found(GONE).await?, 0, "killed after {after} ms");
        assert!(!before.binary().data_dir().join("keys.restoring").exists());
    }
    assert!(killed > 0, "{whole} were whole");
    before.is_as_after_the_erasure().await
}

#[tokio::test]
async fn a_killed_renewal_of_the_keys_loses_nothing_and_leaves_no_copy_that_opens() -> Result<()> {
    let before = Before::new("0").await?;
    for after in [10, 40, 100] {
        binary_json(&before, &["backup", "keys"]).await?;
        let mut command = before.binary().command(&["keys", "rotate"]).spawn()?;
        tokio::time::sleep(Duration::from_millis(after)).await;
        command.kill().await?;
        assert!(before.found(GONE).await? >= 2, "killed after {after} ms");
    }
    binary_json(&before, &["keys", "rotate"]).await?;
    assert!(std::fs::read(before.secret())?.iter().all(|byte| *byte == 0));
    let pruned = binary_json(&before, &["backup", "prune"]).await?;
    assert_eq!(
        pruned["deleted"].as_array().map(Vec::len),
        Some(1),
        "the newest, which opens no more: {pruned}"
    );
    Ok(())
}

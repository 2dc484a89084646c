//! Killed at any point of a renewal of the keys: what was destroyed stays destroyed, all else opens.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use waxseal_model::{ManualClock, MessageId, SeededRandom, Timestamp};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig, StoreError};
use waxseal_system::SystemRandom;

use crate::world::{Sender, World};

const FOLDER: &str = "WAXSEAL_TEST_KEY_KILLS_FOLDER";
const KILLS: u64 = 12;

async fn world(folder: &Path) -> World {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let master_key = MasterKey::File(folder.join("master.key"));
    let config =
        StoreConfig { engine: Engine::Sqlite, data_dir: folder.to_owned(), master_key, keys_dir: None };
    let random: Arc<dyn waxseal_model::Random> = Arc::new(SystemRandom);
    let store = Store::open(config.clone(), Arc::clone(&clock) as _, Arc::clone(&random))
        .await
        .expect("the store opens");
    World { store, clock, random, config, _folder: None }
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// The child's part: makes an account, destroys its keys, renews, and so on until it is killed.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let world = world(Path::new(&folder)).await;
    say("ready");
    loop {
        let sender = world.sender().await;
        world.send(sender, &["a@one.example"]).await;
        world.store.destroy_account_keys(sender.account).await.expect("destroyed");
        say(&format!("destroyed {}", sender.account));
        world.store.renew_epoch().await.expect("renewed");
    }
}

#[tokio::test]
async fn a_kill_during_a_renewal_brings_nothing_back_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = world(folder.path()).await;
    let mut kept: Vec<(Sender, MessageId)> = Vec::new();
    for _ in 0..3 {
        let sender = first.sender().await;
        kept.push((sender, first.send(sender, &["b@one.example"]).await));
    }
    first.store.close().await;
    let chance = SeededRandom::new(11);
    let mut destroyed = Vec::new();
    for _ in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "key_kills::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert!(lines.any(|line| line.expect("text") == "ready"));
        if destroyed.is_empty() {
            // However slow the machine: one account at least goes before a kill.
            let said = lines.by_ref().map(|line| line.expect("text"));
            destroyed
                .extend(said.filter_map(|line| line.strip_prefix("destroyed ").map(str::to_owned)).take(1));
        }
        let wait = waxseal_model::Random::below(&chance, 400_000);
        tokio::time::sleep(Duration::from_micros(wait)).await;
        child.kill().expect("killed");
        child.wait().expect("ended");
        let said = lines.map_while(Result::ok);
        destroyed.extend(said.filter_map(|line| line.strip_prefix("destroyed ").map(str::to_owned)));
        let again = world(folder.path()).await;
        for (sender, id) in &kept {
            assert!(again.store.body(sender.account, *id).await.expect("read").is_some());
        }
        for account in &destroyed {
            let account = account.parse().expect("an id");
            assert!(matches!(again.store.account(account).await, Err(StoreError::Erased)));
        }
        let epochs: std::collections::BTreeSet<i64> =
            again.store.keys().await.expect("keys").iter().map(|key| key.epoch).collect();
        assert_eq!(epochs.len(), 1, "every key is of the epoch that lives");
        let file = std::fs::read(folder.path().join("keys.epoch")).expect("the file");
        let empty = file.chunks(4096).filter(|block| block.iter().all(|byte| *byte == 0)).count();
        assert_eq!(empty, 1, "the epoch before is gone");
        again.store.close().await;
    }
    assert!(!destroyed.is_empty(), "the child came to destroy some");
}

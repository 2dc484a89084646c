//! Killed while a backup is made or restored: what is there is whole, and the same command does it afterwards.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use waxseal_model::{Random, SeededRandom};
use waxseal_store::{
    Engine, MasterKey, StoreConfig,
    backup::{self, BackupError},
};
use waxseal_system::SystemRandom;

use crate::{
    backups::{about, key},
    cluster,
    world::World,
};

const FOLDER: &str = "WAXSEAL_TEST_BACKUP_KILLS_FOLDER";
const URL: &str = "WAXSEAL_TEST_BACKUP_KILLS_URL";
const KILLS: u64 = 8;
const BACKUP: &str = "whole.backup";

fn config(folder: &Path, url: Option<&str>) -> StoreConfig {
    let engine = url.map_or(Engine::Sqlite, |url| Engine::Postgres(url.to_owned()));
    let data_dir = folder.join("data");
    StoreConfig { engine, master_key: MasterKey::File(data_dir.join("master.key")), data_dir, keys_dir: None }
}

/// The child's part: restores, or makes one backup after the other.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (folder, url) = (Path::new(&folder), std::env::var(URL).ok());
    let config = config(folder, url.as_deref());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    if folder.join(BACKUP).exists() {
        say("ready");
        backup::restore(&folder.join(BACKUP), &key().await, &config, random).await.expect("restored");
        return;
    }
    let clock = Arc::new(waxseal_system::SystemClock::new());
    let store = waxseal_store::Store::open(config, clock, random).await.expect("the store opens");
    say("ready");
    for number in 0.. {
        let path = folder.join(format!("{number}-{}.backup", std::process::id()));
        store.back_up(&path, &key().await, about()).await.expect("made");
    }
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// Runs the child and kills it a little after it is ready; whether it had ended before.
async fn killed(folder: &Path, url: Option<&str>, after: Duration) -> bool {
    use std::io::{BufRead as _, BufReader};
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "backup_kills::child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped());
    command.stderr(Stdio::null());
    if let Some(url) = url {
        command.env(URL, url);
    }
    let mut child = command.spawn().expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    while !lines.next().expect("a line").expect("text").contains("ready") {}
    tokio::time::sleep(after).await;
    let ended = child.try_wait().expect("asked").is_some();
    child.kill().expect("killed");
    child.wait().expect("ended");
    ended
}

async fn full_world() -> World {
    let world = World::sqlite().await;
    let sender = world.sender().await;
    for _ in 0..300 {
        let mut message = world.message(&["bob@one.example"]);
        message.body = vec![b'x'; 20_000];
        world.store.accept(world.accept(sender, message)).await.expect("accepted");
    }
    world
}

fn copy_keys(world: &World, folder: &Path, with_database: bool) {
    std::fs::create_dir_all(folder.join("data")).expect("a folder");
    let database = with_database.then_some("waxseal.db");
    for name in ["keys.db", "keys.epoch", "master.key"].into_iter().chain(database) {
        std::fs::copy(world.config.data_dir.join(name), folder.join("data").join(name)).expect("copied");
    }
}

#[tokio::test]
async fn a_kill_while_backups_are_made_leaves_whole_ones_alone() {
    let world = full_world().await;
    world.store.close().await;
    let folder = tempfile::tempdir().expect("a folder");
    copy_keys(&world, folder.path(), true);
    let chance = SeededRandom::new(3);
    for _ in 0..KILLS {
        killed(folder.path(), None, Duration::from_millis(chance.below(60))).await;
    }
    let found = backup::list(folder.path()).expect("listed");
    for backup in &found {
        let verified = backup::verify(&backup.path, &key().await).expect("whole");
        assert!(verified.totals.tables.iter().any(|table| table.table == "messages" && table.rows == 300));
    }
    backup::prune(folder.path(), world.now(), Duration::from_secs(86_400)).expect("pruned");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), found.len() + 1, "the backups and the data folder, nothing half: {left:?}");
}

#[tokio::test]
async fn a_kill_during_a_restore_leaves_all_of_it_or_nothing() {
    let world = full_world().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(BACKUP);
    world.store.back_up(&path, &key().await, about()).await.expect("made");
    world.store.close().await;
    let urls = [Some(None), cluster::database().await.map(Some)];
    for url in urls.into_iter().flatten() {
        let there = tempfile::tempdir().expect("a folder");
        std::fs::copy(&path, there.path().join(BACKUP)).expect("copied");
        copy_keys(&world, there.path(), false);
        let chance = SeededRandom::new(5);
        let config = config(there.path(), url.as_deref());
        for _ in 0..KILLS {
            if killed(there.path(), url.as_deref(), Duration::from_millis(chance.below(150))).await {
                break;
            }
        }
        let again = backup::restore(&path, &key().await, &config, world.random.clone()).await;
        assert!(matches!(again, Ok(_) | Err(BackupError::NotEmpty { .. })), "{again:?}");
        let restored = world.over(config).await;
        assert_eq!(restored.lease(1000).await.len(), 300, "all of it");
        let left: Vec<_> =
            std::fs::read_dir(&restored.config.data_dir).expect("the folder").flatten().collect();
        assert!(
            left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("restoring")),
            "{left:?}"
        );
        restored.end().await;
    }
}

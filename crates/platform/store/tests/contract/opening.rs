//! Opening: one process at a time, with the right master key, and files that only their owner reads.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use waxseal_store::{MasterKey, OpenError, Store, StoreConfig};

use crate::world::World;

async fn refused(world: &World, config: &StoreConfig) -> OpenError {
    let (clock, random) = (Arc::clone(&world.clock), Arc::clone(&world.random));
    match Store::open(config.clone(), clock, random).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_process_at_a_time() {
    let mut world = World::sqlite().await;
    let error = refused(&world, &world.config).await;
    assert!(matches!(&error, OpenError::InUse { path } if path.ends_with("waxseal.lock")), "{error}");
    world.reopen().await;
    world.store.ping().await.expect("alive");
}

#[tokio::test]
async fn another_master_key_is_refused_with_a_helpful_text() {
    let world = World::sqlite().await;
    world.store.close().await;
    let with = |key: &str| StoreConfig { master_key: MasterKey::Hex(key.into()), ..world.config.clone() };
    let error = refused(&world, &with(&"ab".repeat(32))).await;
    assert!(error.to_string().contains("not the one that keys.db was made with"), "{error}");
    let error = refused(&world, &with("abc")).await;
    assert!(error.to_string().contains("64 hex digits"), "{error}");
    let error = refused(&world, &with(&"ab".repeat(31))).await;
    assert!(error.to_string().contains("found 31"), "{error}");
    let MasterKey::File(path) = world.config.master_key.clone() else { panic!("a file") };
    let text = std::fs::read_to_string(&path).expect("the key");
    assert_eq!(text.trim().len(), 64);
    std::fs::remove_file(&path).expect("removed");
    let error = refused(&world, &world.config).await;
    assert!(error.to_string().contains("put the file back"), "{error}");
    assert!(!path.exists(), "no new key is made for an old keyring");
    // From the environment the same key does.
    let (clock, random) = (Arc::clone(&world.clock), Arc::clone(&world.random));
    let store = Store::open(with(text.trim()), clock, random).await.expect("opens");
    store.close().await;
}

#[tokio::test]
async fn without_its_keyring_nothing_opens_and_nothing_is_harmed() {
    let mut world = World::sqlite().await;
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example"]).await;
    world.store.close().await;
    let path = |name: &str| world.config.data_dir.join(name);
    let (keys, epoch) = (std::fs::read(path("keys.db")), std::fs::read(path("keys.epoch")));
    let (keys, epoch) = (keys.expect("keys"), epoch.expect("the epoch"));
    let refuse = async || {
        let error = refused(&world, &world.config).await.to_string();
        assert!(error.contains("keys.db is missing or empty") && error.contains("put it back"), "{error}");
    };
    std::fs::remove_file(path("keys.db")).expect("removed");
    refuse().await;
    assert_eq!(std::fs::read(path("keys.epoch")).expect("the epoch"), epoch, "it is as it was");
    std::fs::write(path("keys.db"), b"").expect("emptied");
    refuse().await;
    std::fs::remove_file(path("keys.epoch")).expect("removed");
    refuse().await;
    std::fs::remove_file(path("keys.db")).expect("removed");
    refuse().await;
    assert!(!path("keys.db").exists() && !path("keys.epoch").exists(), "no new keys for an old store");
    std::fs::write(path("keys.db"), keys).expect("put back");
    std::fs::write(path("keys.epoch"), epoch).expect("put back");
    world.reopen().await;
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let world = World::sqlite().await;
    world.send(world.sender().await, &["a@one.example"]).await;
    let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&world.config.data_dir), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&world.config.data_dir).expect("the folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "two databases, the lock, the master key");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let world = World::sqlite().await;
    let sender = world.sender().await;
    world.store.close().await;
    let accept = world.accept(sender, world.message(&["a@one.example"]));
    assert!(matches!(world.store.accept(accept).await, Err(waxseal_store::StoreError::Unavailable(_))));
    assert!(world.store.ping().await.is_err());
}

//! The keyring in a folder of its own: all of it there, of one instance, moved by the steps that the refusal tells.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use waxseal_store::{
    MasterKey, OpenError, Store, StoreConfig,
    backup::{self, RestoringKeys},
};
use waxseal_system::SystemRandom;

use crate::{
    backups::{backed_up, key},
    key_copies::copied,
    world::World,
};

const MOVED: [&str; 4] = ["keys.db", "keys.db-wal", "keys.db-shm", "keys.epoch"];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn of_keys(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with("keys.")).collect()
}

/// A folder on another file system than temporary ones, where the machine has one.
fn other_volume() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// This configuration with the keys in `folder/keys`.
fn apart(config: &StoreConfig, folder: &TempDir) -> (StoreConfig, PathBuf) {
    let keys = folder.path().join("keys");
    (StoreConfig { keys_dir: Some(keys.clone()), ..config.clone() }, keys)
}

async fn opened(world: &World, config: &StoreConfig) -> Result<Store, OpenError> {
    Store::open(config.clone(), world.clock.clone(), Arc::clone(&world.random)).await
}

async fn refused(world: &World, config: &StoreConfig) -> String {
    match opened(world, config).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

/// As `mv` does it between volumes.
fn moved(from: &Path, to: &Path, files: &[&str]) {
    fs::create_dir_all(to).expect("made");
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("closed to others");
    for name in files.iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name)).expect("copied");
        fs::remove_file(from.join(name)).expect("removed");
    }
}

/// A world whose keys lie apart from the beginning on.
async fn world_apart(folder: &TempDir) -> (World, PathBuf) {
    let mut world = World::sqlite().await;
    world.store.close().await;
    // Two of them are two instances: their secrets differ.
    world.random = Arc::new(SystemRandom);
    let data_dir = folder.path().join("data");
    let master_key = MasterKey::Hex("ab".repeat(32));
    let config = StoreConfig { data_dir, master_key, ..world.config.clone() };
    let (config, keys) = apart(&config, folder);
    (world.over(config).await, keys)
}

#[tokio::test]
async fn all_of_it_lies_in_its_folder_and_nothing_beside_the_database() {
    let folder = other_volume();
    let (mut world, keys) = world_apart(&folder).await;
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example"]).await;
    world.reopen().await;
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
    assert_eq!(of_keys(&world.config.data_dir), [""; 0]);
    for name in ["keys.db", "keys.epoch", "keys.reserve"] {
        assert!(keys.join(name).exists(), "{name} in {:?}", names(&keys));
    }
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    assert!(names(&keys).iter().all(|name| mode(&keys.join(name)) == 0o600), "{:?}", names(&keys));
}

#[tokio::test]
async fn a_folder_that_others_may_read_is_refused() {
    let folder = other_volume();
    let (world, keys) = world_apart(&folder).await;
    world.store.close().await;
    for mode in [0o750, 0o701, 0o755] {
        fs::set_permissions(&keys, fs::Permissions::from_mode(mode)).expect("changed");
        let error = refused(&world, &world.config).await;
        assert!(error.contains(&format!("chmod 700 {}", keys.display())), "{error}");
    }
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).expect("changed");
    opened(&world, &world.config).await.expect("opens").close().await;
}

pub(crate) async fn an_instance_moves_by_the_steps_that_are_told(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example"]).await;
    world.store.close().await;
    let (folder, data) = (other_volume(), world.config.data_dir.clone());
    let (config, keys) = apart(&world.config, &folder);

    let error = refused(&world, &config).await;
    assert!(
        error.contains("while the server is stopped, move keys.db, keys.db-wal, keys.db-shm, keys.epoch"),
        "{error}"
    );
    assert!(!keys.exists(), "no new keys, not even a folder for them");
    moved(&data, &keys, &["keys.db"]);
    let error = refused(&world, &config).await;
    assert!(error.contains("move the rest"), "half a move is none: {error}");
    moved(&data, &keys, &MOVED);

    let moved_to = world.over(config.clone()).await;
    assert!(moved_to.store.body(sender.account, id).await.expect("read").is_some());
    moved_to.store.close().await;
    assert_eq!(of_keys(&data), [""; 0], "the room for the ring has gone there, too");

    // Set back without moving back, nothing is made either.
    let error = refused(&world, &world.config).await;
    assert!(error.contains("`keys.folder`"), "{error}");
    assert_eq!(of_keys(&data), [""; 0]);
    moved(&keys, &data, &MOVED);
    let back = world.over(world.config.clone()).await;
    assert!(back.store.body(sender.account, id).await.expect("read").is_some());
    back.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn an_instance_moves_by_the_steps_that_are_told_on_sqlite() {
    an_instance_moves_by_the_steps_that_are_told(World::sqlite().await).await;
}

#[tokio::test]
async fn an_instance_moves_by_the_steps_that_are_told_on_postgres() {
    if let Some(world) = World::postgres().await {
        an_instance_moves_by_the_steps_that_are_told(world).await;
    }
}

#[tokio::test]
async fn where_the_volume_is_missing_no_new_keys_are_made() {
    let folder = other_volume();
    let (world, keys) = world_apart(&folder).await;
    world.store.close().await;
    // Nobody has an account yet, but the audit trail has its key.
    let away = folder.path().join("not-mounted");
    fs::rename(&keys, &away).expect("gone");
    let error = refused(&world, &world.config).await;
    assert!(error.contains("keys.db is missing or empty"), "{error}");
    assert_eq!(of_keys(&keys), [""; 0]);
    // Nor where the line is missing that names the folder.
    let forgetful = StoreConfig { keys_dir: None, ..world.config.clone() };
    let error = refused(&world, &forgetful).await;
    assert!(error.contains("`keys.folder`") && error.contains("backup keys-restore"), "{error}");
    assert_eq!(of_keys(&world.config.data_dir), [""; 0]);
    fs::remove_dir_all(&keys).expect("an empty place");
    fs::rename(&away, &keys).expect("mounted");
    opened(&world, &world.config).await.expect("opens").close().await;
}

#[tokio::test]
async fn keys_of_another_instance_are_refused_whether_it_runs_or_not() {
    let (one, two) = (other_volume(), other_volume());
    let (first, keys) = world_apart(&one).await;
    let (second, _) = world_apart(&two).await;
    second.store.close().await;
    let taken = |config: &StoreConfig| StoreConfig { keys_dir: Some(keys.clone()), ..config.clone() };
    let fresh = StoreConfig { data_dir: two.path().join("fresh"), ..second.config.clone() };
    for config in [&second.config, &fresh] {
        let error = refused(&second, &taken(config)).await;
        assert!(error.contains("in use by another"), "{error}");
    }
    first.store.close().await;
    for config in [&second.config, &fresh] {
        let error = refused(&second, &taken(config)).await;
        assert!(error.contains("of another instance"), "{error}");
    }
    opened(&first, &first.config).await.expect("its own").close().await;
    opened(&second, &second.config).await.expect("its own").close().await;
}

#[tokio::test]
async fn the_data_folder_by_another_name_is_the_data_folder() {
    let world = World::sqlite().await;
    let sender = world.sender().await;
    world.store.close().await;
    let data = world.config.data_dir.clone();
    let named = data.join("..").join(data.file_name().expect("a name"));
    let same = world.over(StoreConfig { keys_dir: Some(named), ..world.config.clone() }).await;
    same.send(sender, &["a@one.example"]).await;
    assert!(of_keys(&data).contains(&"keys.db".to_owned()));
}

#[tokio::test]
async fn copies_of_keys_and_backups_come_back_with_the_keys_apart() {
    let folder = other_volume();
    let (world, keys) = world_apart(&folder).await;
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example"]).await;
    let (backup, _, _backups) = backed_up(&world).await;
    let (copies, copy) = copied(&world).await;
    world.store.close().await;
    fs::remove_dir_all(&keys).expect("lost");
    fs::remove_dir_all(&world.config.data_dir).expect("lost");

    let random = || Arc::clone(&world.random);
    let without = backup::restore(&backup, &key().await, &world.config, random()).await;
    let error = without.expect_err("no keys").to_string();
    assert!(error.contains(&keys.join("keys.db").display().to_string()), "{error}");
    let begun = RestoringKeys::begin(&copy, copies.path(), &key().await, &world.config, random()).await;
    begun.expect("it opens").finish().await.expect("in its place");
    // The command opens the store now, with a database that is not there yet.
    opened(&world, &world.config).await.expect("opens").close().await;
    backup::restore(&backup, &key().await, &world.config, random()).await.expect("restored");
    let back = world.over(world.config.clone()).await;
    assert!(back.store.body(sender.account, id).await.expect("read").is_some());
    assert_eq!(of_keys(&world.config.data_dir), [""; 0]);
    back.store.close().await;
    assert_eq!(of_keys(&keys), ["keys.db", "keys.epoch", "keys.reserve"]);
}

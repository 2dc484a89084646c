//! A copy of the keys opens until something changes that it must not undo; restored, it is the ring as it was then, and
//! goes on where nothing else is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use waxseal_store::{
    Engine, MasterKey, StoreConfig,
    backup::{self, BackupError, RestoringKeys},
    erasure::{ErasureState, NewHold},
};

use crate::{
    backups::{backed_up, key, restore},
    erasing::{customer, erase, rows},
    world::{WORKER, World},
};

/// A folder of copies with one copy in it.
pub(crate) async fn copied(world: &World) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.keys");
    world.store.back_up_keys(folder.path(), &path, &key().await, "0.0.0".into(), None).await.expect("made");
    (folder, path)
}

/// A data folder with the master key and nothing else.
fn empty(world: &World) -> (StoreConfig, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let master = folder.path().join("master.key");
    std::fs::copy(world.config.data_dir.join("master.key"), &master).expect("the key");
    let data_dir = folder.path().to_owned();
    (
        StoreConfig { engine: Engine::Sqlite, data_dir, master_key: MasterKey::File(master), keys_dir: None },
        folder,
    )
}

async fn begin(
    world: &World,
    copies: &TempDir,
    path: &Path,
    config: &StoreConfig,
) -> Result<RestoringKeys, BackupError> {
    RestoringKeys::begin(path, copies.path(), &key().await, config, Arc::clone(&world.random)).await
}

pub(crate) async fn a_copy_opens_until_something_must_not_be_undone(world: World) {
    let sender = customer(&world).await;
    let other = customer(&world).await;
    let hold = || NewHold { account: other.account, recipient: None, reason: "a reason".into(), until: None };
    for change in 0..6 {
        let (copies, path) = copied(&world).await;
        let (config, _folder) = empty(&world);
        begin(&world, &copies, &path, &config).await.expect("it opens").give_up().await.expect("given up");
        assert!(!config.data_dir.join("keys.db").exists(), "nothing of it stays");
        match change {
            0 => drop(world.store.add_hold(hold()).await.expect("held")),
            1 => drop(
                world.store.ask_recipient_erasure(other.account, "bob@one.example").await.expect("asked"),
            ),
            2 => drop(world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked")),
            3 => assert!(world.store.take_back_erasure(sender.account).await.expect("taken back")),
            4 => drop(world.store.renew_epoch().await.expect("renewed")),
            _ => assert!(world.store.destroy_account_keys(sender.account).await.expect("destroyed") > 0),
        }
        let refused = begin(&world, &copies, &path, &config).await;
        assert!(matches!(refused, Err(BackupError::Useless { .. })), "change {change}");
        assert!(world.store.key_copies().await.expect("read").is_none());
    }
}

pub(crate) async fn copies_that_cannot_be_reached_are_remembered(world: World) {
    let sender = customer(&world).await;
    let (copies, path) = copied(&world).await;
    let away = tempfile::tempdir().expect("a folder");
    let (secret, moved) = (copies.path().join(backup::COPY_SECRET), away.path().join("secret"));
    std::fs::rename(&secret, &moved).expect("unplugged");
    world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    assert!(world.store.key_copies().await.expect("read").expect("some").overdue);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let other = elsewhere.path().join("two.keys");
    let made = world.store.back_up_keys(elsewhere.path(), &other, &key().await, "0.0.0".into(), None).await;
    assert!(matches!(made, Err(BackupError::Unreached { .. })), "earlier ones still open");
    std::fs::rename(&moved, &secret).expect("plugged in");
    assert!(world.store.retire_key_copies().await.expect("tried again"));
    let (config, _folder) = empty(&world);
    assert!(matches!(begin(&world, &copies, &path, &config).await, Err(BackupError::Useless { .. })));
}

pub(crate) async fn restored_keys_open_what_they_did_and_forget_no_erasure(world: World) {
    let (gone, stays) = (customer(&world).await, customer(&world).await);
    let message = world.send(stays, &["ann@one.example"]).await;
    let (path, _, _folder) = backed_up(&world).await;
    let (copies, copy) = copied(&world).await;
    let stolen = std::fs::read(copies.path().join(backup::COPY_SECRET)).expect("the secret");
    let asked = world.store.ask_account_erasure(gone.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    // Something that the copy does not know takes numbers, which are not given out again.
    let late = world.sender().await;
    world.send(late, &["late@one.example"]).await;
    let most = world.store.keys().await.expect("keys").iter().map(|key| key.number).max().expect("some");
    world.store.close().await;

    std::fs::write(copies.path().join(backup::COPY_SECRET), stolen).expect("put back");
    let (mut config, _keys) = empty(&world);
    let ring = begin(&world, &copies, &copy, &config).await.expect("it opens");
    assert_eq!(ring.accounts().await.expect("read").len(), 2);
    ring.erase_account(gone.account, world.now()).await.expect("erased again");
    ring.finish().await.expect("in its place");
    let left: Vec<_> = std::fs::read_dir(&config.data_dir).expect("the folder").flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("restoring")), "{left:?}");

    if let Some(url) = crate::cluster::database().await {
        config.engine = match &world.config.engine {
            Engine::Postgres(_) => Engine::Postgres(url),
            Engine::Sqlite => Engine::Sqlite,
        };
    }
    restore(&world, &path, &config).await.expect("the database from before");
    let restored = world.over(config).await;
    assert!(restored.store.keys_restored().await.expect("read"));
    let body = restored.store.body(stays.account, message).await.expect("read").expect("it is there");
    assert!(body.open(&WORKER).ends_with(b"the body\r\n"));
    let again =
        restored.store.account_erasure(gone.account).await.expect("read").expect("the journal has it");
    assert_eq!(again.state, ErasureState::Erasing);
    assert!(restored.store.closed_until_erased(gone.account).is_some(), "no door opens to it");
    assert_eq!(restored.store.account_pseudonym(gone.account).await.expect("read"), None, "no key of it");
    while restored.store.erase_batch(&again, 100).await.expect("a batch") > 0 {}
    restored.store.finish_erasure(&again, "{}".into()).await.expect("finished");
    assert_eq!(rows(&restored, gone).await.values().sum::<i64>(), 0);
    let next = restored.sender().await;
    restored.send(next, &["new@one.example"]).await;
    let keys = restored.store.keys().await.expect("keys");
    assert!(keys.iter().filter(|key| key.account == next.account).all(|key| key.number > most), "{keys:?}");
    restored.end().await;
}

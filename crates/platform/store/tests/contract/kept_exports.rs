//! Copies that customers asked for: kept for a time under two keys, and in no backup.

use std::{io::Write as _, path::PathBuf, time::Duration};

use waxseal_model::{AccountId, ExportId};
use waxseal_store::{
    Engine, StoreError,
    export::{ExportState, KeptExport},
    export_file::{ExportKey, ExportReader, ExportWriter},
};

use crate::{
    backups::{backed_up, restore},
    erasing::{customer, erase},
    world::World,
};

const MOST: u64 = 2;

/// A copy that is ready: its id, the key that was shown, its file.
async fn kept(world: &World, account: AccountId, hours: u64) -> (ExportId, ExportKey, PathBuf) {
    let id = ExportId::new(world.clock(), world.random());
    let mut export = KeptExport {
        id,
        account,
        kind: "account".into(),
        state: ExportState::Making,
        asked_at: world.now(),
        expires_at: world.now() + Duration::from_secs(hours * 3_600),
        bytes: 0,
        rows: 0,
        messages: 0,
    };
    let path = world.store.export_place(id).await.expect("a place");
    let shown = ExportKey::make(world.random());
    let key = world.store.kept_export_key(account, &shown).await.expect("a key");
    assert!(world.store.add_export(export.clone(), MOST).await.expect("noted"));
    let mut file = ExportWriter::begin(&path, &key, world.random()).expect("begun");
    file.write_all(b"what is kept").expect("written");
    export.bytes = file.finish().expect("finished");
    export.state = ExportState::Ready;
    world.store.end_export(export).await.expect("ended");
    (id, shown, path)
}

pub(crate) async fn a_copy_opens_with_the_key_that_was_shown_until_it_is_over(world: World) {
    let (mine, other) = (world.sender().await.account, world.sender().await.account);
    let (id, shown, path) = kept(&world, mine, 1).await;
    world.clock.advance(Duration::from_secs(1));
    let (later, _, second) = kept(&world, mine, 2).await;
    let (theirs, ..) = kept(&world, other, 1).await;
    assert!(world.store.open_export(mine, id, &shown).await.expect("asked").is_some());
    let wrong = ExportKey::make(world.random());
    assert!(world.store.open_export(mine, id, &wrong).await.expect("asked").is_none());
    assert!(
        world.store.open_export(other, id, &shown).await.expect("asked").is_none(),
        "under another account"
    );
    assert!(ExportReader::open(&path, &shown).is_err(), "neither key opens it alone");
    let seen = world.store.export(other, id).await.expect("read");
    assert!(seen.is_none() && world.store.export(other, theirs).await.expect("read").is_some());
    let mut more = world.store.exports(mine).await.expect("listed").remove(0);
    assert_eq!((more.id, more.state), (later, ExportState::Ready), "newest first");
    more.id = ExportId::new(world.clock(), world.random());
    assert!(!world.store.add_export(more, MOST).await.expect("asked"), "as many as may be");

    world.clock.advance(Duration::from_secs(3_601));
    assert_eq!(world.store.purge_exports(world.now(), 1).await.expect("purged"), 1);
    assert_eq!(world.store.purge_exports(world.now(), 9).await.expect("purged"), 1);
    assert_eq!(world.store.purge_exports(world.now(), 9).await.expect("purged"), 0);
    assert!(!path.exists() && second.exists());
    assert!(!world.store.delete_export(other, later).await.expect("asked"), "not theirs");
    assert!(
        second.exists() && world.store.delete_export(mine, later).await.expect("asked") && !second.exists()
    );
}

pub(crate) async fn an_erased_accounts_copies_go_and_none_that_was_put_aside_opens(world: World) {
    let (mine, other) = (customer(&world).await, customer(&world).await);
    let (id, shown, path) = kept(&world, mine.account, 1).await;
    let (_, _, theirs) = kept(&world, other.account, 1).await;
    let aside = std::fs::read(&path).expect("read");
    let asked = world.store.ask_account_erasure(mine.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    assert!(!path.exists() && theirs.exists());
    std::fs::write(&path, aside).expect("put back");
    let opened = world.store.open_export(mine.account, id, &shown).await;
    assert!(matches!(opened, Err(StoreError::Erased)));
    world.store.settle_exports().await.expect("settled");
    assert!(!path.exists() && theirs.exists(), "a file that belongs to nobody goes");
}

pub(crate) async fn a_backup_holds_no_copies(world: World) {
    let account = world.sender().await.account;
    let (id, shown, path) = kept(&world, account, 1).await;
    let (backup, _, _folder) = backed_up(&world).await;
    let (config, _keys) = world.elsewhere(Engine::Sqlite).await;
    restore(&world, &backup, &config).await.expect("restored");
    let restored = world.over(config).await;
    let found = restored.store.export(account, id).await.expect("read").expect("it is told of");
    assert_eq!(found.state, ExportState::Failed, "and not there");
    assert!(restored.store.open_export(account, id, &shown).await.expect("asked").is_none() && path.exists());
    restored.end().await;
}

//! A backup is everything of one moment, sealed; restored it is what it was, without what was erased since.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use waxseal_store::{
    Engine, MasterKey, StoreConfig,
    backup::{self, About, BackupError, BackupKey, TableTotal, Totals},
    event_log::EventQuery,
};

use crate::{
    cluster,
    erasing::{customer, erase, rows},
    world::{Sender, World},
};

const KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";

pub(crate) async fn key() -> BackupKey {
    BackupKey::load(&MasterKey::Hex(KEY.into()), None).await.expect("a key")
}

pub(crate) fn about() -> About {
    About { version: "0.0.0".into(), audit: None }
}

/// A backup of the world in a folder of its own.
pub(crate) async fn backed_up(world: &World) -> (PathBuf, Totals, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.backup");
    let made = world.store.back_up(&path, &key().await, about()).await.expect("made");
    let verified = backup::verify(&path, &key().await).expect("whole");
    assert_eq!((&verified.header, &verified.totals), (&made.header, &made.totals));
    assert_eq!(verified.bytes, made.bytes);
    (path, made.totals, folder)
}

pub(crate) async fn restore(world: &World, path: &Path, config: &StoreConfig) -> Result<Totals, BackupError> {
    let random = Arc::clone(&world.random);
    backup::restore(path, &key().await, config, random).await.map(|restored| restored.totals)
}

/// An empty database of each engine that there is.
async fn engines() -> Vec<Engine> {
    let postgres = cluster::database().await.map(Engine::Postgres);
    std::iter::once(Engine::Sqlite).chain(postgres).collect()
}

fn people(totals: &Totals) -> Vec<TableTotal> {
    let own = |total: &&TableTotal| total.table != "instance_notes";
    totals.tables.iter().filter(own).cloned().collect()
}

pub(crate) async fn a_backup_restores_to_the_same_rows_on_either_engine(world: World) {
    let sender = customer(&world).await;
    let message = world.send(sender, &["ann@one.example"]).await;
    let (path, totals, _folder) = backed_up(&world).await;
    assert!(totals.tables.iter().filter(|table| table.rows > 0).count() >= 9, "{totals:?}");
    for engine in engines().await {
        let (config, _keys) = world.elsewhere(engine).await;
        assert_eq!(restore(&world, &path, &config).await.expect("restored"), totals);
        let restored = world.over(config).await;
        assert_eq!(restored.store.restored().await.expect("read"), Some(totals.rows()));
        restored.store.forget_restored().await.expect("seen to");
        let (_, again, _other) = backed_up(&restored).await;
        assert_eq!(people(&again), people(&totals), "every row as it was");
        let body = restored.store.body(sender.account, message).await.expect("read").expect("it is there");
        assert!(body.open(&crate::world::WORKER).ends_with(b"the body\r\n"));
        assert_eq!(restored.lease(100).await.len(), 4);
        restored.end().await;
    }
}

pub(crate) async fn a_backup_is_of_one_moment_while_mail_comes_in(world: World) {
    let sender = world.sender().await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sending = {
        let (world, stop, acknowledged) = (world.clone(), stop.clone(), acknowledged.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                world.send(sender, &["bob@one.example"]).await;
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let mut last = 0;
    for _ in 0..5 {
        let before = loop {
            let count = acknowledged.load(Ordering::SeqCst);
            if count > last + 5 {
                break count;
            }
            tokio::task::yield_now().await;
        };
        let (_, totals, _folder) = backed_up(&world).await;
        let of =
            |name: &str| totals.tables.iter().find(|table| table.table == name).map_or(0, |table| table.rows);
        last = of("messages");
        assert!(last >= before, "{before} were acknowledged, {last} are in it");
        assert_eq!((of("bodies"), of("queue_entries"), of("events")), (last, last, last), "one moment");
    }
    stop.store(true, Ordering::SeqCst);
    sending.await.expect("it ended");
}

pub(crate) async fn what_was_erased_since_is_gone_before_anybody_comes_in(world: World) {
    let (gone, stays) = (customer(&world).await, customer(&world).await);
    let (path, _, _folder) = backed_up(&world).await;
    let asked = world.store.ask_account_erasure(gone.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    let asked = world.store.ask_recipient_erasure(stays.account, "bob@one.example").await.expect("asked");
    erase(&world, &asked).await;
    let after = rows(&world, stays).await;
    for engine in engines().await {
        let sqlite = engine == Engine::Sqlite;
        let (config, folder) = world.elsewhere(engine).await;
        restore(&world, &path, &config).await.expect("restored");
        let names = |folder: &Path| {
            let id = gone.account.to_bytes();
            let paths =
                std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
            paths.filter(|path| holds(path, &id)).collect::<Vec<_>>()
        };
        assert_eq!(sqlite, names(folder.path()) == [folder.path().join("waxseal.db")], "the search finds it");
        let restored = world.over(config).await;
        assert_eq!(rows(&restored, gone).await, BTreeMap::new());
        assert_eq!(rows(&restored, stays).await, after, "the recipient went again, and nothing else");
        assert!(restored.store.keys().await.expect("keys").iter().all(|key| key.account != gone.account));
        restored.end().await;
        assert_eq!(names(folder.path()), Vec::<PathBuf>::new());
    }
}

fn holds(path: &Path, needle: &[u8]) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(needle.len()).any(|part| part == needle)
}

pub(crate) async fn nothing_is_restored_over_something(world: World) {
    let sender = customer(&world).await;
    let (path, _, folder) = backed_up(&world).await;
    let twice = world.store.back_up(&path, &key().await, about()).await.expect_err("there is one");
    assert!(twice.to_string().contains("there is a file of this name already"), "{twice}");
    world.send(sender, &["ann@one.example"]).await;
    let count = rows(&world, sender).await;
    let used = restore(&world, &path, &world.config).await.expect_err("in use");
    assert!(used.to_string().contains("in use by another waxseal process"), "{used}");
    world.store.close().await;
    let full = restore(&world, &path, &world.config).await.expect_err("not empty");
    assert!(full.to_string().contains("is not empty"), "{full}");
    let again = world.over(world.config.clone()).await;
    assert_eq!(rows(&again, sender).await, count, "nothing was touched");
    again.store.close().await;
    let data_dir = folder.path().join("without-keys");
    let master_key = MasterKey::File(data_dir.join("master.key"));
    let config = StoreConfig { data_dir, master_key, engine: Engine::Sqlite, keys_dir: None };
    let keyless = restore(&world, &path, &config).await.expect_err("no keys");
    assert!(keyless.to_string().contains("a backup holds no keys"), "{keyless}");
}

pub(crate) async fn what_is_not_whole_or_not_ours_is_refused(world: World) {
    for _ in 0..30 {
        customer(&world).await;
    }
    let (path, _, folder) = backed_up(&world).await;
    let whole = std::fs::read(&path).expect("read");
    let other = BackupKey::load(&MasterKey::Hex("00".repeat(32)), None).await.expect("a key");
    let (config, _keys) = world.elsewhere(Engine::Sqlite).await;
    let damaged = folder.path().join("damaged.backup");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    let cases: [(&[u8], &str); 5] = [
        (&changed, "is damaged or cut off after"),
        (&whole[..whole.len() - 1], "is damaged or cut off after"),
        (&whole[..70_000.min(whole.len() / 2)], "is damaged or cut off after"),
        (&whole[..20], "is not a backup"),
        (
            b"something else altogether, and long enough to be read as a head of a sealed file",
            "is not a backup",
        ),
    ];
    for (bytes, says) in cases {
        std::fs::write(&damaged, bytes).expect("written");
        for error in [
            backup::verify(&damaged, &key().await).expect_err("refused"),
            restore(&world, &damaged, &config).await.expect_err("refused"),
        ] {
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    let wrong = backup::verify(&path, &other).expect_err("refused");
    assert!(wrong.to_string().contains("was sealed under another backup key"), "{wrong}");
    assert!(!config.data_dir.join("waxseal.db").exists(), "nothing was begun");

    let stranger = World::sqlite().await;
    customer(&stranger).await;
    let (foreign, _, _there) = backed_up(&stranger).await;
    let error = restore(&world, &foreign, &config).await.expect_err("another instance");
    assert!(error.to_string().contains("is a backup of another instance"), "{error}");
    stranger.end().await;
}

pub(crate) async fn numbers_go_on_after_a_restore(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["ann@one.example"]).await;
    world.send(sender, &["ann@one.example"]).await;
    let last = seqs(&world, sender).await.into_iter().max().expect("events");
    world.clock.advance(Duration::from_secs(60));
    world.store.purge_events(world.now(), 100).await.expect("purged");
    let (path, totals, _folder) = backed_up(&world).await;
    assert_eq!(totals.counters["events"].to_string(), last.to_string(), "although no event is left");
    for engine in engines().await {
        let (config, _keys) = world.elsewhere(engine).await;
        restore(&world, &path, &config).await.expect("restored");
        let restored = world.over(config).await;
        restored.send(sender, &["ann@one.example"]).await;
        assert!(seqs(&restored, sender).await.into_iter().all(|seq| seq > last), "no number twice");
        restored.end().await;
    }
}

async fn seqs(world: &World, sender: Sender) -> Vec<u64> {
    let query = EventQuery {
        account: sender.account,
        domain: None,
        from: None,
        until: None,
        beyond: None,
        after_seq: None,
        until_seq: None,
        ascending: true,
        kinds: Vec::new(),
        ending: false,
        recipient: None,
        header_message_id: None,
        limit: 100,
    };
    let found = world.store.events(&query).await.expect("read");
    found.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn old_backups_go_and_others_stay() {
    let world = World::sqlite().await;
    customer(&world).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = Vec::new();
    for _ in 0..3 {
        let path = folder.path().join(backup::name_at(world.now()));
        world.store.back_up(&path, &key().await, about()).await.expect("made");
        made.push(path);
        world.clock.advance(Duration::from_secs(86_400));
    }
    let listed = backup::list(folder.path()).expect("listed");
    assert_eq!(listed.iter().map(|found| &found.path).collect::<Vec<_>>(), made.iter().collect::<Vec<_>>());
    for name in ["notes.txt", "foreign.backup", ".left.backup.partial"] {
        std::fs::write(folder.path().join(name), b"something else").expect("written");
    }
    let keep = Duration::from_secs(2 * 86_400);
    let mut gone = backup::prune(folder.path(), world.now(), keep).expect("pruned");
    gone.sort();
    assert_eq!(gone, [folder.path().join(".left.backup.partial"), made[0].clone(), made[1].clone()]);
    assert!(made[2].exists() && folder.path().join("notes.txt").exists());
    assert!(folder.path().join("foreign.backup").exists(), "what is no backup is not ours to delete");
    assert!(backup::prune(folder.path(), world.now(), keep).expect("pruned").is_empty());
    world.store.close().await;
}

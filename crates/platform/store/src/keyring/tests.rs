//! The ring's epochs: what is destroyed stays so whoever kept a copy, and a renewal may stop anywhere.

use std::time::Instant;

use tempfile::TempDir;
use waxseal_model::SeededRandom;

use super::*;
use crate::seal::{Place, derived};

const ACCOUNT: AccountId = AccountId::from_u128(7);
const OTHER: AccountId = AccountId::from_u128(8);

fn random() -> Arc<dyn Random> {
    Arc::new(waxseal_system::SystemRandom)
}

fn master() -> MasterKey {
    MasterKey::Hex("5a".repeat(32))
}

async fn open(folder: &Path) -> Keyring {
    Keyring::open(folder, &master(), random()).await.expect("a ring")
}

fn place() -> Place<'static> {
    Place { table: "bodies", column: "mime", account: ACCOUNT, row: &[1] }
}

async fn sealed(ring: &Keyring, day: Day) -> Vec<u8> {
    let key = ring.content_key(ACCOUNT, day).await.expect("a key");
    key.seal(ring.random.as_ref(), place(), b"a secret").expect("sealed")
}

async fn opens(ring: &Keyring, sealed: &[u8]) -> bool {
    let number = crate::seal::key_number(place(), sealed).expect("a number");
    match ring.by_number(number).await {
        Ok(key) => key.open(place(), sealed).is_ok(),
        Err(StoreError::Erased) => false,
        Err(error) => panic!("{error:?}"),
    }
}

fn copy(from: &Path, names: &[&str]) -> TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for name in names {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.path().join(name)).expect("copied");
        }
    }
    to
}

const KEYS: [&str; 3] = ["keys.db", "keys.db-wal", "keys.db-shm"];

#[tokio::test]
async fn a_copy_of_the_keys_from_before_opens_nothing_once_its_epoch_is_destroyed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = open(folder.path()).await;
    let secret = sealed(&ring, Day(1)).await;
    let kept = sealed(&ring, Day(2)).await;
    let before = copy(folder.path(), &KEYS);
    let with_epoch = copy(folder.path(), &[KEYS[0], KEYS[1], KEYS[2], "keys.epoch"]);
    let name = KeyName { class: KeyClass::Content, account: ACCOUNT, day: Day(1) };
    assert_eq!(ring.destroy(&[name]).await.expect("destroyed"), 1);
    assert!(ring.renew_if_due().await.expect("renewed").is_some());
    assert!(ring.renew_if_due().await.expect("renewed").is_none(), "once for each destruction");
    assert!(!opens(&ring, &secret).await && opens(&ring, &kept).await);
    ring.close().await;
    // The old keys.db beside today's keys.epoch, with the same master key.
    std::fs::copy(folder.path().join("keys.epoch"), before.path().join("keys.epoch")).expect("copied");
    let Err(error) = Keyring::open(before.path(), &master(), random()).await else { panic!("it opened") };
    assert!(error.to_string().contains("cannot be read again"), "{error}");
    // Without it there is nothing to begin with.
    std::fs::remove_file(before.path().join("keys.epoch")).expect("removed");
    let Err(error) = Keyring::open(before.path(), &master(), random()).await else { panic!("it opened") };
    assert!(error.to_string().contains("put it back"), "{error}");
    // What remains possible, and the documentation says so: whoever copied both files and has the master key.
    let ring = open(with_epoch.path()).await;
    assert!(opens(&ring, &secret).await);
    ring.close().await;
    let ring = open(folder.path()).await;
    assert!(!opens(&ring, &secret).await && opens(&ring, &kept).await);
}

#[tokio::test]
async fn no_byte_of_an_old_epoch_is_left_in_any_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = open(folder.path()).await;
    sealed(&ring, Day(1)).await;
    let old = std::fs::read(folder.path().join("keys.epoch")).expect("the file");
    let wrapped: Vec<u8> = old.iter().copied().skip(16).take(wrapping::WRAPPED).collect();
    let old_key = ring_key::Entity::find().one(&ring.db).await.expect("read").expect("a key").wrapped;
    ring.renew().await.expect("renewed");
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        for gone in [&wrapped, &old_key] {
            assert!(!bytes.windows(16).any(|window| gone.windows(16).any(|part| part == window)));
        }
    }
}

#[tokio::test]
async fn a_renewal_that_stops_anywhere_is_finished_at_the_next_start() {
    for stop_after in 0..4 {
        let folder = tempfile::tempdir().expect("a folder");
        let ring = open(folder.path()).await;
        let (secret, kept) = (sealed(&ring, Day(1)).await, sealed(&ring, Day(2)).await);
        let name = KeyName { class: KeyClass::Content, account: ACCOUNT, day: Day(1) };
        ring.destroy(&[name]).await.expect("destroyed");
        {
            let mut epochs = ring.file.lock().await;
            ring.live(&mut epochs).await.expect("live");
            let (slots, old) = epochs.parts();
            if stop_after > 0 {
                let next = ring.prepare(slots, old.as_ref()).expect("written");
                if stop_after > 1 {
                    ring.rewrap(slots, old.as_ref(), &next).await.expect("wrapped anew");
                }
                if stop_after > 2 {
                    // Half overwritten.
                    let path = folder.path().join("keys.epoch");
                    let mut bytes = std::fs::read(&path).expect("the file");
                    bytes.iter_mut().take(40).for_each(|byte| *byte = 0xA5);
                    std::fs::write(&path, bytes).expect("written");
                }
            }
        }
        // As a process that was killed: nothing is closed or finished.
        let after = copy(folder.path(), &[KEYS[0], KEYS[1], "keys.epoch"]);
        let again = open(after.path()).await;
        assert!(!opens(&again, &secret).await && opens(&again, &kept).await, "stopped after {stop_after}");
        let file = std::fs::read(after.path().join("keys.epoch")).expect("the file");
        let empty = file.chunks(4096).filter(|block| block.iter().all(|byte| *byte == 0)).count();
        assert_eq!(empty, 1, "one epoch is left after step {stop_after}");
        let mut epochs = again.file.lock().await;
        let live = again.live(&mut epochs).await.expect("live").number;
        assert_eq!(live, 2, "the renewal that was due took place");
    }
}

#[tokio::test]
async fn a_ring_from_before_there_were_epochs_keeps_its_keys_and_hashes() {
    let folder = tempfile::tempdir().expect("a folder");
    let ring = open(folder.path()).await;
    let account_key = [9u8; 32];
    let name = KeyName { class: KeyClass::Account, account: ACCOUNT, day: Day(0) };
    let transaction = ring.begin().await.expect("begun");
    let under = (0, ring.master.wrapping());
    let row = insert(&transaction, name, &account_key, under, ring.random.as_ref()).await.expect("a key");
    ring_mark::Entity::delete_by_id("epoch").exec(&transaction).await.expect("as it was");
    transaction.commit().await.expect("written");
    ring.close().await;
    std::fs::remove_file(folder.path().join("keys.epoch")).expect("as it was");
    let old = DataKey::new(row.id, &account_key).expect("a key");
    let secret = old.seal(&SeededRandom::new(1), place(), b"a secret").expect("sealed");
    let hash = Pepper::new(&derived(&account_key)).hash(b"address", b"a@b.example");
    let ring = open(folder.path()).await;
    assert!(opens(&ring, &secret).await);
    let pepper = ring.pepper(ACCOUNT).await.expect("a pepper");
    assert_eq!(pepper.hash(b"address", b"a@b.example"), hash);
    assert!(ring.keys().await.expect("keys").iter().all(|key| key.epoch == 1));
    // A new account's pepper is its own.
    assert_ne!(ring.pepper(OTHER).await.expect("a pepper").hash(b"address", b"a@b.example"), hash);
}

#[tokio::test]
async fn many_keys_are_wrapped_anew_quickly() {
    const KEYS: i32 = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let folder = tempfile::tempdir().expect("a folder");
    let ring = open(folder.path()).await;
    {
        let mut epochs = ring.file.lock().await;
        let live = ring.live(&mut epochs).await.expect("live");
        let transaction = ring.begin().await.expect("begun");
        for day in 0..KEYS {
            let account = if day % 2 == 0 { ACCOUNT } else { OTHER };
            let name = KeyName { class: KeyClass::Event, account, day: Day(day) };
            insert(&transaction, name, &[1; 32], (live.number, &live.wrapping), ring.random.as_ref())
                .await
                .expect("a key");
        }
        transaction.commit().await.expect("written");
    }
    #[expect(clippy::disallowed_methods, reason = "the machine's time is what is measured")]
    let start = Instant::now();
    let renewal = ring.renew().await.expect("renewed");
    assert_eq!(renewal.keys, KEYS as u64);
    let renewed = start.elapsed();
    assert_eq!(ring.destroy_account(ACCOUNT).await.expect("destroyed"), KEYS as u64 / 2);
    let destroyed = start.elapsed() - renewed;
    // The bar is a second for a hundred thousand; a busy machine gets some more.
    assert!(renewed.as_secs() < 5 && destroyed.as_secs() < 5, "{renewed:?}, {destroyed:?}");
    use std::io::Write as _;
    let mut out = std::io::stdout();
    writeln!(out, "{KEYS} keys: renewed in {renewed:?}, half destroyed in {destroyed:?}").expect("told");
}

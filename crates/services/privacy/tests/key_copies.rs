//! Copies of the keys live for days at most: made by the clock, made anew when those before are useless, and gone in time.
#![expect(clippy::disallowed_methods, reason = "a test that looks into the folder")]

use std::{sync::Arc, time::Duration};

use waxseal_model::{AccountId, Clock, ManualClock, Random, SeededRandom, Timestamp};
use waxseal_privacy::{
    KeyCopies, KeyCopiesConfig,
    audit::{AuditActor, AuditConfig, AuditLog, Operator, Query},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    backup,
};

const DAY: Duration = Duration::from_secs(86_400);

struct World {
    folder: tempfile::TempDir,
    store: Store,
    audit: AuditLog,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    copies: KeyCopies,
}

impl World {
    async fn new(every: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(5));
        let data_dir = folder.path().join("data");
        let master_key = MasterKey::File(data_dir.join("master.key"));
        let config =
            StoreConfig { engine: Engine::Sqlite, data_dir: data_dir.clone(), master_key, keys_dir: None };
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("a store");
        let trail = AuditConfig::in_folder(&data_dir);
        let audit = AuditLog::open(store.clone(), clock.clone(), trail).await.expect("a trail");
        let config = KeyCopiesConfig {
            folder: folder.path().join("copies"),
            key: MasterKey::Hex("5e".repeat(32)),
            keep: 3 * DAY,
            every,
            version: "0.0.0".into(),
        };
        let copies = KeyCopies::new(store.clone(), audit.clone(), clock.clone(), random.clone(), config);
        Self { folder, store, audit, clock, random, copies }
    }

    async fn account(&self) -> AccountId {
        let id = AccountId::new(self.clock.as_ref(), self.random.as_ref());
        let profile = AccountProfile { name: "N".into(), email: "e@one.example".into(), company: None };
        let created_at = self.clock.now();
        let mut secret_hash = [0; 32];
        self.random.fill(&mut secret_hash);
        let key = NewApiKey {
            id: waxseal_model::KeyId::new(self.clock.as_ref(), self.random.as_ref()),
            account: id,
            secret_hash,
            scope: KeyScope::Account,
            label: String::new(),
            created_at,
        };
        let account = NewAccount { id, profile, created_at };
        self.store.create_account(account, key).await.expect("an account");
        id
    }

    /// Names of the copies that lie in the folder.
    fn there(&self) -> Vec<String> {
        let found = backup::list_key_copies(&self.folder.path().join("copies")).expect("listed");
        found
            .iter()
            .map(|copy| copy.path.file_name().expect("a name").to_string_lossy().into_owned())
            .collect()
    }

    /// Whether a copy opens: its secret stands where it was written.
    fn opens(&self) -> bool {
        let secret =
            std::fs::read(self.folder.path().join("copies").join(backup::COPY_SECRET)).expect("there");
        secret.iter().any(|byte| *byte != 0)
    }
}

#[tokio::test]
async fn a_copy_is_useless_and_gone_when_its_days_are_over() {
    let world = World::new(None).await;
    world.account().await;
    world.copies.create(AuditActor::Operator(Operator::Owner), None, false).await.expect("made");
    let elsewhere = world.folder.path().join("elsewhere.keys");
    world.copies.create(AuditActor::Operator(Operator::Owner), Some(elsewhere), false).await.expect("made");
    world.clock.advance(3 * DAY - Duration::from_secs(1));
    world.copies.round().await.expect("a round");
    assert!(world.opens() && world.there().len() == 1, "a little before");
    world.clock.advance(Duration::from_secs(1));
    world.copies.round().await.expect("a round");
    assert!(!world.opens(), "wherever copies were taken");
    assert_eq!(world.there(), [""; 0]);
    let entries = world.audit.entries(Query::default()).await.expect("read");
    let count = |what: &str| entries.iter().filter(|entry| entry.what == what).count();
    assert_eq!((count("keys_backed_up"), count("keys_pruned")), (2, 1));
}

#[tokio::test]
async fn the_clock_makes_copies_and_a_new_one_when_those_before_are_useless() {
    let world = World::new(Some(Duration::from_secs(3_600))).await;
    let account = world.account().await;
    world.copies.round().await.expect("a round");
    let first = world.there();
    assert!(first.len() == 1 && world.opens());
    world.clock.advance(Duration::from_secs(1_800));
    world.copies.round().await.expect("a round");
    assert_eq!(world.there(), first, "it is young enough");
    world.clock.advance(Duration::from_secs(1_800));
    world.copies.round().await.expect("a round");
    let second = world.there();
    assert!(second.len() == 1 && second != first, "it takes the place of the one before");

    world.store.ask_account_erasure(account, world.clock.now() + DAY).await.expect("asked");
    assert!(!world.opens(), "at once, before anybody made another");
    world.clock.advance(Duration::from_secs(60));
    world.copies.round().await.expect("a round");
    let third = world.there();
    assert!(third.len() == 1 && third != second && world.opens());
}

//! A store in a temporary folder with a hand-moved clock and an account.

use std::sync::Arc;

use waxseal_accounts::Accounts;
use waxseal_model::{AccountId, DomainId, ManualClock, SeededRandom, Timestamp};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    domain::{DomainKind, DomainSettings, DomainState, NewDomain},
};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) accounts: Accounts,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let (clock, random) = (Arc::new(ManualClock::at(NOW)), Arc::new(SeededRandom::new(11)));
        let config = StoreConfig {
            engine: Engine::Sqlite,
            data_dir: folder.path().to_owned(),
            master_key: MasterKey::Hex("07".repeat(32)),
            keys_dir: None,
        };
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("store");
        let accounts = Accounts::new(store.clone(), clock.clone(), random.clone());
        Self { store, clock, random, accounts, _folder: folder }
    }

    /// As another process would see the same data: nothing of the first one's memory.
    pub(crate) fn another_process(&self) -> Accounts {
        Accounts::new(self.store.clone(), self.clock.clone(), self.random.clone())
    }

    pub(crate) async fn account(&self) -> AccountId {
        self.accounts.create("Ada", "ada@example.org", None).await.expect("account").id
    }

    pub(crate) async fn domain(&self, account: AccountId, name: &str) -> DomainId {
        let id = DomainId::new(&*self.clock, &*self.random);
        let domain = NewDomain {
            id,
            account,
            name: name.into(),
            kind: DomainKind::Custom,
            state: DomainState::Active,
            settings: DomainSettings {
                require_tls: false,
                skip_verification: false,
                message_ttl_secs: 0,
                ..DomainSettings::default()
            },
            return_path_key: vec![1; 32],
            created_at: NOW,
            dkim_keys: Vec::new(),
            tend_at: None,
        };
        self.store.create_domain(domain).await.expect("domain");
        id
    }
}

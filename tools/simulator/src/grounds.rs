//! A data folder that is ready: with its schema, its keys, accounts and sending domains. Made once, copied for each seed.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use waxseal_model::{AccountId, Clock, DomainId, KeyId, ManualClock, Random as _, SeededRandom, Timestamp};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    domain::{DomainKind, DomainSettings, DomainState, NewDomain},
};

/// Accounts that there are.
pub(crate) const ACCOUNTS: usize = 3;

/// See [`self`].
pub(crate) struct Grounds {
    folder: TempDir,
    /// Each with its sending domain.
    pub(crate) accounts: Vec<(AccountId, DomainId)>,
}

/// How a store lies in a folder.
pub(crate) fn config(folder: &Path) -> StoreConfig {
    StoreConfig {
        engine: Engine::Sqlite,
        master_key: MasterKey::File(folder.join("master.key")),
        data_dir: folder.to_path_buf(),
        keys_dir: None,
    }
}

/// A new empty folder: in memory, if the system has a place for that.
pub(crate) fn folder() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.context("a folder")
}

impl Grounds {
    /// Makes them.
    pub(crate) async fn make() -> Result<Self> {
        let folder = folder()?;
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_000_000 - 60)));
        let random = Arc::new(SeededRandom::new(4));
        let store = Store::open(config(folder.path()), clock.clone(), random.clone()).await?;
        let mut accounts = Vec::new();
        for number in 0..ACCOUNTS {
            let account = AccountId::new(&*clock, &*random);
            let mut secret_hash = [0; 32];
            random.fill(&mut secret_hash);
            let profile = AccountProfile { name: "Ada".into(), email: "ada@ours.test".into(), company: None };
            let key = NewApiKey {
                id: KeyId::new(&*clock, &*random),
                account,
                scope: KeyScope::Account,
                secret_hash,
                label: "key".into(),
                created_at: clock.now(),
            };
            store.create_account(NewAccount { id: account, created_at: clock.now(), profile }, key).await?;
            let domain = DomainId::new(&*clock, &*random);
            let settings = DomainSettings {
                require_tls: false,
                skip_verification: false,
                message_ttl_secs: 0,
                ..DomainSettings::default()
            };
            let new = NewDomain {
                id: domain,
                account,
                name: format!("ours{number}.test"),
                kind: DomainKind::Custom,
                state: DomainState::Active,
                settings,
                return_path_key: vec![9; 32],
                created_at: clock.now(),
                dkim_keys: Vec::new(),
                tend_at: None,
            };
            store.create_domain(new).await?;
            accounts.push((account, domain));
        }
        store.close().await;
        Ok(Self { folder, accounts })
    }

    /// A copy of them.
    pub(crate) fn copy(&self) -> Result<TempDir> {
        copy(self.folder.path())
    }
}

/// A copy of a folder as it is now.
pub(crate) fn copy(from: &Path) -> Result<TempDir> {
    let to = folder()?;
    copy_into(from, to.path())?;
    Ok(to)
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&place)?;
            copy_into(&entry.path(), &place)?;
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            // What processes share of a database in memory goes with them.
            std::fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}

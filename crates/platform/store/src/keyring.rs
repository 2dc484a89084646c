//! The keyring: every data key, wrapped under the master key, in a file of its own (`keys.db`).
//!
//! An account has one key for what lives as long as it does, and for each UTC day a content key and an
//! event key. Destroying a key makes everything sealed under it unreadable, wherever copies are.
//!
//! **Invariant:** a key is on stable storage before anything sealed under it is.

mod cache;
mod destroy;
#[expect(unreachable_pub, reason = "SeaORM derives want and write `pub` items")]
mod entity;
mod file;
mod master;

use std::{path::Path, sync::Arc};

use aws_lc_rs::hmac;
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, Set,
    TransactionTrait,
};
use tokio::sync::Mutex;
use waxseal_model::{AccountId, Random, time::Day};
use zeroize::Zeroizing;

use crate::{
    entity::class::Classified,
    error::{OpenError, StoreError},
    open::MasterKey,
    retention::ClassifiedColumn,
    rows::RowId,
    seal::{DataKey, keyed_hash},
};

use cache::Cache;
use entity::{ring_grave, ring_key, ring_mark};
use master::Master;

/// What a key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyClass {
    /// Profile, credentials, DKIM keys, suppressions, look-up hashes: as long as the account.
    Account,
    /// Bodies and the inbox, of one day.
    Content,
    /// Events, message templates and envelopes, of one day.
    Event,
}

impl KeyClass {
    /// All classes.
    pub(crate) const ALL: [Self; 3] = [Self::Account, Self::Content, Self::Event];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Content => "content",
            Self::Event => "event",
        }
    }
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyName {
    /// Class.
    pub(crate) class: KeyClass,
    /// Account.
    pub(crate) account: AccountId,
    /// Day; day 0 for account keys.
    pub(crate) day: Day,
}

/// The keyring of one data folder.
pub(crate) struct Keyring {
    db: DatabaseConnection,
    master: Master,
    /// Held while the file is read or written, so that a key being destroyed is not loaded again.
    file: Mutex<()>,
    cache: Cache,
    random: Arc<dyn Random>,
    logins: hmac::Key,
}

impl Keyring {
    /// Opens `keys.db` in the folder with the master key; makes both on first start.
    pub(crate) async fn open(
        data_dir: &Path,
        master_key: &MasterKey,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let path = data_dir.join("keys.db");
        let first_start = !path.exists();
        let master = Master::load(master_key, first_start, random.as_ref())?;
        let db = file::open(&path).await?;
        file::check_master(&db, &master, random.as_ref()).await?;
        let logins = master.derive(b"waxseal login hashes 1");
        Ok(Self { db, master, file: Mutex::new(()), cache: Cache::default(), random, logins })
    }

    /// The hash by which an SMTP login is found, whosever it is.
    pub(crate) fn login_hash(&self, login: &str) -> Vec<u8> {
        keyed_hash(&self.logins, b"login", login.as_bytes())
    }

    /// The account's key, made at first use.
    pub(crate) async fn account_key(&self, account: AccountId) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Account, account, day: Day(0) }).await
    }

    /// The account's content key of the day, made at first use. As long as the caller holds it, it
    /// counts as used.
    pub(crate) async fn content_key(&self, account: AccountId, day: Day) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Content, account, day }).await
    }

    /// The account's event key of the day, made at first use.
    pub(crate) async fn event_key(&self, account: AccountId, day: Day) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Event, account, day }).await
    }

    /// The key with this number; [`StoreError::Erased`] if it was destroyed.
    pub(crate) async fn by_number(&self, number: i64) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.cache.by_number(number) {
            return Ok(key);
        }
        let _file = self.file.lock().await;
        let row = ring_key::Entity::find_by_id(number).one(&self.db).await?.ok_or(StoreError::Erased)?;
        self.unwrap(&row)
    }

    async fn key(&self, name: KeyName) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.cache.by_name(name) {
            return Ok(key);
        }
        let _file = self.file.lock().await;
        if let Some(key) = self.cache.by_name(name) {
            return Ok(key);
        }
        let known = ring_key::Entity::find()
            .filter(ring_key::Column::Class.eq(name.class.as_str()))
            .filter(ring_key::Column::Account.eq(name.account.to_row()))
            .filter(ring_key::Column::Day.eq(name.day.0))
            .one(&self.db)
            .await?;
        match known {
            Some(row) => self.unwrap(&row),
            None => self.make(name).await,
        }
    }

    /// Makes a key; [`StoreError::Erased`] if the account's keys were destroyed for good. The database gives its number first, because the number is bound into the wrapping.
    async fn make(&self, name: KeyName) -> Result<Arc<DataKey>, StoreError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        self.random.fill(bytes.as_mut_slice());
        let transaction = self.db.begin().await?;
        if ring_grave::Entity::find_by_id(name.account.to_row()).one(&transaction).await?.is_some() {
            return Err(StoreError::Erased);
        }
        let row = ring_key::ActiveModel {
            id: NotSet,
            class: Set(name.class.as_str().to_owned()),
            account: Set(name.account.to_row()),
            day: Set(name.day.0),
            wrapped: Set(Vec::new()),
        };
        let mut row = row.insert(&transaction).await?;
        row.wrapped = self.master.wrap(self.random.as_ref(), &row, &bytes)?;
        let filled = ring_key::ActiveModel {
            id: sea_orm::Unchanged(row.id),
            wrapped: Set(row.wrapped.clone()),
            ..Default::default()
        };
        filled.update(&transaction).await?;
        transaction.commit().await?;
        self.unwrap(&row)
    }

    fn unwrap(&self, row: &ring_key::Model) -> Result<Arc<DataKey>, StoreError> {
        let name = entity::name_of(row)?;
        let key = Arc::new(DataKey::new(row.id, &*self.master.unwrap(row)?)?);
        self.cache.insert(name, &key);
        Ok(key)
    }

    /// Finishes writing and closes the file.
    pub(crate) async fn close(&self) {
        let _file = self.file.lock().await;
        self.cache.clear();
        if let Err(error) = self.db.clone().close().await {
            tracing::warn!(%error, "the keyring did not close cleanly");
        }
    }
}

/// Every column of the keyring's file with its class.
pub(crate) fn classes() -> Vec<ClassifiedColumn> {
    let mut classes = ring_key::Entity::classes("keys");
    classes.extend(ring_mark::Entity::classes("keys"));
    classes.extend(ring_grave::Entity::classes("keys"));
    classes.extend(sea_orm_migration::seaql_migrations::Entity::classes("keys"));
    classes
}

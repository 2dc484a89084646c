//! The keyring: every data key, wrapped under the key of the epoch, in a file of its own (`keys.db`); the epoch's key,
//! wrapped under the master key, in another (`keys.epoch`).
//!
//! An account has a key for its profile, one for each SMTP login, one for what else lives as long as it does, a pepper for
//! look-up hashes, and for each UTC day a content key and an event key. What people ask about their data has keys of its own,
//! and so has, for each day, what is kept of recipients' domains.
//! Destroying a key makes everything sealed under it unreadable,
//! wherever copies are.
//!
//! **Invariant:** a key is on stable storage before anything sealed under it is.

mod ahead;
mod cache;
pub(crate) mod command;
pub(crate) mod copies;
pub(crate) mod copy;
mod deletions;
mod destroy;
#[expect(unreachable_pub, reason = "SeaORM derives want and write `pub` items")]
mod entity;
mod epoch;
mod file;
mod hold;
pub(crate) mod home;
mod journal;
mod list;
pub(crate) mod master;
mod person;
mod secret;
mod slots;
mod spare;
#[cfg(test)]
mod tests;
mod told;
mod trail;
mod untold;
mod wrapping;

use std::{ops::Not, path::Path, sync::Arc};

use aws_lc_rs::hmac;
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait,
    QueryFilter, Set,
};
use tokio::sync::Mutex;
use waxseal_model::{AccountId, Random, time::Day};
use zeroize::Zeroizing;

use crate::{
    entity::erase::Table,
    error::{OpenError, StoreError},
    open::MasterKey,
    request::NOBODY,
    retention::ClassifiedColumn,
    rows::RowId,
    seal::{DataKey, Pepper, keyed_hash},
};

use cache::Cache;
use entity::{ring_erasure, ring_grave, ring_key, ring_mark, ring_trail};
use epoch::Epochs;
use master::Master;
use slots::Slots;
use spare::Spare;
use untold::Untold;
use wrapping::Wrapping;

pub(crate) use deletions::Noting;
pub(crate) use entity::{ring_deletion, ring_hold};
pub use epoch::Renewal;
pub(crate) use journal::{NewErasure, hash_of};
pub use list::KeyInfo;
pub use trail::TrailEnd;
pub(crate) use untold::Noted;

/// What a key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyClass {
    /// DKIM keys, labels, suppressions: as long as the account.
    Account,
    /// Name and addresses of the customer: until its owner is erased.
    Profile,
    /// One SMTP login with its password: until it is deleted. An account has as many as it has logins, and what stands
    /// as the day tells them apart.
    Login,
    /// Look-up hashes: as long as the account.
    Pepper,
    /// Bodies and the inbox, of one day.
    Content,
    /// Events, message templates and envelopes, of one day.
    Event,
    /// What people asked about their data, of one day: of an account, or one request of somebody who has none.
    Request,
    /// What recipients' domains ask of TLS and are told of it, of one day: of no account.
    Trust,
}

impl KeyClass {
    /// All classes.
    pub(crate) const ALL: [Self; 8] = [
        Self::Account,
        Self::Profile,
        Self::Login,
        Self::Pepper,
        Self::Content,
        Self::Event,
        Self::Request,
        Self::Trust,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Profile => "profile",
            Self::Login => "login",
            Self::Pepper => "pepper",
            Self::Content => "content",
            Self::Event => "event",
            Self::Request => "request",
            Self::Trust => "trust",
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

/// The keyring's file.
const KEYS: &str = "keys.db";
/// The file of the epoch's key.
const EPOCH: &str = "keys.epoch";
/// All files that hold keys: they are moved together.
const FILES: [&str; 4] = [KEYS, "keys.db-wal", "keys.db-shm", EPOCH];

/// Refuses to go on where the keyring's file is missing or empty and something was sealed under its keys: a new one would
/// take the place of what may only have to be put back.
pub(crate) fn check_present(folder: &Path) -> Result<(), OpenError> {
    let path = folder.join(KEYS);
    if is_missing(&path) { Err(missing(&path)) } else { Ok(()) }
}

/// Whether there is no such file, or nothing in it.
fn is_missing(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() > 0).not()
}

fn missing(path: &Path) -> OpenError {
    OpenError::Keyring(format!(
        "{} is missing or empty, without which nothing in the store can be read: put it back, together with keys.epoch, \
         set `keys.folder` to where it lies, or bring it back from a copy with `waxseal backup keys-restore` (or start with \
         an empty data folder and an empty database)",
        path.display()
    ))
}

/// The keyring of one folder.
pub(crate) struct Keyring {
    db: DatabaseConnection,
    spare: Spare,
    master: Master,
    /// Held while the files are read or written, so that a key being destroyed is not loaded again.
    file: Mutex<Epochs>,
    cache: Cache,
    untold: Arc<Untold>,
    random: Arc<dyn Random>,
    logins: hmac::Key,
    destinations: hmac::Key,
    domains: hmac::Key,
}

impl Keyring {
    /// Opens `keys.db` in the folder with the master key; makes both on first start.
    pub(crate) async fn open(
        folder: &Path,
        master_key: &MasterKey,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let (path, epochs) = (folder.join(KEYS), folder.join(EPOCH));
        let first_start = is_missing(&path);
        if first_start && !is_missing(&epochs) {
            return Err(missing(&path));
        }
        let master = Master::load(master_key, first_start, random.as_ref()).await?;
        let spare = Spare::of(folder);
        spare.ensure_piece();
        let db = file::open(&path).await?;
        file::check_master(&db, &master, random.as_ref()).await?;
        let has_epoch = epoch::is_marked(&db).await?;
        let slots = Slots::open(&epochs, !has_epoch)?;
        let logins = master.derive(b"waxseal login hashes 1");
        let destinations = master.derive(b"waxseal destination hashes 1");
        let domains = master.derive(b"waxseal domain name hashes 1");
        let file = Mutex::new(Epochs::new(slots));
        let ring = Self {
            db,
            spare,
            master,
            file,
            cache: Cache::default(),
            untold: Arc::default(),
            random,
            logins,
            destinations,
            domains,
        };
        ring.start().await.map_err(|error| match error {
            StoreError::Unavailable(source) => OpenError::Database(source.to_string()),
            other => OpenError::Database(other.to_string()),
        })?;
        Ok(ring)
    }

    /// Finishes what an interrupted renewal left, and makes up for one that did not begin.
    async fn start(&self) -> Result<(), StoreError> {
        let mut epochs = self.file.lock().await;
        self.live(&mut epochs).await?;
        self.retire_overdue().await?;
        drop(epochs);
        self.renew_if_due().await.map(drop)
    }

    /// The hash by which an SMTP login is found, whosever it is.
    pub(crate) fn login_hash(&self, login: &str) -> Vec<u8> {
        keyed_hash(&self.logins, b"login", login.as_bytes())
    }

    /// What stands in the queue for a recipient's domain (lower-case A-labels), whoever writes to it: 16 bytes.
    pub(crate) fn destination_hash(&self, domain: &str) -> Vec<u8> {
        let mut hash = keyed_hash(&self.destinations, b"destination", domain.as_bytes());
        hash.truncate(16);
        hash
    }

    /// The hash by which a sending domain is found, whosever it is, and by which nobody has its name a second time.
    pub(crate) fn name_hash(&self, name: &str) -> Vec<u8> {
        keyed_hash(&self.domains, b"domain", name.to_ascii_lowercase().as_bytes())
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

    /// The key of what an account asked on a day, made at first use; of somebody who has no account, `owner` has the
    /// bits of the request's own id. As long as the caller holds it, it counts as used.
    pub(crate) async fn request_key(&self, owner: AccountId, day: Day) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Request, account: owner, day }).await
    }

    /// The instance's key of the day for what recipients' domains ask of TLS and are told, made at first use. As long as the
    /// caller holds it, it counts as used.
    pub(crate) async fn trust_key(&self, day: Day) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Trust, account: NOBODY, day }).await
    }

    /// The account's key for its profile, made at first use.
    pub(crate) async fn profile_key(&self, account: AccountId) -> Result<Arc<DataKey>, StoreError> {
        self.key(KeyName { class: KeyClass::Profile, account, day: Day(0) }).await
    }

    /// The account's pepper, made at first use.
    pub(crate) async fn pepper(&self, account: AccountId) -> Result<Arc<Pepper>, StoreError> {
        if let Some(pepper) = self.cache.pepper(account) {
            return Ok(pepper);
        }
        let mut epochs = self.file.lock().await;
        if let Some(pepper) = self.cache.pepper(account) {
            return Ok(pepper);
        }
        let name = KeyName { class: KeyClass::Pepper, account, day: Day(0) };
        let row = self.row(name, &mut epochs).await?;
        let pepper = Arc::new(Pepper::new(&*self.bytes(&row, &mut epochs).await?));
        self.cache.insert_pepper(account, &pepper);
        Ok(pepper)
    }

    /// The key with this number; [`StoreError::Erased`] if it was destroyed.
    pub(crate) async fn by_number(&self, number: i64) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.cache.by_number(number) {
            return Ok(key);
        }
        let mut epochs = self.file.lock().await;
        let row = ring_key::Entity::find_by_id(number).one(&self.db).await?.ok_or(StoreError::Erased)?;
        self.load(&row, &mut epochs).await
    }

    async fn key(&self, name: KeyName) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.cache.by_name(name) {
            return Ok(key);
        }
        let mut epochs = self.file.lock().await;
        if let Some(key) = self.cache.by_name(name) {
            return Ok(key);
        }
        let row = self.row(name, &mut epochs).await?;
        self.load(&row, &mut epochs).await
    }

    /// The row of a key; made if there is none.
    async fn row(&self, name: KeyName, epochs: &mut Epochs) -> Result<ring_key::Model, StoreError> {
        let known = ring_key::Entity::find()
            .filter(ring_key::Column::Class.eq(name.class.as_str()))
            .filter(ring_key::Column::Account.eq(name.account.to_row()))
            .filter(ring_key::Column::Day.eq(name.day.0))
            .one(&self.db)
            .await?;
        match known {
            Some(row) => Ok(row),
            None => self.make(name, epochs).await,
        }
    }

    /// Makes a key; [`StoreError::Erased`] if the account's keys were destroyed for good.
    async fn make(&self, name: KeyName, epochs: &mut Epochs) -> Result<ring_key::Model, StoreError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        self.random.fill(bytes.as_mut_slice());
        let live = self.live(epochs).await?;
        let transaction = self.begin().await?;
        let grave = ring_grave::Entity::find_by_id(journal::account_hash(name.account));
        if grave.one(&transaction).await?.is_some() {
            return Err(StoreError::Erased);
        }
        let under = (live.number, &live.wrapping);
        let row = insert(&transaction, name, &bytes, under, self.random.as_ref()).await?;
        transaction.commit().await?;
        Ok(row)
    }

    async fn bytes(
        &self,
        row: &ring_key::Model,
        epochs: &mut Epochs,
    ) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let live = self.live(epochs).await?;
        if row.epoch != live.number {
            return Err(StoreError::Corrupt { table: "ring_keys", column: "epoch" });
        }
        live.wrapping.unwrap(row)
    }

    async fn load(&self, row: &ring_key::Model, epochs: &mut Epochs) -> Result<Arc<DataKey>, StoreError> {
        let name = entity::name_of(row)?;
        let key = Arc::new(DataKey::new(row.id, &*self.bytes(row, epochs).await?)?);
        self.cache.insert(name, &key);
        Ok(key)
    }

    /// The file, to read its schema.
    pub(crate) const fn database(&self) -> &DatabaseConnection {
        &self.db
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

/// Writes a key. The database gives its number first, because the number is bound into the wrapping.
async fn insert(
    transaction: &DatabaseTransaction,
    name: KeyName,
    bytes: &[u8; 32],
    (epoch, wrapping): (i64, &Wrapping),
    random: &dyn Random,
) -> Result<ring_key::Model, StoreError> {
    let row = ring_key::ActiveModel {
        id: NotSet,
        class: Set(name.class.as_str().to_owned()),
        account: Set(name.account.to_row()),
        day: Set(name.day.0),
        wrapped: Set(Vec::new()),
        epoch: Set(epoch),
    };
    let mut row = row.insert(transaction).await?;
    row.wrapped = wrapping.wrap(random, &row, bytes)?;
    let filled = ring_key::ActiveModel {
        id: sea_orm::Unchanged(row.id),
        wrapped: Set(row.wrapped.clone()),
        ..Default::default()
    };
    filled.update(transaction).await?;
    Ok(row)
}

/// The tables of the keyring's file, each with its rule of erasing.
pub(crate) fn tables() -> Vec<Table> {
    vec![
        Table::of::<ring_key::Entity>(),
        Table::of::<ring_mark::Entity>(),
        Table::of::<ring_grave::Entity>(),
        Table::of::<ring_erasure::Entity>(),
        Table::of::<ring_hold::Entity>(),
        Table::of::<ring_deletion::Entity>(),
        Table::of::<ring_trail::Entity>(),
        Table::of::<sea_orm_migration::seaql_migrations::Entity>(),
    ]
}

/// Every column of the keyring's file with its class.
pub(crate) fn classes() -> Vec<ClassifiedColumn> {
    tables().iter().flat_map(|table| (table.classes)("keys")).collect()
}

//! A ring on its way back from a copy. It is built aside, told what the copy cannot know, and gets its place last: until
//! then nobody can open anything with it.

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use sea_orm::TransactionTrait as _;
use waxseal_model::{AccountId, Random, Timestamp};
use zeroize::Zeroizing;

use super::{COPY_SECRET, MAGIC, place};
use crate::{
    backup::{
        BackupError, Header, batches, blocking,
        frame::{Totals, Value},
        key::BackupKey,
        read::{self, Opened},
        restore::load,
    },
    engine::sqlite,
    erasure::ErasureKind,
    error::StoreError,
    instance_secret::InstanceSecret,
    keyring::{Keyring, copies, copy, home::Home, master::Master, tables},
    open::{self, StoreConfig},
};

/// Batches that may wait for the database.
const WAITING: usize = 4;

/// A ring that is being restored; it has the folders of data and keys.
pub struct RestoringKeys {
    keyring: Keyring,
    header: Header,
    totals: Totals,
    home: Home,
    secret: PathBuf,
    _lock: File,
}

impl RestoringKeys {
    /// Reads a copy to its end and builds a ring from it, aside. `folder` is where the secret of copies lies. An error if
    /// there are keys already.
    pub async fn begin(
        path: &Path,
        folder: &Path,
        key: &BackupKey,
        config: &StoreConfig,
        random: Arc<dyn Random>,
    ) -> Result<Self, BackupError> {
        open::make_folder(&config.data_dir)?;
        let lock = open::lock(&config.data_dir)?;
        place::settle(&config.data_dir)?;
        let home = Home::take(config)?;
        place::settle(home.folder())?;
        for name in place::FILES.into_iter().rev() {
            let there = home.folder().join(name);
            if there.exists() {
                return Err(BackupError::KeysThere { path: there.display().to_string() });
            }
        }
        let secret = folder.join(COPY_SECRET);
        let key = key_of(path, &secret, key, config, random.as_ref()).await?;
        let header = verified(path, &key).await?;
        let aside = place::begin(home.folder())?;
        let totals = fill(&aside, path, &key, &header).await?;
        let keyring = Keyring::open(&aside, &config.master_key, random).await?;
        let restoring = Self { keyring, header, totals, home, secret, _lock: lock };
        if super::super::restore::instance(&*restoring.audit_seed().await?) != restoring.header.instance {
            return Err(BackupError::OtherInstance { path: path.display().to_string() });
        }
        restoring.keyring.leave_a_gap(&restoring.totals).await?;
        Ok(restoring)
    }

    /// What stands at the copy's beginning.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the copy holds.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The seed of the key that signs the audit trail.
    pub async fn audit_seed(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.keyring.secret(InstanceSecret::AuditSigning.name()).await
    }

    /// Whose keys are in it, by the pseudonyms of the audit trail, in hex.
    pub async fn accounts(&self) -> Result<HashMap<String, AccountId>, StoreError> {
        let mut accounts = HashMap::new();
        for key in self.keyring.keys().await?.iter().filter(|key| key.class == "pepper") {
            if let Some(name) = self.keyring.pseudonym(key.account).await? {
                accounts.insert(hex::encode(name), key.account);
            }
        }
        Ok(accounts)
    }

    /// Erases an account whose erasure began after the copy was made: its keys go now, the rest of it as soon as the
    /// store is open.
    pub async fn erase_account(&self, account: AccountId, at: Timestamp) -> Result<(), StoreError> {
        let erasure = self.keyring.journal_recall(ErasureKind::Account, account, None, (at, at)).await?;
        self.keyring.journal_begin(&erasure).await.map(drop)
    }

    /// Closes an account that was closed after the copy was made, until the time when its erasure begins.
    pub async fn close_account(
        &self,
        account: AccountId,
        asked_at: Timestamp,
        final_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.keyring.journal_recall(ErasureKind::Account, account, None, (asked_at, final_at)).await.map(drop)
    }

    /// Opens an account that was opened again after the copy was made; whether it was closed in the copy.
    pub async fn reopen_account(&self, account: AccountId) -> Result<bool, StoreError> {
        match self.keyring.journal_of_account(account).await? {
            Some(erasure) => self.keyring.journal_take_back(erasure.number).await,
            None => Ok(false),
        }
    }

    /// Takes the erasure of a part of an account up again, as soon as the store is open: of a recipient, a login or the
    /// owner. `subject` is as [`crate::Store::tell_erasure`] gave it; whether it could be read.
    pub async fn erase_part(
        &self,
        kind: ErasureKind,
        account: AccountId,
        subject: Option<&[u8]>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let subject = match subject {
            Some(sealed) => match self.keyring.read_told(account, sealed).await {
                Ok(subject) => Some(subject),
                Err(StoreError::Corrupt { .. }) => return Ok(false),
                Err(error) => return Err(error),
            },
            None => None,
        };
        self.keyring.journal_recall(kind, account, subject, (at, at)).await?;
        Ok(true)
    }

    /// Wraps the keys under a new epoch and puts the ring into its place. Copies made so far open no more from the next
    /// start on. On stable storage when it answers.
    pub async fn finish(self) -> Result<(), BackupError> {
        self.keyring.renew().await?;
        if let Some(number) = self.header.secret {
            let (secret, made_at) =
                (std::path::absolute(&self.secret).unwrap_or(self.secret), self.header.created_at);
            self.keyring.note_copies(&copies::Copies { secret, number, made_at, overdue: true }).await?;
        }
        self.keyring.close().await;
        let home = self.home;
        blocking(move || Ok(place::finish(home.folder())?)).await
    }

    /// Gives it up: nothing of it stays.
    pub async fn give_up(self) -> Result<(), BackupError> {
        self.keyring.close().await;
        let home = self.home;
        blocking(move || Ok(place::settle(home.folder())?)).await
    }
}

/// The key of the copy: the backup key with the secret, if that still stands in its file.
async fn key_of(
    path: &Path,
    secret: &Path,
    key: &BackupKey,
    config: &StoreConfig,
    random: &dyn Random,
) -> Result<BackupKey, BackupError> {
    let header = {
        let path = path.to_owned();
        blocking(move || read::header_of(&path, MAGIC)).await?
    };
    if !secret.exists() {
        return Err(BackupError::NoSecret { secret: secret.display().to_string() });
    }
    let useless = || BackupError::Useless { path: path.display().to_string() };
    let master = Master::load(&config.master_key, false, random).await?;
    let number = header.secret.ok_or_else(useless)?;
    let bytes = copies::read_secret(secret, number, &master)?.ok_or_else(useless)?;
    Ok(key.with(&bytes))
}

/// Reads the copy to its end before anything is made of it.
async fn verified(path: &Path, key: &BackupKey) -> Result<Header, BackupError> {
    let (path, key) = (path.to_owned(), key.clone());
    blocking(move || {
        let mut opened = Opened::open(&path, MAGIC, &key)?;
        while opened.next()?.is_some() {}
        Ok(opened.header)
    })
    .await
}

/// Writes the copy's rows into the files of a ring.
async fn fill(aside: &Path, path: &Path, key: &BackupKey, header: &Header) -> Result<Totals, BackupError> {
    let db = sqlite::connect(&aside.join("keys.db"), sqlite::Use::Alone).await?;
    if !copy::make_schema(&db, &header.schema).await? {
        return Err(BackupError::Newer { path: path.display().to_string(), version: header.version.clone() });
    }
    let (sender, mut waiting) = tokio::sync::mpsc::channel(WAITING);
    let reading = {
        let (path, key) = (path.to_owned(), key.clone());
        tokio::spawn(blocking(move || batches::read(Opened::open(&path, MAGIC, &key)?, &sender)))
    };
    let tx = db.begin().await?;
    let known = tables();
    while let Some(batch) = waiting.recv().await {
        if batch.table.name == copy::EPOCH {
            for row in batch.rows {
                if let [Some(Value::Long(number)), Some(Value::Bytes(wrapped))] = row.as_slice() {
                    copy::write_epoch(&aside.join("keys.epoch"), *number, wrapped.clone())?;
                }
            }
        } else {
            load::insert(&tx, batch, &known).await?;
        }
    }
    let totals = reading.await.map_err(|error| StoreError::Unavailable(Box::new(error)))??;
    tx.commit().await?;
    db.close().await?;
    Ok(totals)
}

//! Copies of the key store, apart from backups and short-lived: a copy from before an erasure would hold the keys that
//! it destroyed. So a copy is sealed under a secret besides the backup key, which lies in one file and is overwritten
//! before anything is destroyed, and copies whose days are over are deleted.

mod place;
mod restore;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use waxseal_model::Timestamp;

use super::{AuditEnd, BackupError, Created, Found, Header, at, blocking, folder, key::BackupKey, read};
use crate::{
    error::StoreError,
    instance_secret::InstanceSecret,
    open::Store,
    sealed_file::{Head, Magic, NewFile, PARTIAL, SealedWriter},
};

pub(crate) use self::place::settle;
pub use self::restore::RestoringKeys;

/// The first bytes of a copy of the keys.
pub(super) const MAGIC: Magic = Magic(b"WAXSEAL KEYS 001");
/// What the name of a copy ends with.
const EXTENSION: &str = "keys";
/// The file, in the folder of copies, of the secret that they open with.
pub const COPY_SECRET: &str = "copies.secret";

/// The copies of the keys that open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCopies {
    /// Number of their secret.
    pub secret: i64,
    /// When that was made.
    pub since: Timestamp,
    /// They should be useless, and their secret could not be reached.
    pub overdue: bool,
}

impl Store {
    /// Copies the key store into a new file, sealed under the key and the secret in `folder`. When it answers, the file
    /// is on stable storage. From the next erasure on, or whatever else destroys keys, it opens no more.
    pub async fn back_up_keys(
        &self,
        folder: &Path,
        path: &Path,
        key: &BackupKey,
        version: String,
        audit: Option<AuditEnd>,
    ) -> Result<Created, BackupError> {
        let instance = super::restore::instance(&*self.instance_secret(InstanceSecret::AuditSigning).await?);
        let (secret, now) = (folder.join(COPY_SECRET), self.inner.clock.now());
        let copy = self.inner.keyring.copy(&secret, now).await?;
        let copy = copy.ok_or_else(|| BackupError::Unreached { secret: secret.display().to_string() })?;
        let key = key.with(&copy.secret.bytes);
        let header = Header {
            created_at: now.as_micros(),
            version,
            engine: "keyring".to_owned(),
            schema: copy.schema,
            instance,
            audit,
            key: key.name(),
            secret: Some(copy.secret.number),
        };
        let mut salt = [0; 32];
        self.inner.random.fill(&mut salt);
        let (path, frames, head) = (path.to_owned(), copy.frames, header.clone());
        let bytes = blocking(move || {
            let sealed = || {
                let head = Head::new(MAGIC, &salt, &serde_json::to_vec(&head)?)?;
                let mut writer = SealedWriter::new(NewFile::begin(&path)?, &key.key, &head)?;
                writer.write_all(&frames)?;
                writer.finish()?.keep()
            };
            sealed().map_err(at(&path))
        })
        .await?;
        Ok(Created { header, totals: copy.totals, bytes })
    }

    /// The copies of the keys that open; `None` if none does.
    pub async fn key_copies(&self) -> Result<Option<KeyCopies>, StoreError> {
        let copies = self.inner.keyring.copies().await?;
        Ok(copies.map(|copies| KeyCopies {
            secret: copies.number,
            since: Timestamp::from_micros(copies.made_at),
            overdue: copies.overdue,
        }))
    }

    /// Makes every copy of the keys useless that was made so far; whether none is left that opens.
    pub async fn retire_key_copies(&self) -> Result<bool, StoreError> {
        self.inner.keyring.retire_all_copies().await
    }

    /// Takes an operator's word for it that nobody has the secret of earlier copies any more.
    pub async fn forget_key_copies(&self) -> Result<(), StoreError> {
        self.inner.keyring.forget_copies().await
    }

    /// Whether the key store came from a copy, until [`Store::forget_keys_restored`].
    pub async fn keys_restored(&self) -> Result<bool, StoreError> {
        self.inner.keyring.is_restored().await
    }

    /// Whoever had to know of it does.
    pub async fn forget_keys_restored(&self) -> Result<(), StoreError> {
        self.inner.keyring.forget_restored().await
    }
}

/// The name of a copy made at this time.
pub fn key_copy_name(now: Timestamp) -> String {
    format!("waxseal-{}.{EXTENSION}", now.to_jiff().strftime("%Y%m%dT%H%M%SZ"))
}

/// The copies in a folder, oldest first; other files are passed over.
pub fn list_key_copies(folder: &Path) -> Result<Vec<Found>, BackupError> {
    let mut found = Vec::new();
    for path in folder::files(folder)? {
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        match read::header_of(&path, MAGIC) {
            Ok(header) => {
                let bytes = fs::metadata(&path).map_err(at(&path))?.len();
                found.push(Found { path, bytes, header });
            }
            Err(BackupError::NotAKeyCopy { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by_key(|copy| copy.header.created_at);
    Ok(found)
}

/// Deletes the copies in a folder that open no more or are older than `keep`, all but the newest of those that open, and
/// what crashes left of others; which.
pub fn prune_key_copies(
    folder: &Path,
    secret: Option<i64>,
    now: Timestamp,
    keep: Duration,
) -> Result<Vec<PathBuf>, BackupError> {
    let mut deleted = Vec::new();
    let found = list_key_copies(folder)?;
    let opens = |found: &&Found| {
        secret.is_some() && found.header.secret == secret && now.since(found.header.created()) < keep
    };
    let newest = found.iter().rfind(opens).map(|found| found.path.clone());
    for Found { path, .. } in found {
        if newest.as_ref() != Some(&path) {
            fs::remove_file(&path).map_err(at(&path))?;
            deleted.push(path);
        }
    }
    let end = format!(".{EXTENSION}{PARTIAL}");
    for path in folder::files(folder)? {
        let left = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end));
        if left && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(&path).map_err(at(&path))?;
            deleted.push(path);
        }
    }
    if !deleted.is_empty() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    }
    Ok(deleted)
}

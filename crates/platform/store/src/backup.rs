//! Backups: everything in the database as it was at one moment, sealed, without any key.
//!
//! A backup is read within one transaction beside the running server, table by table, and written as a sealed file
//! (`sealed_file`) that appears whole or not at all. What is sealed in the database is in it as it lies there,
//! so it can be read with the keys of the ring alone: what was erased since is noise in every backup.
//!
//! It is restored into an empty database of the same instance, which the keys tell; opening the store erases again
//! what was erased since.

pub(crate) mod batches;
pub(crate) mod create;
mod folder;
pub(crate) mod frame;
#[cfg(test)]
mod fuzzed;
mod key;
mod keys;
pub(crate) mod read;
pub(crate) mod restore;

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use waxseal_model::Timestamp;

use crate::{
    error::{OpenError, StoreError},
    sealed_file::Magic,
};

pub use self::{
    create::{About, Created},
    folder::{Found, list, name_at, prune},
    frame::{TableTotal, Totals},
    key::BackupKey,
    keys::{COPY_SECRET, KeyCopies, RestoringKeys, key_copy_name, list_key_copies, prune_key_copies},
    read::{Verified, header, is_backup, verify},
    restore::{Restored, restore},
};

pub(crate) use self::keys::settle as settle_keys;

/// The first bytes of a backup.
pub(crate) const MAGIC: Magic = Magic(b"WAXSEAL BACKUP 1");

/// What stands readable at the beginning of a backup; bound to what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When it was made, in microseconds since the epoch.
    pub created_at: i64,
    /// The version that made it.
    pub version: String,
    /// The engine it was made from: `sqlite` or `postgres`.
    pub engine: String,
    /// The migrations that the schema had, oldest first.
    pub schema: Vec<String>,
    /// Which instance it is of.
    pub instance: String,
    /// The end of the audit trail at that moment.
    pub audit: Option<AuditEnd>,
    /// A name for the key that it is sealed under.
    pub key: String,
    /// Of a copy of the keys: the number of the secret that it opens with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<i64>,
}

impl Header {
    /// When it was made.
    pub const fn created(&self) -> Timestamp {
        Timestamp::from_micros(self.created_at)
    }
}

/// An end of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEnd {
    /// The last entry.
    pub entry: u64,
    /// Its hash, in hex.
    pub head: String,
}

/// A backup could not be made, read or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{path} is not a backup made by `waxseal backup create`, or its beginning was cut off")]
    NotABackup {
        /// Which.
        path: String,
    },
    /// The file is no copy of the keys.
    #[error("{path} is not a copy made by `waxseal backup keys`, or its beginning was cut off")]
    NotAKeyCopy {
        /// Which.
        path: String,
    },
    /// What opens it was destroyed.
    #[error(
        "{path} opens no more: since it was made keys were destroyed or something was to be erased, and then the secret \
         that such copies open with is overwritten. Take a copy that was made later"
    )]
    Useless {
        /// Which.
        path: String,
    },
    /// What opens it is not here.
    #[error(
        "{secret} is missing, without which no copy of the keys opens: `backup.keys_folder` says where it is"
    )]
    NoSecret {
        /// The file.
        secret: String,
    },
    /// Copies made earlier cannot be made useless.
    #[error(
        "{secret}, with which copies of the keys that were made there still open, cannot be reached to overwrite it: put \
         the folder back, or give --old-copies-are-gone if nobody has it any more"
    )]
    Unreached {
        /// The file.
        secret: String,
    },
    /// It was sealed under another key.
    #[error("{path} was sealed under another backup key ({made_with}); the key given is {given}")]
    WrongKey {
        /// Which.
        path: String,
        /// Name of its key.
        made_with: String,
        /// Name of the key at hand.
        given: String,
    },
    /// It is not as it was written.
    #[error(
        "{path} is damaged or cut off after {intact} bytes ({why}): nothing of it is used; take another backup"
    )]
    Damaged {
        /// Which.
        path: String,
        /// So much of it opened.
        intact: u64,
        /// What was found.
        why: String,
    },
    /// A later version made it.
    #[error(
        "{path} was made by version {version}, whose schema this one does not know: restore it with that version"
    )]
    Newer {
        /// Which.
        path: String,
        /// The version.
        version: String,
    },
    /// It is of another instance.
    #[error(
        "{path} is a backup of another instance: the keys in this data folder are not those that it was made with"
    )]
    OtherInstance {
        /// Which.
        path: String,
    },
    /// There are no keys to read it with.
    #[error(
        "{path} is missing: a backup holds no keys, so put keys.db and keys.epoch of the instance there first, or set \
         `keys.folder` to where they lie"
    )]
    NoKeys {
        /// What is missing.
        path: String,
    },
    /// There are keys where some should be restored to.
    #[error(
        "{path} is there: keys are restored where none are. If that was restored just now, it is done: `waxseal serve` goes on \
         from there. If these keys are of no use any more, put keys.db, keys.epoch and what else begins with keys.db- aside, \
         all together"
    )]
    KeysThere {
        /// What is there.
        path: String,
    },
    /// There is something where it should be restored to.
    #[error("{what} is not empty: a backup is restored into an empty one, so that nothing is lost or mixed")]
    NotEmpty {
        /// What.
        what: String,
    },
    /// The backup key.
    #[error("backup key: {0}")]
    Key(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store or its keys could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<sea_orm::DbErr> for BackupError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// An error with the file it is about.
fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.display().to_string();
    move |source| BackupError::File { path, source }
}

/// Runs what waits for the disk where nobody else waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(Box::new(error)))?
}

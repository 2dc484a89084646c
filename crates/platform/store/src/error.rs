//! What can go wrong in the store.

use thiserror::Error;

/// An operation failed. "Not found" is never an error: look-ups answer `Option`.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Something with this identity is there already.
    #[error("{what} exists already")]
    Conflict {
        /// What: `domain`, `credential`, …
        what: &'static str,
    },
    /// The database or the disk does not answer now: defer and try again.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full: nothing new is taken until there is room.
    #[error("the disk is full")]
    Full,
    /// A stored value cannot be read back.
    #[error("a stored value of {table}.{column} cannot be read")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
    },
    /// The key of this value has been destroyed: the value is gone for good.
    #[error("the key of this value has been destroyed")]
    Erased,
}

/// The store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Reading or making a file failed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The master key is not 32 bytes of hex or base64, or does not fit the keyring.
    #[error("master key: {0}")]
    MasterKey(String),
    /// The keyring's file is not there, although there is what it is the key to.
    #[error("keyring: {0}")]
    Keyring(String),
    /// The database cannot be reached or migrated.
    #[error("database: {0}")]
    Database(String),
    /// A newer version has changed the database already.
    #[error(
        "the database belongs to a newer version of waxseal, which made the change {change}: start that version, or \
         restore a backup of this one"
    )]
    Newer {
        /// The first change that is unknown here.
        change: String,
    },
    /// Another process has the data folder.
    #[error("{path} is in use by another waxseal process")]
    InUse {
        /// The lock file.
        path: String,
    },
}

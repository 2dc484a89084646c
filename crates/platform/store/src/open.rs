//! Opening the store: engine, files, master key, migrations.

use std::{path::PathBuf, sync::Arc};

use waxseal_model::{Clock, Random};

use crate::error::{OpenError, StoreError};

/// The database behind the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// `waxseal.db` in the data folder: WAL, `synchronous=FULL`, `secure_delete=ON`.
    Sqlite,
    /// A PostgreSQL database by URL.
    Postgres(String),
}

/// The key that all others are wrapped under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKey {
    /// A file with 64 hex digits, mode 0600, made on first start.
    File(PathBuf),
    /// 64 hex digits, from the environment.
    Hex(String),
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Engine.
    pub engine: Engine,
    /// Folder of `waxseal.db` and `keys.db`; made if missing.
    pub data_dir: PathBuf,
    /// Master key.
    pub master_key: MasterKey,
}

/// The store. Cheap to clone; all clones share connections, writer and keyring.
#[derive(Clone)]
pub struct Store {
    #[expect(dead_code, reason = "filled by the implementation")]
    inner: Arc<Inner>,
}

struct Inner {}

impl Store {
    /// Opens the store, makes its files and keys on first start, and brings the schema up to date.
    pub async fn open(
        _config: StoreConfig,
        _clock: Arc<dyn Clock>,
        _random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        Ok(Self { inner: Arc::new(Inner {}) })
    }

    /// Whether the database answers and can be written.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Finishes what is being written and closes files and connections.
    pub async fn close(&self) {}
}

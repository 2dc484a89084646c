//! Restoring a backup into an empty database.
//!
//! SQLite's file is built under another name and gets its own as the last step; PostgreSQL takes everything in one
//! transaction. So whatever ends the process, there is the whole backup afterwards or nothing of it, and the same
//! command can be given again.

pub(super) mod load;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::MigratorTrait as _;
use waxseal_model::Random;

use super::{BackupError, Header, at, blocking, create::MIGRATIONS, frame::Totals, key::BackupKey, read};
use crate::{
    engine::{postgres, sqlite},
    entity::erase::tables,
    error::{OpenError, StoreError},
    keyring::{Keyring, home::Home},
    migration::Migrator,
    open::{self, Engine, Store, StoreConfig},
};

/// SQLite's file while it is built.
const UNFINISHED: &str = "waxseal.db.restoring";
/// What lies beside a file of SQLite.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];
/// The note by which a restored database is known until somebody has seen to it.
pub(super) const RESTORED: &str = "restored rows";

/// A backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What stood at its beginning.
    pub header: Header,
    /// What it held.
    pub totals: Totals,
}

/// Restores a backup into the empty database of this configuration, whose keys are in their place. The file is
/// read to its end before anything is written. Opening the store afterwards erases again what was erased since.
pub async fn restore(
    path: &Path,
    key: &BackupKey,
    config: &StoreConfig,
    random: Arc<dyn Random>,
) -> Result<Restored, BackupError> {
    open::make_folder(&config.data_dir)?;
    let _lock = open::lock(&config.data_dir)?;
    clear(&config.data_dir)?;
    super::keys::settle(&config.data_dir)?;
    let home = Home::take(config)?;
    super::keys::settle(home.folder())?;
    for name in ["keys.db", "keys.epoch"] {
        let path = home.folder().join(name);
        if !path.exists() {
            return Err(BackupError::NoKeys { path: path.display().to_string() });
        }
    }
    refuse_full(config).await?;
    let verified = {
        let (path, key) = (path.to_owned(), key.clone());
        blocking(move || read::verify(&path, &key)).await?
    };
    known_schema(path, &verified.header)?;
    same_instance(path, &verified.header, (home.folder(), config), random).await?;
    match &config.engine {
        Engine::Sqlite => {
            let file = config.data_dir.join(UNFINISHED);
            let db = sqlite::connect(&file, sqlite::Use::Alone).await?;
            let loaded = load::into_file(&db, path, key, &verified).await;
            let closed = db.close().await;
            loaded?;
            closed?;
            finish(&config.data_dir)?;
        }
        Engine::Postgres(url) => {
            let db = postgres::connect_for_long(url).await?;
            let loaded = load::in_one(&db, path, key, &verified).await;
            let closed = db.close().await;
            loaded?;
            closed?;
        }
    }
    Ok(Restored { header: verified.header, totals: verified.totals })
}

impl Store {
    /// Rows of the backup that this database was restored from, until [`Store::forget_restored`].
    pub async fn restored(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.note(RESTORED).await?.map(|rows| u64::try_from(rows).unwrap_or(0)))
    }

    /// Whoever had to know of the restore does.
    pub async fn forget_restored(&self) -> Result<(), StoreError> {
        self.write_note(RESTORED, None).await
    }
}

/// Removes what a restore left that was ended before its end.
pub(crate) fn clear(data_dir: &Path) -> Result<(), OpenError> {
    for beside in BESIDE {
        remove(&data_dir.join(format!("{UNFINISHED}{beside}")))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(OpenError::File { path: path.display().to_string(), source: error })
        }
        _ => Ok(()),
    }
}

/// Puts the finished file into its place, which is empty.
fn finish(data_dir: &Path) -> Result<(), BackupError> {
    let unfinished = data_dir.join(UNFINISHED);
    let place = data_dir.join("waxseal.db");
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(at(&unfinished))?;
    // Of an empty database that stood here; a log of it must not be read with the new file.
    for beside in BESIDE.iter().rev() {
        remove(&data_dir.join(format!("waxseal.db{beside}")))?;
    }
    fs::rename(&unfinished, &place).map_err(at(&place))?;
    File::open(data_dir).and_then(|folder| folder.sync_all()).map_err(at(data_dir))
}

/// An error unless the database has no rows of anybody.
async fn refuse_full(config: &StoreConfig) -> Result<(), BackupError> {
    let (db, what) = match &config.engine {
        Engine::Sqlite => {
            let path: PathBuf = config.data_dir.join("waxseal.db");
            if !path.exists() {
                return Ok(());
            }
            let what = path.display().to_string();
            (sqlite::connect(&path, sqlite::Use::Alone).await?, what)
        }
        Engine::Postgres(url) => {
            (postgres::connect_for_long(url).await?, "the database that `store.url` names".to_owned())
        }
    };
    let empty = is_empty(&db).await;
    db.close().await?;
    if empty? { Ok(()) } else { Err(BackupError::NotEmpty { what }) }
}

async fn is_empty(db: &DatabaseConnection) -> Result<bool, StoreError> {
    let backend = db.get_database_backend();
    for table in tables() {
        let there = match backend {
            DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('\"{}\"') IS NOT NULL", table.name),
            _ => format!("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{}'", table.name),
        };
        if db.query_one_raw(Statement::from_string(backend, there)).await?.is_none() {
            continue;
        }
        // A database that was only just made has notes of its own and no more.
        if ["instance_notes", MIGRATIONS].contains(&table.name) {
            continue;
        }
        let some = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
        if db.query_one_raw(Statement::from_string(backend, some)).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The migrations of the backup are the first ones of this version.
fn known_schema(path: &Path, header: &Header) -> Result<(), BackupError> {
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    if !header.schema.is_empty() && known.starts_with(&header.schema) {
        return Ok(());
    }
    Err(BackupError::Newer { path: path.display().to_string(), version: header.version.clone() })
}

async fn same_instance(
    path: &Path,
    header: &Header,
    (keys, config): (&Path, &StoreConfig),
    random: Arc<dyn Random>,
) -> Result<(), BackupError> {
    let keyring = Keyring::open(keys, &config.master_key, random).await?;
    let secret = keyring.secret(crate::instance_secret::InstanceSecret::AuditSigning.name()).await;
    keyring.close().await;
    if instance(&*secret?) == header.instance {
        return Ok(());
    }
    Err(BackupError::OtherInstance { path: path.display().to_string() })
}

/// Which instance a secret is of.
pub(super) fn instance(secret: &[u8; 32]) -> String {
    let hash = digest(&SHA256, &[b"waxseal instance 1".as_slice(), secret].concat());
    hex::encode(hash.as_ref().get(..16).unwrap_or_default())
}

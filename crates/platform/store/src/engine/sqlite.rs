//! SQLite: one file, durable at each commit, deleted values overwritten.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::error::OpenError;

/// What connections are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// One connection that writes a file which others read.
    Write,
    /// Several connections that only read.
    Read,
    /// One connection that reads for long, beside all others.
    Snapshot,
    /// One connection, the only one of its file.
    Alone,
}

/// How many connections read at a time.
const READERS: u32 = 4;
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 200;
/// How long a reader waits for a connection before the store counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects to a file, making it (mode 0600) if it is missing.
pub(crate) async fn connect(path: &Path, purpose: Use) -> Result<DatabaseConnection, OpenError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| OpenError::File { path: path.display().to_string(), source })?;
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(STATEMENTS)
        .pragma("secure_delete", "ON")
        // Nothing may spill into files of its own outside the data folder.
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "4000")
        .pragma("cache_size", if purpose == Use::Write { "-32768" } else { "-8192" })
        .disable_statement_logging();
    if matches!(purpose, Use::Read | Use::Snapshot) {
        options = options.pragma("query_only", "ON");
    }
    if purpose == Use::Snapshot {
        // Rows may be large, and whoever takes them waits for a disk.
        options = options.row_buffer_size(2);
    }
    let connections = if purpose == Use::Read { READERS } else { 1 };
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| OpenError::Database(format!("{}: {error}", path.display())))?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

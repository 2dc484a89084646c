//! SQLite: one file, durable at each commit, deleted values overwritten.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use waxseal_model::Purpose;

use super::restrict;
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
    /// Several connections that only read what is for this purpose.
    For(Purpose),
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
        // The log comes into the file within a commit, which everybody waits for: little at a time.
        .pragma("wal_autocheckpoint", "1000")
        .pragma(
            "cache_size",
            match purpose {
                Use::Write => "-32768",
                Use::For(_) => "-4096",
                Use::Read | Use::Snapshot | Use::Alone => "-8192",
            },
        )
        .disable_statement_logging();
    if matches!(purpose, Use::Read | Use::Snapshot) {
        options = options.pragma("query_only", "ON");
    }
    if purpose == Use::Snapshot {
        // Rows may be large, and whoever takes them waits for a disk.
        options = options.row_buffer_size(2);
    }
    if purpose == Use::Write {
        // A look into the queue reads some hundreds of small ones, without a way to its thread and back for each.
        options = options.row_buffer_size(1_024);
    }
    if matches!(purpose, Use::Write | Use::Alone) {
        // A transaction whose sync failed was refused, but its pages may lie in the log all the same: whoever opens the
        // file next takes them for committed, and the disk need not have them. Before anything is done on the strength
        // of the log it is brought into the file, written anew and synced, and begins again without a hole.
        options = options.pragma("wal_checkpoint", "TRUNCATE");
    }
    let connections = if matches!(purpose, Use::Read | Use::For(_)) { READERS } else { 1 };
    let mut pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false);
    if purpose == Use::Alone {
        // Asking takes a turn of the connection's thread. Those that only read need not wait for that, and whoever writes
        // what others read closes the connection itself after whatever failed.
        pool = pool.after_release(|connection, _| Box::pin(is_out_of_transactions(connection)));
    }
    let pool = match purpose {
        Use::For(purpose) => restricted(pool, purpose).connect_lazy_with(options),
        _ => pool
            .connect_with(options)
            .await
            .map_err(|error| OpenError::Database(format!("{}: {error}", path.display())))?,
    };
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// Each connection gets views in front of the tables, and then writes nothing any more.
fn restricted(pool: SqlitePoolOptions, purpose: Purpose) -> SqlitePoolOptions {
    let mut statements = restrict::sqlite(purpose);
    statements.push("PRAGMA query_only = ON".to_owned());
    let script: Arc<str> = statements.join(";\n").into();
    pool.after_connect(move |connection, _| {
        let script = Arc::clone(&script);
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(script.to_string())).execute(connection).await.map(drop)
        })
    })
}

/// Whether a connection may be used again. One whose COMMIT failed may not: SQLite has rolled back by then, so the
/// driver's ROLLBACK fails, the driver still counts an open transaction, and what it takes for commits from then on are
/// savepoints within one that nobody commits.
async fn is_out_of_transactions(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Whatever the driver was still to do comes before the answer.
    connection.ping().await?;
    let is_out = !connection.is_in_transaction();
    if !is_out {
        tracing::warn!("a connection whose commit failed is closed");
    }
    Ok(is_out)
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

    use super::*;

    async fn written(db: &DatabaseConnection, number: u8) -> Result<(), sea_orm::DbErr> {
        let transaction = db.begin().await?;
        transaction.execute_unprepared(&format!("INSERT INTO t VALUES ({number})")).await?;
        transaction.commit().await
    }

    #[tokio::test]
    async fn after_a_commit_that_failed_the_next_one_is_on_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("one.db");
        let db = connect(&path, Use::Alone).await.expect("connected");
        db.execute_unprepared("CREATE TABLE t (n)").await.expect("a table");
        {
            let mut connection = db.get_sqlite_connection_pool().acquire().await.expect("the connection");
            let mut handle = connection.lock_handle().await.expect("the handle");
            let mut left = 2;
            // As with a disk that fails, SQLite rolls back by itself. `true` lets a commit go on.
            handle.set_commit_hook(move || {
                left -= 1;
                left < 0
            });
        }
        written(&db, 1).await.expect_err("the disk fails");
        // On the connection that failed, or on a new one.
        let _ = written(&db, 2).await;
        for number in 3..=5 {
            written(&db, number).await.expect("it is well again");
        }
        // Another process looks: what is still in a transaction is not there.
        let other = connect(&path, Use::Read).await.expect("connected");
        let count = other
            .query_one_raw(sea_orm::Statement::from_string(
                sea_orm::DbBackend::Sqlite,
                "SELECT count(*) FROM t",
            ))
            .await
            .expect("read")
            .expect("a row");
        let count = count.try_get_by_index::<i64>(0).expect("a number");
        assert!(count >= 3, "{count} of what was committed");
    }
}

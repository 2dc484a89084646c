//! A PostgreSQL database that is nobody's: empty when it was claimed, so that whatever is in it afterwards may go.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, PgPool, Row as _};
use thiserror::Error;

use crate::{engine::postgres, error::OpenError};

/// What lies in the database, whoever made it.
const TABLES: &str = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' \
                      AND n.nspname <> 'information_schema' ORDER BY 1";

/// The database could not be claimed or cleared.
#[derive(Debug, Error)]
pub enum ScratchError {
    /// It is somebody's.
    #[error(
        "the database is not empty: it has {0} tables and was not touched; name one that was made for this (`createdb`)"
    )]
    NotEmpty(usize),
    /// It cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not do what it is told.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Folders of the server's own files.
#[derive(Debug, Clone)]
pub struct ServerFiles {
    /// The tables and indexes of this database.
    pub tables: PathBuf,
    /// The log of changes, of all databases.
    pub wal: PathBuf,
    /// What the server logs, where it does so to files that can be read.
    pub log: Option<PathBuf>,
}

/// Whether the log of changes was written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recycled {
    /// By so many segments.
    Segments(i64),
    /// The user may not.
    NotAllowed,
    /// The log is too long for it.
    TooMany(i64),
}

/// More segments than this are not written over.
const MOST_SEGMENTS: i64 = 32;

/// The database. It is left empty by [`Scratch::clear`].
pub struct Scratch {
    url: String,
}

impl Scratch {
    /// Claims the database of this URL, if nothing is in it.
    pub async fn claim(url: &str) -> Result<Self, ScratchError> {
        let scratch = Self { url: url.to_owned() };
        match scratch.tables().await?.len() {
            0 => Ok(scratch),
            some => Err(ScratchError::NotEmpty(some)),
        }
    }

    /// Its URL, with its password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drops every table that was made since.
    pub async fn clear(&self) -> Result<(), ScratchError> {
        let tables = self.tables().await?;
        let pool = self.pool().await?;
        for table in tables {
            sqlx::query(AssertSqlSafe(format!("DROP TABLE IF EXISTS \"{table}\" CASCADE")))
                .execute(&pool)
                .await?;
        }
        pool.close().await;
        Ok(())
    }

    /// The folders of the server's own files, the database written out and with statistics as PostgreSQL makes them by
    /// itself; `None` where the user may not know them, or they are not on this machine.
    pub async fn files(&self) -> Result<Option<ServerFiles>, ScratchError> {
        let pool = self.pool().await?;
        let place = "SELECT current_setting('data_directory'), oid::text, \
                     CASE WHEN current_setting('logging_collector') = 'on' THEN current_setting('log_directory') END \
                     FROM pg_database WHERE datname = current_database()";
        sqlx::query("ANALYZE").execute(&pool).await?;
        let found = match sqlx::query("CHECKPOINT").execute(&pool).await {
            Ok(_) => sqlx::query(place).fetch_one(&pool).await.ok(),
            Err(_) => None,
        };
        pool.close().await;
        let Some(row) = found else { return Ok(None) };
        let top = PathBuf::from(row.try_get::<String, _>(0)?);
        let tables = top.join("base").join(row.try_get::<String, _>(1)?);
        let log = row.try_get::<Option<String>, _>(2)?.map(|folder| top.join(folder));
        let wal = top.join("pg_wal");
        let readable = |folder: &PathBuf| std::fs::read_dir(folder).is_ok();
        let all = readable(&tables) && readable(&wal);
        Ok(all.then(|| ServerFiles { tables, wal, log: log.filter(readable) }))
    }

    /// Has PostgreSQL write over its log of changes: what it held until now is gone from it afterwards. It is done where
    /// the user is a superuser, because the log is that of every database of the server.
    pub async fn recycle_wal(&self) -> Result<Recycled, ScratchError> {
        let pool = self.pool().await?;
        let recycled = recycle(&pool).await;
        pool.close().await;
        Ok(recycled?)
    }

    async fn tables(&self) -> Result<Vec<String>, ScratchError> {
        let pool = self.pool().await?;
        let tables = sqlx::query_scalar(TABLES).fetch_all(&pool).await?;
        pool.close().await;
        Ok(tables)
    }

    async fn pool(&self) -> Result<PgPool, ScratchError> {
        Ok(postgres::connect_for_long(&self.url).await?.get_postgres_connection_pool().clone())
    }
}

/// A segment that is done with is kept under a later name, with what it held, until its turn comes. So as many are begun
/// as there are: each is filled up with zeros. The second time is for those that were in use the first time.
async fn recycle(pool: &PgPool) -> Result<Recycled, sqlx::Error> {
    let superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    if !sqlx::query_scalar::<_, bool>(superuser).fetch_one(pool).await? {
        return Ok(Recycled::NotAllowed);
    }
    let mut written = 0;
    for _ in 0..2 {
        sqlx::query("CHECKPOINT").execute(pool).await?;
        let segments = "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";
        let segments: i64 = sqlx::query_scalar(segments).fetch_one(pool).await?;
        if segments > MOST_SEGMENTS {
            return Ok(Recycled::TooMany(segments));
        }
        for _ in 0..=segments {
            // After a segment in which nothing stands none is begun.
            sqlx::query("SELECT pg_logical_emit_message(true, 'waxseal', 'next')").execute(pool).await?;
            sqlx::query("SELECT pg_switch_wal()").execute(pool).await?;
        }
        written += segments + 1;
    }
    sqlx::query("CHECKPOINT").execute(pool).await?;
    Ok(Recycled::Segments(written))
}

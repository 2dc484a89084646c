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

    /// The folder of the database's own files, written out and with statistics as PostgreSQL makes them by itself; `None`
    /// where the user may not know it, or it is not on this machine.
    pub async fn files(&self) -> Result<Option<PathBuf>, ScratchError> {
        let pool = self.pool().await?;
        let place = "SELECT current_setting('data_directory'), oid::text FROM pg_database WHERE datname = current_database()";
        sqlx::query("ANALYZE").execute(&pool).await?;
        let found = match sqlx::query("CHECKPOINT").execute(&pool).await {
            Ok(_) => sqlx::query(place).fetch_one(&pool).await.ok(),
            Err(_) => None,
        };
        pool.close().await;
        let Some(row) = found else { return Ok(None) };
        let folder =
            PathBuf::from(row.try_get::<String, _>(0)?).join("base").join(row.try_get::<String, _>(1)?);
        Ok(std::fs::read_dir(&folder).is_ok().then_some(folder))
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

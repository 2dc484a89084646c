//! The database, on either engine, read in one transaction that can write nothing.

use std::{path::Path, str::FromStr as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

/// A line of figures: some bytes, a number, a time.
pub(crate) type Figures = (Option<Vec<u8>>, i64, Option<i64>);

/// A connection in a transaction of its own.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// Opens what `store.url` names: `sqlite` is `waxseal.db` in the data folder.
    pub(crate) async fn open(data: &Path, url: &str) -> Result<Self> {
        if url == "sqlite" {
            let mut connection = open_file(&data.join("waxseal.db")).await?;
            sqlx::query("BEGIN").execute(&mut connection).await?;
            return Ok(Self::Sqlite(connection));
        }
        // The URL holds a password: it is never part of an error.
        let options = PgConnectOptions::from_str(url)
            .ok()
            .context("store.url: say sqlite, or postgres://USER@HOST/DATABASE")?
            .application_name("waxseal-auditor")
            .options([("default_transaction_read_only", "on")])
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options).await.context("the database")?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut connection).await?;
        Ok(Self::Postgres(connection))
    }

    /// Lines of figures.
    pub(crate) async fn figures(&mut self, sql: String) -> Result<Vec<Figures>> {
        let asked = sql.clone();
        let lines = match self {
            Self::Sqlite(connection) => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await,
        };
        lines.with_context(|| asked)
    }

    /// The tables that there are.
    pub(crate) async fn tables(&mut self) -> Result<Vec<String>> {
        let names: Vec<(String,)> = match self {
            Self::Sqlite(connection) => {
                let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
                sqlx::query_as(sql).fetch_all(connection).await?
            }
            Self::Postgres(connection) => {
                let sql = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1";
                sqlx::query_as(sql).fetch_all(connection).await?
            }
        };
        Ok(names.into_iter().map(|(name,)| name).collect())
    }
}

/// A file of SQLite, to be read beside whoever writes it.
pub(crate) async fn open_file(path: &Path) -> Result<SqliteConnection> {
    ensure!(path.is_file(), "{}: there is no such file", path.display());
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("query_only", "ON")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.with_context(|| path.display().to_string())
}

//! Compacting the database after an erasure: freed pages, and what deleted rows left in others.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    entity::erase::{EraseRule, tables},
    error::StoreError,
    open::Store,
};

/// What was done to the database's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// Written anew without what was deleted.
    Rewritten,
    /// What was deleted was overwritten where it lay: the database is too large to be written anew while it runs.
    Overwritten,
    /// PostgreSQL wrote all tables anew. What becomes of the files from before is PostgreSQL's, and not known here.
    TablesRewritten,
    /// PostgreSQL was told that the room of what was deleted is free, in tables that are too large to be written anew. When
    /// it writes over it is PostgreSQL's, and not known here.
    TablesVacuumed,
}

impl Compaction {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rewritten => "rewritten",
            Self::Overwritten => "overwritten",
            Self::TablesRewritten => "tables_rewritten",
            Self::TablesVacuumed => "tables_vacuumed",
        }
    }
}

/// SQLite holds the new database in memory while it writes it, and nobody else can write meanwhile.
const MOST_REWRITTEN: i64 = 256 << 20;

impl Store {
    /// Compacts the database. On SQLite `VACUUM` up to 256 MiB; beyond that `secure_delete` has overwritten what was
    /// deleted. The write-ahead log is emptied in both cases. On PostgreSQL `VACUUM (FULL)` of the tables that
    /// accounts have rows in, up to the same size each, beyond that `VACUUM`; its statistics, which quote values, are
    /// made anew. PostgreSQL's own log goes by its own rules.
    pub async fn compact(&self) -> Result<Compaction, StoreError> {
        match self.inner.readers.get_database_backend() {
            DbBackend::Postgres => self.compact_postgres().await,
            _ => self.compact_sqlite().await,
        }
    }

    async fn compact_sqlite(&self) -> Result<Compaction, StoreError> {
        let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let size = Statement::from_string(DbBackend::Sqlite, size);
        let size = self.inner.readers.query_one_raw(size).await?;
        let size: i64 = size.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        if size > MOST_REWRITTEN {
            self.inner.writer.checkpoint().await?;
            return Ok(Compaction::Overwritten);
        }
        self.inner.writer.compact().await?;
        Ok(Compaction::Rewritten)
    }

    async fn compact_postgres(&self) -> Result<Compaction, StoreError> {
        let unavailable = |error: sqlx::Error| StoreError::Unavailable(Box::new(error));
        let pool = self.inner.readers.get_postgres_connection_pool();
        // A connection of its own, without the limit of time of all others; it is closed afterwards.
        let mut connection = pool.acquire().await.map_err(unavailable)?.detach();
        sqlx::query("SET statement_timeout = 0").execute(&mut connection).await.map_err(unavailable)?;
        let mut done = Compaction::TablesRewritten;
        for table in tables().iter().filter(|table| table.erase != EraseRule::Stays) {
            let name = table.name;
            let size: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT pg_table_size('\"{name}\"')")))
                    .fetch_one(&mut connection)
                    .await
                    .map_err(unavailable)?;
            if let Some(forget) = forget_statistics(&mut connection, name).await.map_err(unavailable)? {
                sqlx::query(sqlx::AssertSqlSafe(forget))
                    .execute(&mut connection)
                    .await
                    .map_err(unavailable)?;
            }
            let how = if size <= MOST_REWRITTEN { "VACUUM (FULL, ANALYZE)" } else { "VACUUM (ANALYZE)" };
            if size > MOST_REWRITTEN {
                done = Compaction::TablesVacuumed;
            }
            sqlx::query(sqlx::AssertSqlSafe(format!("{how} \"{name}\"")))
                .execute(&mut connection)
                .await
                .map_err(unavailable)?;
        }
        // The owner of a database may do that; anybody else gets a warning, and what is left goes with later changes.
        sqlx::query("VACUUM (FULL) pg_catalog.pg_statistic")
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        sqlx::Connection::close(connection).await.map_err(unavailable)?;
        Ok(done)
    }
}

/// A statement after which PostgreSQL knows no values of the table's columns: those of a table that is empty by now would
/// stay in its statistics for good. To give a column the type that it has changes nothing else.
async fn forget_statistics(
    connection: &mut sqlx::PgConnection,
    table: &str,
) -> Result<Option<String>, sqlx::Error> {
    let columns = "SELECT string_agg(format('ALTER COLUMN %I TYPE %s', attname, format_type(atttypid, atttypmod)), ', ') \
                   FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let changes: Option<String> =
        sqlx::query_scalar(columns).bind(format!("\"{table}\"")).fetch_one(connection).await?;
    Ok(changes.map(|changes| format!("ALTER TABLE \"{table}\" {changes}")))
}

//! Where something is kept: looks through every column of both files, opening what is sealed, and tells places and
//! counts. What was opened goes no further than the search.

use std::{collections::HashSet, sync::Arc};

use futures_util::TryStreamExt as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement, StreamTrait};
use waxseal_model::{Access, AccountId, data_class::AtRest};

use crate::{
    error::StoreError, event_log::header_hash, open::Store, retention::ClassifiedColumn, rows::RowId,
    suppression::address_hash, vault::Slot,
};

/// Counts what is looked for in a value.
pub type Look = Arc<dyn Fn(&[u8]) -> u64 + Send + Sync>;

/// What was found where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Table; `keys.…` for the keyring's file.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// How it rests there.
    pub at_rest: AtRest,
    /// How many rows hold it.
    pub rows: u64,
}

/// How a search went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Where it was found, by table and column.
    pub places: Vec<Place>,
    /// Values looked at.
    pub values: u64,
    /// Sealed values opened.
    pub opened: u64,
    /// Sealed values that no key of the ring opens.
    pub unreadable: u64,
}

/// A larger value is looked through beside the other work.
const LARGE: usize = 64 << 10;

impl Store {
    /// Looks for `term` in every column: as `look` finds it in what rests in the clear or opens, by hash where only
    /// a hash is kept. `access` says who has what is sealed opened, and what for.
    pub async fn search(&self, term: &str, look: Look, access: &Access) -> Result<Searched, StoreError> {
        tracing::info!(actor = ?access.actor(), purpose = ?access.purpose(), "looking for places of a term");
        let map = Self::data_map();
        let mut searched = Searched::default();
        for columns in map.chunk_by(|one, next| one.table == next.table) {
            self.search_table(columns, term, &look, &mut searched).await?;
        }
        Ok(searched)
    }

    async fn search_table(
        &self,
        columns: &[ClassifiedColumn],
        term: &str,
        look: &Look,
        searched: &mut Searched,
    ) -> Result<(), StoreError> {
        let Some(table) = columns.first().map(|column| column.table) else { return Ok(()) };
        let (db, name) = match table.strip_prefix("keys.") {
            Some(name) => (self.inner.keyring.database(), name),
            None => (&self.inner.readers, table),
        };
        let statement = select(db, name, columns).await?;
        let mut rows = vec![0; columns.len()];
        let mut stream = db.stream_raw(statement).await?;
        while let Some(row) = stream.try_next().await? {
            let row = Row { columns, values: values(&row, columns.len())? };
            for (column, rows) in columns.iter().zip(&mut rows) {
                if self.column_holds(&row, column, term, look, searched).await? {
                    *rows += 1;
                }
            }
        }
        for (column, rows) in columns.iter().zip(rows).filter(|(_, rows)| *rows > 0) {
            let ClassifiedColumn { table, column, class } = column;
            searched.places.push(Place { table, column, at_rest: class.at_rest, rows });
        }
        Ok(())
    }

    /// Whether the column of the row holds the term.
    async fn column_holds(
        &self,
        row: &Row<'_>,
        column: &ClassifiedColumn,
        term: &str,
        look: &Look,
        searched: &mut Searched,
    ) -> Result<bool, StoreError> {
        let Some(value) = row.value(column.column) else { return Ok(false) };
        searched.values += 1;
        match column.class.at_rest {
            AtRest::Clear => Ok(look(value) > 0),
            AtRest::SealedByMaster | AtRest::AsColumns | AtRest::Nowhere => Ok(false),
            AtRest::KeyedHash => Ok(look(value) > 0 || self.is_hash_of(row, column, term, value).await?),
            AtRest::SealedByAccount | AtRest::SealedByDay => {
                let (Some(account), Some(place)) = (row.account(), row.place()) else {
                    searched.unreadable += 1;
                    return Ok(false);
                };
                let slot = Slot::new(column.table, column.column);
                match self.inner.open(slot, account, &place, value).await {
                    Ok(opened) => {
                        searched.opened += 1;
                        if opened.len() < LARGE {
                            return Ok(look(&opened) > 0);
                        }
                        let look = Arc::clone(look);
                        let found = tokio::task::spawn_blocking(move || look(&opened) > 0).await;
                        found.map_err(|error| StoreError::Unavailable(Box::new(error)))
                    }
                    Err(StoreError::Erased | StoreError::Corrupt { .. }) => {
                        searched.unreadable += 1;
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    async fn is_hash_of(
        &self,
        row: &Row<'_>,
        column: &ClassifiedColumn,
        term: &str,
        hash: &[u8],
    ) -> Result<bool, StoreError> {
        if column.column == "login_hash" {
            return Ok(self.inner.keyring.login_hash(&term.to_lowercase()) == hash);
        }
        let make = match column.column {
            "recipient_hash" | "address_hash" => address_hash,
            "header_hash" => header_hash,
            // Hashes of what a customer's program made up, and of random keys: `look` knows the latter.
            _ => return Ok(false),
        };
        let Some(account) = row.account() else { return Ok(false) };
        match self.inner.keyring.pepper(account).await {
            Ok(pepper) => Ok(make(&pepper, term.trim_matches(['<', '>'])) == hash),
            Err(StoreError::Erased) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A row as bytes.
struct Row<'a> {
    columns: &'a [ClassifiedColumn],
    values: Vec<Option<Vec<u8>>>,
}

impl Row<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        let index = self.columns.iter().position(|column| column.column == name)?;
        self.values.get(index)?.as_deref()
    }

    fn account(&self) -> Option<AccountId> {
        let column = if self.columns.first()?.table == "accounts" { "id" } else { "account" };
        AccountId::from_row(self.value(column)?, "", "account").ok()
    }

    /// What the sealed values of the row are bound to, beside account, table and column.
    fn place(&self) -> Option<Vec<u8>> {
        let own = match self.columns.first()?.table {
            "suppressions" => {
                let parts = [self.value("domain")?, self.value("address_hash")?, self.value("kind")?];
                return Some(parts.concat());
            }
            "bodies" | "archive_jobs" => "message",
            "idempotency_keys" => "key_hash",
            _ => "id",
        };
        self.value(own).map(<[u8]>::to_vec)
    }
}

fn values(row: &QueryResult, count: usize) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    (0..count).map(|index| Ok(row.try_get_by_index(index)?)).collect()
}

/// A statement that reads the columns as bytes, in their order.
async fn select(
    db: &DatabaseConnection,
    table: &str,
    columns: &[ClassifiedColumn],
) -> Result<Statement, StoreError> {
    let backend = db.get_database_backend();
    let bytes = if backend == DbBackend::Postgres { bytes_of(db, table).await? } else { HashSet::new() };
    let list: Vec<String> = columns
        .iter()
        .map(|column| match (backend, column.column) {
            (DbBackend::Postgres, name) if bytes.contains(name) => format!("\"{name}\""),
            (DbBackend::Postgres, name) => format!("convert_to(\"{name}\"::text, 'UTF8')"),
            (_, name) => format!("CAST(\"{name}\" AS BLOB)"),
        })
        .collect();
    Ok(Statement::from_string(backend, format!("SELECT {} FROM \"{table}\"", list.join(", "))))
}

/// The columns of the table that are bytes on PostgreSQL.
async fn bytes_of(db: &DatabaseConnection, table: &str) -> Result<HashSet<String>, StoreError> {
    let sql = "SELECT column_name::text FROM information_schema.columns \
               WHERE table_schema = current_schema() AND table_name = $1 AND data_type = 'bytea'";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [table.into()]);
    let rows = db.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

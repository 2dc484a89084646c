//! Rows read as bytes, whatever their table: for those who look at all of them alike.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use waxseal_model::AccountId;

use crate::{
    error::StoreError, open::Store, request::NOBODY, retention::ClassifiedColumn, rows::RowId, vault::Slot,
};

impl Store {
    /// In which file a table of the data map lies, and its name there.
    pub(crate) fn file_of(&self, table: &'static str) -> (&DatabaseConnection, &'static str) {
        match table.strip_prefix("keys.") {
            Some(name) => (self.inner.keyring.database(), name),
            None => (&self.inner.readers, table),
        }
    }
}

impl ClassifiedColumn {
    /// What sealed values of the column are bound to.
    pub(crate) fn slot(&self) -> Slot {
        Slot::new(self.table.strip_prefix("keys.").unwrap_or(self.table), self.column)
    }
}

/// A row as bytes.
pub(crate) struct Row<'a> {
    pub(crate) columns: &'a [ClassifiedColumn],
    pub(crate) values: Vec<Option<Vec<u8>>>,
}

impl<'a> Row<'a> {
    /// Reads the columns of a statement of [`select`].
    pub(crate) fn read(columns: &'a [ClassifiedColumn], row: &QueryResult) -> Result<Self, StoreError> {
        let values = (0..columns.len())
            .map(|index| Ok(row.try_get_by_index(index)?))
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { columns, values })
    }

    /// What stands in a column.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let index = self.columns.iter().position(|column| column.column == name)?;
        self.values.get(index)?.as_deref()
    }

    /// Whose it is.
    pub(crate) fn account(&self) -> Option<AccountId> {
        let column = if self.columns.first()?.table == "accounts" { "id" } else { "account" };
        AccountId::from_row(self.value(column)?, "", "account").ok()
    }

    /// Under whose keys its sealed values are: its account's, or the instance's if it is of none.
    pub(crate) fn owner(&self) -> Option<AccountId> {
        let of_nobody = ["sts_policies", "tls_results"];
        match self.columns.first()?.table {
            table if of_nobody.contains(&table) => Some(NOBODY),
            _ => self.account(),
        }
    }

    /// What the sealed values of the row are bound to, beside account, table and column.
    pub(crate) fn place(&self) -> Option<Vec<u8>> {
        let own = match self.columns.first()?.table {
            "suppressions" => {
                let parts = [self.value("domain")?, self.value("address_hash")?, self.value("kind")?];
                return Some(parts.concat());
            }
            "bodies" | "archive_jobs" => "message",
            "idempotency_keys" => "key_hash",
            "sts_policies" | "tls_results" => "destination",
            _ => "id",
        };
        self.value(own).map(<[u8]>::to_vec)
    }
}

/// A statement that reads the columns as bytes, in their order.
pub(crate) async fn select(
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

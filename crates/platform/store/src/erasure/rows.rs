//! Deleting an account's rows, table by table, by the rules declared beside the entities.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use waxseal_model::{AccountId, Timestamp};

use crate::{
    entity::erase::{EraseRule, Table, tables},
    error::StoreError,
    open::Store,
    rows::{RowId, count},
    writer::{Effects, Tx},
};

impl Store {
    /// Deletes at most `limit` rows of an account, from the first tables that have some; how many.
    pub(super) async fn erase_account_rows(
        &self,
        erasure: i64,
        account: AccountId,
        limit: u64,
    ) -> Result<u64, StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let mut left = limit;
                    for table in tables() {
                        if left == 0 {
                            break;
                        }
                        let deleted = delete(tx, &table, account, left).await?;
                        add_count(tx, erasure, table.name, deleted).await?;
                        left = left.saturating_sub(deleted);
                    }
                    Ok(limit - left)
                })
            })
            .await
    }
}

impl Store {
    /// How many rows the account has left, by table; tables with none are not named.
    pub async fn rows_left(&self, account: AccountId) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let db = &self.inner.readers;
        let backend = db.get_database_backend();
        let place = if backend == DbBackend::Postgres { "$1" } else { "?" };
        let mut left = BTreeMap::new();
        for table in tables() {
            let EraseRule::RowsOf(column) = table.erase else { continue };
            let statement = format!("SELECT count(*) FROM \"{}\" WHERE \"{column}\" = {place}", table.name);
            let statement = Statement::from_sql_and_values(backend, statement, [account.to_row().into()]);
            let row = db.query_one_raw(statement).await?;
            let found: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
            if found > 0 {
                left.insert(table.name, count(found));
            }
        }
        Ok(left)
    }

    /// In how many tables rows of accounts can be.
    pub fn tables_of_accounts() -> u64 {
        tables().iter().filter(|table| matches!(table.erase, EraseRule::RowsOf(_))).count() as u64
    }
}

/// Deletes at most `limit` of the account's rows in a table, if its rule says so; how many.
async fn delete(tx: &Tx, table: &Table, account: AccountId, limit: u64) -> Result<u64, StoreError> {
    let EraseRule::RowsOf(column) = table.erase else { return Ok(0) };
    let name = table.name;
    // By the place of the row: tables differ in their keys, and this is the same for all.
    let statement = match tx.get_database_backend() {
        DbBackend::Postgres => format!(
            "DELETE FROM \"{name}\" WHERE ctid = ANY(ARRAY(\
             SELECT ctid FROM \"{name}\" WHERE \"{column}\" = $1 LIMIT {limit}))"
        ),
        _ => format!(
            "DELETE FROM \"{name}\" WHERE rowid IN (\
             SELECT rowid FROM \"{name}\" WHERE \"{column}\" = ? LIMIT {limit})"
        ),
    };
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), statement, [account.to_row().into()]);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Adds to what an erasure has deleted in a store.
pub(crate) async fn add_count(tx: &Tx, erasure: i64, store: &str, rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        return Ok(());
    }
    let insert = "INSERT INTO erasure_counts (erasure, store, rows) VALUES (";
    let update = ") ON CONFLICT (erasure, store) DO UPDATE SET rows = erasure_counts.rows + excluded.rows";
    let statement = match tx.get_database_backend() {
        DbBackend::Postgres => format!("{insert}$1, $2, $3{update}"),
        _ => format!("{insert}?, ?, ?{update}"),
    };
    let values = [erasure.into(), store.into(), crate::rows::signed(rows).into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), statement, values)).await?;
    Ok(())
}

/// Notes that the content of one more message stays until then at most.
pub(crate) async fn add_kept(tx: &Tx, erasure: i64, until: Timestamp) -> Result<(), StoreError> {
    let insert = "INSERT INTO erasure_counts (erasure, store, rows, kept_until) VALUES (";
    let update = ") ON CONFLICT (erasure, store) DO UPDATE SET rows = erasure_counts.rows + excluded.rows, \
                  kept_until = CASE WHEN excluded.kept_until > erasure_counts.kept_until \
                  THEN excluded.kept_until ELSE erasure_counts.kept_until END";
    let statement = match tx.get_database_backend() {
        DbBackend::Postgres => format!("{insert}$1, $2, $3, $4{update}"),
        _ => format!("{insert}?, ?, ?, ?{update}"),
    };
    let values = [erasure.into(), "content kept".into(), 1_i64.into(), until.as_micros().into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), statement, values)).await?;
    Ok(())
}

//! After a restore: what was erased since the backup is erased again, before anybody comes in.
//!
//! The database notes the last erasure that was applied to it. A restored one is behind the journal, which lies with
//! the keys and is not part of a backup; then everything after that place is applied again.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use waxseal_model::AccountId;

use super::ErasureKind;
use crate::{
    entity::erase::{EraseRule, tables},
    error::StoreError,
    keyring,
    open::Store,
    rows::RowId,
};

const APPLIED: &str = "erasures applied";
/// Rows deleted by one transaction.
const BATCH: u64 = 1_000;

/// What was applied again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reapplied {
    /// Erasures of the journal that this database did not know.
    pub erasures: u64,
    /// Rows that came back with it and went again.
    pub rows: u64,
    /// Rows that came back and had been deleted, ended or replaced one by one.
    pub deletions: u64,
}

impl Store {
    /// Applies the erasures again that this database does not know of, because it was restored. Opening the store
    /// does it; with nothing to do it costs two look-ups.
    pub async fn reapply_erasures(&self) -> Result<Reapplied, StoreError> {
        let applied = self.note(APPLIED).await?.unwrap_or(0);
        let end = self.inner.keyring.journal_end().await?;
        if applied >= end {
            return Ok(Reapplied::default());
        }
        let entries = self.inner.keyring.journal_after(applied).await?;
        let mut done = Reapplied { erasures: entries.len() as u64, ..Reapplied::default() };
        let accounts: HashSet<Vec<u8>> = entries
            .iter()
            .filter(|entry| entry.kind == ErasureKind::Account.as_str())
            .map(|entry| entry.account_hash.clone())
            .collect();
        for account in self.accounts_with_rows(&accounts).await? {
            done.rows += self.until_none(|| self.erase_account_rows(0, account, BATCH)).await?;
        }
        for entry in entries {
            let mut erasure = self.inner.keyring.journal_read(entry)?;
            // Its count belongs to no erasure that is under way.
            erasure.number = 0;
            if erasure.kind != ErasureKind::Account {
                done.rows += match self.until_none(|| self.erase_batch(&erasure, BATCH)).await {
                    // The account itself has been erased since.
                    Err(StoreError::Erased) => 0,
                    outcome => outcome?,
                };
            }
        }
        self.forget_counts(0).await?;
        // Even if no row was left: whoever deleted them may have been killed before this.
        self.compact().await?;
        tracing::warn!(
            erasures = done.erasures,
            rows = done.rows,
            "erasures were applied again to this database"
        );
        self.note_applied(end).await?;
        Ok(done)
    }

    /// How many accounts were erased, and of how many of them rows are here all the same.
    pub async fn erased_accounts(&self) -> Result<(u64, u64), StoreError> {
        let done = self.inner.keyring.journal_after(0).await?;
        let hashes: HashSet<Vec<u8>> = done
            .into_iter()
            .filter(|entry| entry.kind == ErasureKind::Account.as_str())
            .map(|entry| entry.account_hash)
            .collect();
        let present = self.accounts_with_rows(&hashes).await?.len();
        Ok((hashes.len() as u64, present as u64))
    }

    /// Notes the last erasure that is applied to this database.
    pub(super) async fn note_applied(&self, sequence: i64) -> Result<(), StoreError> {
        let known = self.note(APPLIED).await?.unwrap_or(0);
        self.write_note(APPLIED, Some(sequence.max(known))).await
    }

    async fn until_none<F: Future<Output = Result<u64, StoreError>>>(
        &self,
        batch: impl Fn() -> F,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let rows = batch().await?;
            if rows == 0 {
                return Ok(total);
            }
            total += rows;
        }
    }

    /// The accounts with rows in any table whose hash is among these: ids are found, because the journal has none.
    async fn accounts_with_rows(&self, hashes: &HashSet<Vec<u8>>) -> Result<Vec<AccountId>, StoreError> {
        let mut found: HashSet<Vec<u8>> = HashSet::new();
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let db = &self.inner.readers;
        for table in tables() {
            let EraseRule::RowsOf(column) = table.erase else { continue };
            let mut after: Vec<u8> = Vec::new();
            loop {
                // From one account to the next by the index: the cost is that of the accounts, not of their rows.
                let place = if db.get_database_backend() == DbBackend::Postgres { "$1" } else { "?" };
                let next = format!(
                    "SELECT \"{column}\" FROM \"{}\" WHERE \"{column}\" > {place} ORDER BY \"{column}\" LIMIT 1",
                    table.name
                );
                let backend = db.get_database_backend();
                let next = Statement::from_sql_and_values(backend, next, [after.clone().into()]);
                let Some(row) = db.query_one_raw(next).await? else { break };
                after = row.try_get_by_index(0)?;
                if hashes.contains(&keyring::hash_of(&after)) {
                    found.insert(after.clone());
                }
            }
        }
        found.iter().map(|bytes| AccountId::from_row(bytes, "accounts", "id")).collect()
    }
}

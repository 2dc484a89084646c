//! Accounts that are to be erased are closed: nobody gets in, and what waits in their queue does not leave.
//!
//! Their entries are parked, out of the way of everybody else's, however many they are.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::{AccountId, Timestamp};

use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::Effects,
};

/// When a parked entry is ready: never.
pub(crate) const PARKED: i64 = i64::MAX;
/// Entries parked by one transaction.
const BATCH: u64 = 2_000;

/// The closed accounts, each with the time when its erasure begins.
#[derive(Default)]
pub(crate) struct Closed(RwLock<HashMap<AccountId, Timestamp>>);

impl Closed {
    pub(super) fn insert(&self, account: AccountId, final_at: Timestamp) {
        self.write().insert(account, final_at);
    }

    pub(super) fn remove(&self, account: AccountId) {
        self.write().remove(&account);
    }

    /// The ids as rows hold them.
    pub(crate) fn rows(&self) -> Vec<Vec<u8>> {
        self.read().keys().map(|account| account.to_row()).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// When the erasure of this account begins (or began), if it is to be erased: it is closed, and nobody may come
    /// in for it. Costs a look into memory.
    pub fn closed_until_erased(&self, account: AccountId) -> Option<Timestamp> {
        self.inner.closed.read().get(&account).copied()
    }

    /// What a closed account gets: nothing is taken for it, and nothing is lost if it is opened again.
    pub(crate) fn refuse_closed(&self, account: AccountId) -> Result<(), StoreError> {
        match self.closed_until_erased(account) {
            Some(_) => Err(StoreError::Unavailable("the account is closed: it is to be erased".into())),
            None => Ok(()),
        }
    }

    /// Parks entries of a closed account that wait in the queue, at most a batch; how many.
    pub async fn park(&self, account: AccountId) -> Result<u64, StoreError> {
        self.set_ready(account, Column::ReadyAt.ne(PARKED).and(Column::Lease.is_null()), PARKED.into()).await
    }

    /// Puts all parked entries of an account back to their times.
    pub(super) async fn unpark(&self, account: AccountId) -> Result<(), StoreError> {
        loop {
            let moved = self.set_ready(account, Column::ReadyAt.eq(PARKED), Expr::col(Column::DueAt)).await?;
            if moved < BATCH {
                return Ok(());
            }
        }
    }

    async fn set_ready(&self, account: AccountId, which: Expr, ready_at: Expr) -> Result<u64, StoreError> {
        let some = queue_entry::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Account.eq(account.to_row()))
            .filter(which)
            .limit(BATCH);
        self.inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let changed = queue_entry::Entity::update_many()
                        .col_expr(Column::ReadyAt, ready_at)
                        .filter(Column::Id.in_subquery(some.into_query()))
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected)
                })
            })
            .await
    }

    /// Knows again, after opening, which accounts are closed.
    pub(crate) async fn recall_closed(&self) -> Result<(), StoreError> {
        for erasure in self.inner.keyring.journal_open().await? {
            if let (super::ErasureKind::Account, Some(account)) = (erasure.kind, erasure.account) {
                self.inner.closed.insert(account, erasure.final_at);
            }
        }
        Ok(())
    }
}

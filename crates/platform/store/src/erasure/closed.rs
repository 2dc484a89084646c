//! Accounts that are to be erased are closed: nobody gets in, and what waits in their queue does not leave.
//!
//! Their entries are parked, out of the way of everybody else's, however many they are.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
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
    queue::HELD,
    rows::RowId,
    writer::Effects,
};

/// When a parked entry is ready: never.
pub(crate) const PARKED: i64 = i64::MAX;
/// Entries parked by one transaction.
const BATCH: u64 = 2_000;

/// The closed accounts, each with the time when its erasure begins.
#[derive(Default)]
pub(crate) struct Closed {
    accounts: RwLock<HashMap<AccountId, Timestamp>>,
    changes: AtomicU64,
}

impl Closed {
    pub(super) fn insert(&self, account: AccountId, final_at: Timestamp) {
        self.write().insert(account, final_at);
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub(super) fn remove(&self, account: AccountId) {
        // Before: who still finds the account open after the change has not remembered it from before.
        self.changes.fetch_add(1, Ordering::Release);
        self.write().remove(&account);
    }

    /// The ids as rows hold them.
    pub(crate) fn rows(&self) -> Vec<Vec<u8>> {
        self.read().keys().map(|account| account.to_row()).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<AccountId, Timestamp>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<AccountId, Timestamp>> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// When the erasure of this account begins (or began), if it is to be erased: it is closed, and nobody may come
    /// in for it. Costs a look into memory.
    pub fn closed_until_erased(&self, account: AccountId) -> Option<Timestamp> {
        self.inner.closed.read().get(&account).copied()
    }

    /// Changes whenever an account is closed, opened again or erased: whatever is remembered of accounts from before
    /// has to be read anew.
    pub fn closed_changes(&self) -> u64 {
        self.inner.closed.changes.load(Ordering::Acquire)
    }

    /// What a closed account gets: nothing is taken for it, and nothing is lost if it is opened again.
    pub(crate) fn refuse_closed(&self, account: AccountId) -> Result<(), StoreError> {
        match self.closed_until_erased(account) {
            Some(_) => Err(StoreError::Unavailable("the account is closed: it is to be erased".into())),
            None => Ok(()),
        }
    }

    /// Parks entries of a closed account that wait in the queue, at most a batch; how many. Of an open one: none.
    pub async fn park(&self, account: AccountId) -> Result<u64, StoreError> {
        if self.closed_until_erased(account).is_none() {
            return Ok(0);
        }
        // What is held leaves by itself neither now nor when the account is open again.
        let leaves = Column::ReadyAt.lt(HELD.as_micros()).and(Column::Lease.is_null());
        self.set_ready(account, leaves, PARKED.into()).await
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
        // A crash while an account was opened again leaves entries parked.
        let closed = self.inner.closed.rows();
        while let Some(parked) = queue_entry::Entity::find()
            .filter(Column::ReadyAt.eq(PARKED))
            .filter(Column::Account.is_not_in(closed.clone()))
            .one(&self.inner.readers)
            .await?
        {
            self.unpark(AccountId::from_row(&parked.account, "queue_entries", "account")?).await?;
        }
        Ok(())
    }
}

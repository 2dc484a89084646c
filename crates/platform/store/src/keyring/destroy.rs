//! Destroying keys: overwritten, deleted, checkpointed, forgotten.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, Set, Statement,
    sea_query::{Expr, ExprTrait},
};
use tokio::sync::MutexGuard;
use waxseal_model::{AccountId, time::Day};

use super::{
    KeyClass, KeyName, Keyring,
    entity::{self, ring_grave, ring_key},
    epoch::{self, Epochs},
    journal,
    wrapping::WRAPPED,
};
use crate::{error::StoreError, rows::RowId};

impl Keyring {
    /// The keys of a class whose day lies before `day`, with the day as of which each counts: its own, or, for a key
    /// that was made ahead of its time, the day on which that was seen.
    pub(crate) async fn before(&self, class: KeyClass, day: Day) -> Result<Vec<(KeyName, Day)>, StoreError> {
        let own = self.list(class, ring_key::Column::Day.lt(day.0)).await?;
        let mut keys: Vec<(KeyName, Day)> = own.into_iter().map(|name| (name, name.day)).collect();
        let ahead = {
            let _file = self.file.lock().await;
            self.marked_ahead().await?
        };
        for (ahead, counts_as) in ahead {
            if ahead >= day && counts_as < day {
                let names = self.of_day(class, ahead).await?;
                keys.extend(names.into_iter().map(|name| (name, counts_as)));
            }
        }
        Ok(keys)
    }

    /// All keys of a class.
    pub(crate) async fn of_class(&self, class: KeyClass) -> Result<Vec<KeyName>, StoreError> {
        self.list(class, Expr::value(true)).await
    }

    /// The keys of a class of this day.
    pub(crate) async fn of_day(&self, class: KeyClass, day: Day) -> Result<Vec<KeyName>, StoreError> {
        self.list(class, ring_key::Column::Day.eq(day.0)).await
    }

    async fn list(&self, class: KeyClass, days: Expr) -> Result<Vec<KeyName>, StoreError> {
        let _file = self.file.lock().await;
        let rows = ring_key::Entity::find()
            .filter(ring_key::Column::Class.eq(class.as_str()))
            .filter(days)
            .all(&self.db)
            .await?;
        rows.iter().map(entity::name_of).collect()
    }

    /// Destroys these keys, whoever uses them; how many there were.
    pub(crate) async fn destroy(&self, names: &[KeyName]) -> Result<u64, StoreError> {
        let _file = self.file.lock().await;
        for name in names {
            self.cache.evict(*name);
        }
        self.wipe(names).await
    }

    /// Destroys every key of an account, of all classes and days, whoever uses them; how many there were. From
    /// then on no key is made for it: what still works for the account gets [`StoreError::Erased`].
    pub(crate) async fn destroy_account(&self, account: AccountId) -> Result<u64, StoreError> {
        let mut epochs = self.file.lock().await;
        // First, so that a failure half-way leaves nothing readable that was to go.
        self.cache.evict_account(account);
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        let destroyed = bury(&transaction, account).await?;
        epoch::mark(&transaction, epoch::DUE, Vec::new()).await?;
        transaction.commit().await?;
        self.renew_locked(&mut epochs).await?;
        Ok(destroyed)
    }

    /// Those of these keys that nobody holds now. Until the answer is dropped nobody can take one of them up:
    /// who wants it waits.
    pub(crate) async fn unheld(&self, names: &[KeyName]) -> Unheld<'_> {
        let file = self.file.lock().await;
        let names = names.iter().copied().filter(|name| self.cache.evict_unused(*name)).collect();
        Unheld { ring: self, names, _file: file }
    }

    async fn wipe(&self, names: &[KeyName]) -> Result<u64, StoreError> {
        if names.is_empty() {
            return Ok(0);
        }
        let mut destroyed = 0;
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        for name in names {
            // Two steps, so that the page with the key is written over even where deleting alone
            // would only unlink it.
            ring_key::Entity::update_many()
                .col_expr(ring_key::Column::Wrapped, Expr::value(vec![0u8; WRAPPED]))
                .filter(matches(*name))
                .exec(&transaction)
                .await?;
            destroyed += ring_key::Entity::delete_many()
                .filter(matches(*name))
                .exec(&transaction)
                .await?
                .rows_affected;
        }
        epoch::mark(&transaction, epoch::DUE, Vec::new()).await?;
        transaction.commit().await?;
        self.truncate_wal().await?;
        Ok(destroyed)
    }

    /// Moves everything into the file and cuts the log to nothing: older states of pages are gone.
    pub(super) async fn truncate_wal(&self) -> Result<(), StoreError> {
        let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
        let row = self.db.query_one_raw(statement).await?;
        match row.map(|row| row.try_get_by_index::<i32>(0)).transpose()? {
            Some(0) => Ok(()),
            _ => Err(StoreError::Unavailable("the keyring's log could not be cut".into())),
        }
    }
}

/// Keys that nobody holds, and nobody can take up now.
pub(crate) struct Unheld<'a> {
    ring: &'a Keyring,
    names: Vec<KeyName>,
    _file: MutexGuard<'a, Epochs>,
}

impl Unheld<'_> {
    /// Which.
    pub(crate) fn names(&self) -> &[KeyName] {
        &self.names
    }

    /// Destroys some of them; how many there were.
    pub(crate) async fn destroy(self, names: &[KeyName]) -> Result<u64, StoreError> {
        self.ring.wipe(names).await
    }
}

/// Overwrites and deletes every key of an account and sees to it that none is made again; how many there were.
pub(super) async fn bury(transaction: &DatabaseTransaction, account: AccountId) -> Result<u64, StoreError> {
    let grave = ring_grave::ActiveModel { account_hash: Set(journal::account_hash(account)) };
    ring_grave::Entity::insert(grave).on_conflict_do_nothing().exec_without_returning(transaction).await?;
    ring_key::Entity::update_many()
        .col_expr(ring_key::Column::Wrapped, Expr::value(vec![0u8; WRAPPED]))
        .filter(of_account(account))
        .exec(transaction)
        .await?;
    let destroyed = ring_key::Entity::delete_many().filter(of_account(account)).exec(transaction).await?;
    Ok(destroyed.rows_affected)
}

/// Overwrites and deletes one key; its number, if it was there.
pub(super) async fn wipe_one(
    transaction: &DatabaseTransaction,
    name: KeyName,
) -> Result<Option<i64>, StoreError> {
    let Some(key) = ring_key::Entity::find().filter(matches(name)).one(transaction).await? else {
        return Ok(None);
    };
    ring_key::Entity::update_many()
        .col_expr(ring_key::Column::Wrapped, Expr::value(vec![0u8; WRAPPED]))
        .filter(matches(name))
        .exec(transaction)
        .await?;
    ring_key::Entity::delete_many().filter(matches(name)).exec(transaction).await?;
    Ok(Some(key.id))
}

/// All keys of an account; names the classes so that the index on (class, account, day) serves.
pub(super) fn of_account(account: AccountId) -> Expr {
    ring_key::Column::Class
        .is_in(KeyClass::ALL.map(KeyClass::as_str))
        .and(ring_key::Column::Account.eq(account.to_row()))
}

fn matches(name: KeyName) -> Expr {
    ring_key::Column::Class
        .eq(name.class.as_str())
        .and(ring_key::Column::Account.eq(name.account.to_row()))
        .and(ring_key::Column::Day.eq(name.day.0))
}

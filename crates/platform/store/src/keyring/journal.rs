//! The erasure journal: what is to be erased, how far it is, what was erased.
//!
//! An entry names its account until it is done; then only a hash of it is left, which finds what a restored
//! database brings back and nobody else.

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, TransactionTrait, sea_query::Expr,
};
use waxseal_model::{AccountId, ErasureId, Timestamp, time::Day};

use super::{
    KeyClass, KeyName, Keyring, destroy,
    entity::{ring_erasure, ring_hold, ring_key},
    epoch,
};
use crate::{
    erasure::{Erasure, ErasureKind, ErasureState},
    error::StoreError,
    rows::{RowId, time},
};

/// What becomes an entry of the journal.
pub(crate) struct NewErasure {
    pub(crate) id: ErasureId,
    pub(crate) kind: ErasureKind,
    pub(crate) account: AccountId,
    /// Under the account's pepper: whom it is about, if not the account as a whole.
    pub(crate) subject_hash: Option<Vec<u8>>,
    pub(crate) pseudonym: [u8; 16],
    pub(crate) state: ErasureState,
    pub(crate) asked_at: Timestamp,
    pub(crate) final_at: Timestamp,
}

/// The hash by which an erased account is known.
pub(crate) fn account_hash(account: AccountId) -> Vec<u8> {
    hash_of(&account.to_bytes())
}

/// The same of the id's bytes.
pub(crate) fn hash_of(account: &[u8]) -> Vec<u8> {
    digest(&SHA256, &[b"waxseal erased account 1".as_slice(), account].concat()).as_ref().to_vec()
}

impl Keyring {
    /// Writes a new entry; on stable storage when it answers. An account that is to be erased has one entry of that
    /// kind: where it is there already, it is the answer.
    pub(crate) async fn journal_add(&self, new: NewErasure) -> Result<Erasure, StoreError> {
        let transaction = self.db.begin().await?;
        if new.kind == ErasureKind::Account
            && let Some(row) = of_account(&transaction, new.account).await?
        {
            return erasure(row);
        }
        let row = ring_erasure::ActiveModel {
            number: NotSet,
            id: Set(new.id.to_row()),
            kind: Set(new.kind.as_str().to_owned()),
            account: Set(new.account.to_row()),
            account_hash: Set(account_hash(new.account)),
            subject_hash: Set(new.subject_hash),
            pseudonym: Set(new.pseudonym.to_vec()),
            state: Set(new.state.as_str().to_owned()),
            asked_at: Set(new.asked_at.as_micros()),
            final_at: Set(new.final_at.as_micros()),
            done_at: Set(None),
            sequence: Set(None),
            keys: Set("[]".to_owned()),
            certificate: Set(None),
        };
        let row = row.insert(&transaction).await?;
        transaction.commit().await?;
        erasure(row)
    }

    /// The entry with this id.
    pub(crate) async fn journal_entry(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let found = ring_erasure::Entity::find()
            .filter(ring_erasure::Column::Id.eq(id.to_row()))
            .one(&self.db)
            .await?;
        found.map(erasure).transpose()
    }

    /// The entries that are not done, oldest first.
    pub(crate) async fn journal_open(&self) -> Result<Vec<Erasure>, StoreError> {
        let open = ring_erasure::Entity::find()
            .filter(
                ring_erasure::Column::State
                    .is_in([ErasureState::Grace, ErasureState::Erasing].map(ErasureState::as_str)),
            )
            .order_by_asc(ring_erasure::Column::Number)
            .all(&self.db)
            .await?;
        open.into_iter().map(erasure).collect()
    }

    /// The entry by which the account as a whole is to be erased.
    pub(crate) async fn journal_of_account(&self, account: AccountId) -> Result<Option<Erasure>, StoreError> {
        of_account(&self.db, account).await?.map(erasure).transpose()
    }

    /// Takes an entry back while it waits for its time; whether it did.
    pub(crate) async fn journal_take_back(&self, number: u64) -> Result<bool, StoreError> {
        let deleted = ring_erasure::Entity::delete_many()
            .filter(ring_erasure::Column::Number.eq(number))
            .filter(ring_erasure::Column::State.eq(ErasureState::Grace.as_str()))
            .exec(&self.db)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Begins an erasure for good: from here on it cannot be taken back. With the account as a whole go its keys, of
    /// all classes and days, in the same transaction; which, the entry says. Again for one that has begun: nothing.
    pub(crate) async fn journal_begin(&self, erasure: &Erasure) -> Result<(), StoreError> {
        let account = erasure.account.ok_or(StoreError::Erased)?;
        let mut epochs = self.file.lock().await;
        let with_keys = erasure.kind == ErasureKind::Account;
        if with_keys {
            // First, so that a failure half-way leaves nothing readable that was to go.
            self.cache.evict_account(account);
        }
        let transaction = self.db.begin().await?;
        let mut keys = erasure.keys.clone();
        if with_keys {
            keys.extend(numbers_of(&transaction, account).await?);
            destroy::bury(&transaction, account).await?;
        }
        let keys = serde_json::to_string(&keys)
            .map_err(|_| StoreError::Corrupt { table: "ring_erasures", column: "keys" })?;
        ring_erasure::Entity::update_many()
            .col_expr(ring_erasure::Column::State, Expr::value(ErasureState::Erasing.as_str()))
            .col_expr(ring_erasure::Column::Keys, Expr::value(keys))
            .filter(ring_erasure::Column::Number.eq(erasure.number))
            .exec(&transaction)
            .await?;
        if with_keys {
            epoch::mark(&transaction, epoch::DUE, Vec::new()).await?;
        }
        transaction.commit().await?;
        if with_keys {
            self.renew_locked(&mut epochs).await?;
        }
        Ok(())
    }

    /// Destroys the key of an account's profile; the entry of the erasure names it.
    pub(crate) async fn destroy_profile_key(
        &self,
        number: i64,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let mut epochs = self.file.lock().await;
        let name = KeyName { class: KeyClass::Profile, account, day: Day(0) };
        self.cache.evict(name);
        let transaction = self.db.begin().await?;
        let destroyed = destroy::wipe_one(&transaction, name).await?;
        if let Some(row) = ring_erasure::Entity::find_by_id(number).one(&transaction).await? {
            let corrupt = |_| StoreError::Corrupt { table: "ring_erasures", column: "keys" };
            let mut keys: Vec<i64> = serde_json::from_str(&row.keys).map_err(corrupt)?;
            keys.extend(destroyed);
            let changed = ring_erasure::ActiveModel {
                number: sea_orm::Unchanged(number),
                keys: Set(serde_json::to_string(&keys).map_err(corrupt)?),
                ..Default::default()
            };
            changed.update(&transaction).await?;
        }
        epoch::mark(&transaction, epoch::DUE, Vec::new()).await?;
        transaction.commit().await?;
        self.renew_locked(&mut epochs).await.map(drop)
    }

    /// Ends an erasure: the entry forgets its account, keeps its certificate, and gets the next place in the order of
    /// what was done; that place.
    pub(crate) async fn journal_finish(
        &self,
        erasure: &Erasure,
        done_at: Timestamp,
        certificate: String,
    ) -> Result<i64, StoreError> {
        let _file = self.file.lock().await;
        let transaction = self.db.begin().await?;
        let sequence = last(&transaction).await? + 1;
        if erasure.kind == ErasureKind::Account
            && let Some(account) = erasure.account
        {
            ring_hold::Entity::delete_many()
                .filter(ring_hold::Column::Account.eq(account.to_row()))
                .exec(&transaction)
                .await?;
            // What was erased of it before is erased with it: its entries need not find anything any more.
            ring_erasure::Entity::update_many()
                .col_expr(ring_erasure::Column::Account, Expr::value(Vec::<u8>::new()))
                .filter(ring_erasure::Column::Account.eq(account.to_row()))
                .exec(&transaction)
                .await?;
        }
        let row = ring_erasure::ActiveModel {
            number: sea_orm::Unchanged(erasure.row()),
            account: Set(match erasure.kind {
                ErasureKind::Account => Vec::new(),
                // The account lives: its recipients' hashes are of use with its pepper alone.
                _ => erasure.account.map(RowId::to_row).unwrap_or_default(),
            }),
            state: Set(ErasureState::Done.as_str().to_owned()),
            done_at: Set(Some(done_at.as_micros())),
            sequence: Set(Some(sequence)),
            certificate: Set(Some(certificate)),
            ..Default::default()
        };
        row.update(&transaction).await?;
        transaction.commit().await?;
        self.truncate_wal().await?;
        Ok(sequence)
    }

    /// The last place in the order of what was done; 0 at first.
    pub(crate) async fn journal_end(&self) -> Result<i64, StoreError> {
        last(&self.db).await
    }

    /// What was done after this place, in order.
    pub(crate) async fn journal_after(&self, sequence: i64) -> Result<Vec<ring_erasure::Model>, StoreError> {
        Ok(ring_erasure::Entity::find()
            .filter(ring_erasure::Column::Sequence.gt(sequence))
            .order_by_asc(ring_erasure::Column::Sequence)
            .all(&self.db)
            .await?)
    }
}

async fn of_account<C: sea_orm::ConnectionTrait>(
    db: &C,
    account: AccountId,
) -> Result<Option<ring_erasure::Model>, StoreError> {
    Ok(ring_erasure::Entity::find()
        .filter(ring_erasure::Column::Kind.eq(ErasureKind::Account.as_str()))
        .filter(ring_erasure::Column::AccountHash.eq(account_hash(account)))
        .one(db)
        .await?)
}

async fn last<C: sea_orm::ConnectionTrait>(db: &C) -> Result<i64, StoreError> {
    let last: Option<Option<i64>> = ring_erasure::Entity::find()
        .select_only()
        .column(ring_erasure::Column::Sequence)
        .filter(ring_erasure::Column::Sequence.is_not_null())
        .order_by_desc(ring_erasure::Column::Sequence)
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

async fn numbers_of(transaction: &DatabaseTransaction, account: AccountId) -> Result<Vec<i64>, StoreError> {
    Ok(ring_key::Entity::find()
        .select_only()
        .column(ring_key::Column::Id)
        .filter(destroy::of_account(account))
        .order_by_asc(ring_key::Column::Id)
        .into_tuple()
        .all(transaction)
        .await?)
}

/// The entry of a row.
pub(crate) fn erasure(row: ring_erasure::Model) -> Result<Erasure, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "ring_erasures", column };
    Ok(Erasure {
        number: crate::rows::count(row.number),
        id: ErasureId::from_row(&row.id, "ring_erasures", "id")?,
        kind: ErasureKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
        account: match row.account.as_slice() {
            [] => None,
            bytes => Some(AccountId::from_row(bytes, "ring_erasures", "account")?),
        },
        subject_hash: row.subject_hash,
        state: ErasureState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
        asked_at: time(row.asked_at),
        final_at: time(row.final_at),
        done_at: row.done_at.map(time),
        pseudonym: hex::encode(&row.pseudonym),
        keys: serde_json::from_str(&row.keys).map_err(|_| corrupt("keys"))?,
        certificate: row.certificate,
    })
}

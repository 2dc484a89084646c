//! The erasure journal: what is to be erased, how far it is, what was erased.
//!
//! An entry names its account until it is done, sealed from the time when the account's keys go; then only a hash of
//! it is left, which finds what a restored database brings back and nobody else.

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use waxseal_model::{AccountId, ErasureId, Timestamp};

use super::{
    Keyring, destroy,
    entity::{ring_deletion, ring_erasure, ring_hold, ring_key, ring_mark},
    epoch,
};
use crate::{
    erasure::{Erasure, ErasureKind, ErasureState},
    error::StoreError,
    rows::{RowId, signed, time},
};

/// What an account's id is sealed for while it is erased.
const ACCOUNT: &[u8] = b"waxseal account being erased 1";
/// Bytes of an id that is not sealed.
const ID: usize = 16;

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
    /// kind, and whoever else is to be erased one that is not done: where it is there already, it is the answer.
    pub(crate) async fn journal_add(&self, new: NewErasure) -> Result<Erasure, StoreError> {
        let _file = self.file.lock().await;
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        if new.kind == ErasureKind::Account
            && let Some(row) = of_account(&transaction, new.account).await?
        {
            return self.journal_read(row);
        }
        if let Some(row) = open_alike(&transaction, &new).await? {
            return self.journal_read(row);
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
        self.journal_read(row)
    }

    /// The entry with this id.
    pub(crate) async fn journal_entry(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let found = ring_erasure::Entity::find()
            .filter(ring_erasure::Column::Id.eq(id.to_row()))
            .one(&self.db)
            .await?;
        found.map(|row| self.journal_read(row)).transpose()
    }

    /// The account's entries before this number, newest first.
    pub(crate) async fn journal_page(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<Erasure>, StoreError> {
        let mut page = ring_erasure::Entity::find()
            .filter(ring_erasure::Column::AccountHash.eq(account_hash(account)))
            .order_by_desc(ring_erasure::Column::Number)
            .limit(limit);
        if let Some(before) = before {
            page = page.filter(ring_erasure::Column::Number.lt(signed(before)));
        }
        page.all(&self.db).await?.into_iter().map(|row| self.journal_read(row)).collect()
    }

    /// How many of the account's entries are not done.
    pub(crate) async fn journal_waiting(&self, account: AccountId) -> Result<u64, StoreError> {
        Ok(ring_erasure::Entity::find()
            .filter(ring_erasure::Column::AccountHash.eq(account_hash(account)))
            .filter(ring_erasure::Column::State.ne(ErasureState::Done.as_str()))
            .count(&self.db)
            .await?)
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
        open.into_iter().map(|row| self.journal_read(row)).collect()
    }

    /// The entry by which the account as a whole is to be erased.
    pub(crate) async fn journal_of_account(&self, account: AccountId) -> Result<Option<Erasure>, StoreError> {
        of_account(&self.db, account).await?.map(|row| self.journal_read(row)).transpose()
    }

    /// Takes an entry back while it waits for its time; whether it did.
    pub(crate) async fn journal_take_back(&self, number: u64) -> Result<bool, StoreError> {
        let _file = self.file.lock().await;
        self.retire_copies().await?;
        let deleted = ring_erasure::Entity::delete_many()
            .filter(ring_erasure::Column::Number.eq(number))
            .filter(ring_erasure::Column::State.eq(ErasureState::Grace.as_str()))
            .exec(self.writable().await)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Begins an erasure for good: from here on it cannot be taken back; `false` if it was before. With the account as
    /// a whole go its keys, of all classes and days, in the same transaction; which, the entry says. From then on its
    /// id is sealed here, so that it stands nowhere. Again for one that has begun: nothing.
    pub(crate) async fn journal_begin(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        let account = erasure.account.ok_or(StoreError::Erased)?;
        let mut epochs = self.file.lock().await;
        let with_keys = erasure.kind == ErasureKind::Account;
        if with_keys {
            // First, so that a failure half-way leaves nothing readable that was to go.
            self.cache.evict_account(account);
        }
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        // The entry first: who takes it back comes before, and then nothing happens, or too late.
        let begun = ring_erasure::Entity::update_many()
            .col_expr(ring_erasure::Column::State, Expr::value(ErasureState::Erasing.as_str()))
            .filter(ring_erasure::Column::Number.eq(erasure.row()))
            .filter(ring_erasure::Column::State.eq(ErasureState::Grace.as_str()))
            .exec(&transaction)
            .await?;
        if begun.rows_affected == 0 {
            transaction.rollback().await?;
            return Ok(erasure.state != ErasureState::Grace);
        }
        if with_keys {
            self.bury_with_entry(&transaction, erasure, account).await?;
        }
        transaction.commit().await?;
        if with_keys {
            self.renew_locked(&mut epochs).await?;
        }
        Ok(true)
    }

    async fn bury_with_entry(
        &self,
        transaction: &DatabaseTransaction,
        erasure: &Erasure,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "ring_erasures", column };
        let keys = numbers_of(transaction, account).await?;
        destroy::bury(transaction, account).await?;
        ring_hold::Entity::delete_many()
            .filter(ring_hold::Column::Account.eq(account.to_row()))
            .exec(transaction)
            .await?;
        ring_deletion::Entity::delete_many()
            .filter(ring_deletion::Column::Account.eq(account.to_row()))
            .exec(transaction)
            .await?;
        // What was erased of it before, or was to be, goes with it: those entries need not find anything any more.
        ring_erasure::Entity::update_many()
            .col_expr(ring_erasure::Column::Account, Expr::value(Vec::<u8>::new()))
            .col_expr(ring_erasure::Column::SubjectHash, Expr::value(None::<Vec<u8>>))
            .filter(ring_erasure::Column::Account.eq(account.to_row()))
            .filter(ring_erasure::Column::Number.ne(erasure.row()))
            .exec(transaction)
            .await?;
        let sealed =
            self.master.wrapping().seal(self.random.as_ref(), ACCOUNT, account.to_bytes().as_slice());
        let changed = ring_erasure::ActiveModel {
            number: sea_orm::Unchanged(erasure.row()),
            account: Set(sealed.ok_or_else(|| corrupt("account"))?),
            keys: Set(serde_json::to_string(&keys).map_err(|_| corrupt("keys"))?),
            ..Default::default()
        };
        changed.update(transaction).await?;
        epoch::mark(transaction, epoch::DUE, Vec::new()).await
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
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        let sequence = last(&transaction).await? + 1;
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

    /// The entry of a row.
    pub(crate) fn journal_read(&self, row: ring_erasure::Model) -> Result<Erasure, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "ring_erasures", column };
        let plain = |bytes: &[u8]| AccountId::from_row(bytes, "ring_erasures", "account");
        let account = match row.account.as_slice() {
            [] => None,
            bytes if bytes.len() == ID => Some(plain(bytes)?),
            sealed => {
                let opened =
                    self.master.wrapping().open(ACCOUNT, sealed).ok_or_else(|| corrupt("account"))?;
                Some(plain(&opened)?)
            }
        };
        Ok(Erasure {
            number: crate::rows::count(row.number),
            id: ErasureId::from_row(&row.id, "ring_erasures", "id")?,
            kind: ErasureKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
            account,
            account_hash: hex::encode(&row.account_hash),
            subject_hash: row.subject_hash,
            pseudonym: hex::encode(&row.pseudonym),
            state: ErasureState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
            asked_at: time(row.asked_at),
            final_at: time(row.final_at),
            done_at: row.done_at.map(time),
            keys: serde_json::from_str(&row.keys).map_err(|_| corrupt("keys"))?,
            certificate: row.certificate,
        })
    }
}

/// An entry that is not done, of the same kind, about the same person.
async fn open_alike(
    transaction: &DatabaseTransaction,
    new: &NewErasure,
) -> Result<Option<ring_erasure::Model>, StoreError> {
    let subject = match &new.subject_hash {
        Some(hash) => ring_erasure::Column::SubjectHash.eq(hash.clone()),
        None => ring_erasure::Column::SubjectHash.is_null(),
    };
    Ok(ring_erasure::Entity::find()
        .filter(ring_erasure::Column::Kind.eq(new.kind.as_str()))
        .filter(ring_erasure::Column::AccountHash.eq(account_hash(new.account)))
        .filter(ring_erasure::Column::State.ne(ErasureState::Done.as_str()))
        .filter(subject)
        .one(transaction)
        .await?)
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

/// The mark of a ring that came from a copy: places in the order of what was done begin behind it.
pub(super) const FLOOR: &str = "erasures begin behind";

/// The last place in the order of what was done.
pub(super) async fn last<C: sea_orm::ConnectionTrait>(db: &C) -> Result<i64, StoreError> {
    let floor = ring_mark::Entity::find_by_id(FLOOR).one(db).await?;
    let floor = floor.and_then(|mark| <[u8; 8]>::try_from(mark.sealed).ok()).map_or(0, i64::from_be_bytes);
    let last: Option<Option<i64>> = ring_erasure::Entity::find()
        .select_only()
        .column(ring_erasure::Column::Sequence)
        .filter(ring_erasure::Column::Sequence.is_not_null())
        .order_by_desc(ring_erasure::Column::Sequence)
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten().unwrap_or(0).max(floor))
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

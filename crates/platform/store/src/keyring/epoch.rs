//! Epochs: the master key wraps the key of the epoch, that one wraps the data keys.
//!
//! A destroyed data key may still lie, wrapped, in old sectors of the disk or in a copy of `keys.db`. So after keys
//! were destroyed the survivors are wrapped anew under a new epoch key, and the old one's is overwritten at the one
//! place where it was written ([`Slots`]): whatever was wrapped under it is noise from then on, and the master key
//! need not change.
//!
//! A renewal may stop at any point. `keys.db` says which epoch lives, in the same transaction in which the keys are
//! wrapped anew; the other slot is overwritten by whoever comes next.

use std::io;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, Statement, sea_query::OnConflict,
};
use waxseal_model::Random;
use zeroize::Zeroizing;

use super::{
    KeyClass, Keyring,
    entity::{ring_key, ring_mark},
    master::Master,
    slots::{Held, Slot, Slots},
    wrapping::Wrapping,
};
use crate::{
    error::{OpenError, StoreError},
    seal::derived,
};

/// The mark that says which epoch lives.
const EPOCH: &str = "epoch";
/// The mark that says that keys were destroyed and the epoch they were wrapped under still lives.
pub(super) const DUE: &str = "renewal due";
/// Keys of a ring from before there were epochs are wrapped under the master key itself.
const NONE: i64 = 0;
/// Keys wrapped anew by one statement.
const CHUNK: usize = 500;

/// A renewal that took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// The epoch that lives now.
    pub epoch: i64,
    /// Keys that were wrapped anew.
    pub keys: u64,
}

/// The epoch that keys are wrapped under.
pub(super) struct Live {
    pub(super) number: i64,
    slot: Slot,
    pub(super) wrapping: Wrapping,
}

/// The epoch file and which epoch lives; `None` where that has to be looked up.
pub(super) struct Epochs {
    slots: Slots,
    live: Option<Live>,
}

impl Epochs {
    pub(super) const fn new(slots: Slots) -> Self {
        Self { slots, live: None }
    }

    /// The epoch's key as its slot holds it.
    pub(super) fn held(&self, number: i64) -> io::Result<Option<Held>> {
        for slot in Slot::ALL {
            if let Some(held) = self.slots.read(slot)?.filter(|held| held.number == number) {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    #[cfg(test)]
    pub(super) fn parts(&mut self) -> (&Slots, Option<Live>) {
        (&self.slots, self.live.take())
    }
}

impl Keyring {
    /// Wraps every key under a new epoch and destroys the old epoch's key: older states of `keys.db` are noise
    /// from then on, whoever has them.
    pub(crate) async fn renew(&self) -> Result<Renewal, StoreError> {
        let mut epochs = self.file.lock().await;
        self.renew_locked(&mut epochs).await
    }

    /// The same, if keys were destroyed since the last time.
    pub(crate) async fn renew_if_due(&self) -> Result<Option<Renewal>, StoreError> {
        let mut epochs = self.file.lock().await;
        match ring_mark::Entity::find_by_id(DUE).one(&self.db).await? {
            Some(_) => self.renew_locked(&mut epochs).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn renew_locked(&self, epochs: &mut Epochs) -> Result<Renewal, StoreError> {
        self.live(epochs).await?;
        self.retire_copies().await?;
        let old = epochs.live.take();
        // From here on an error leaves it open which epoch lives; the next caller looks it up.
        let next = self.prepare(&epochs.slots, old.as_ref())?;
        let keys = self.rewrap(&epochs.slots, old.as_ref(), &next).await?;
        self.retire(&epochs.slots, next.slot.other()).await?;
        let renewal = Renewal { epoch: next.number, keys };
        epochs.live = Some(next);
        Ok(renewal)
    }

    /// The epoch that lives, as `keys.db` says; finishes what an interrupted renewal left.
    pub(super) async fn live<'e>(&self, epochs: &'e mut Epochs) -> Result<&'e Live, StoreError> {
        if epochs.live.is_none() {
            let live = match self.marked().await? {
                Some(number) => self.found(&epochs.slots, number)?,
                None => self.first(&epochs.slots).await?,
            };
            if !epochs.slots.is_empty(live.slot.other()).map_err(unavailable)? {
                self.retire(&epochs.slots, live.slot.other()).await?;
            }
            epochs.live = Some(live);
        }
        epochs.live.as_ref().ok_or(StoreError::Corrupt { table: "ring_marks", column: "sealed" })
    }

    /// The number of the epoch that lives; `None` in a new ring and in one from before there were epochs.
    async fn marked(&self) -> Result<Option<i64>, StoreError> {
        let corrupt = StoreError::Corrupt { table: "ring_marks", column: "sealed" };
        let Some(mark) = ring_mark::Entity::find_by_id(EPOCH).one(&self.db).await? else { return Ok(None) };
        let number = self.master.wrapping().open(EPOCH.as_bytes(), &mark.sealed);
        let number = number.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok()).ok_or(corrupt)?;
        Ok(Some(i64::from_be_bytes(number)))
    }

    /// The epoch of this number from its slot.
    fn found(&self, slots: &Slots, number: i64) -> Result<Live, StoreError> {
        for slot in Slot::ALL {
            let Some(held) = slots.read(slot).map_err(unavailable)? else { continue };
            if held.number == number {
                let key = self.master.wrapping().open(&associated_data(number), &held.wrapped);
                let wrapping = key.and_then(|key| Wrapping::new(key.first_chunk::<32>()?));
                if let Some(wrapping) = wrapping {
                    return Ok(Live { number, slot, wrapping });
                }
            }
        }
        Err(StoreError::Unavailable(
            format!(
                "{} does not hold epoch {number}, which keys.db is of: the two belong together, and a copy \
             of keys.db from before its epoch was destroyed cannot be read again",
                slots.path().display()
            )
            .into(),
        ))
    }

    /// The first epoch of a ring: its keys, if it has some, come under it.
    async fn first(&self, slots: &Slots) -> Result<Live, StoreError> {
        let live = self.prepare(slots, None)?;
        self.rewrap(slots, None, &live).await?;
        Ok(live)
    }

    /// Makes the next epoch's key and writes it into the slot that is free.
    pub(super) fn prepare(&self, slots: &Slots, old: Option<&Live>) -> Result<Live, StoreError> {
        let (number, slot) = old.map_or((1, Slot::First), |old| (old.number + 1, old.slot.other()));
        let mut key = Zeroizing::new([0u8; 32]);
        self.random.fill(key.as_mut_slice());
        let held = wrapped(&self.master, self.random.as_ref(), number, &key);
        let (Some(held), Some(wrapping)) = (held, Wrapping::new(&key)) else {
            return Err(StoreError::Corrupt { table: "ring_keys", column: "wrapped" });
        };
        slots.write(slot, &held).map_err(unavailable)?;
        Ok(Live { number, slot, wrapping })
    }

    /// Wraps every key under `next` and marks it as the epoch that lives, in one transaction; how many.
    pub(super) async fn rewrap(
        &self,
        slots: &Slots,
        old: Option<&Live>,
        next: &Live,
    ) -> Result<u64, StoreError> {
        let transaction = self.begin_all().await?;
        if old.is_none() {
            self.add_peppers(&transaction).await?;
        }
        let rows = ring_key::Entity::find().all(&transaction).await?;
        for chunk in rows.chunks(CHUNK) {
            let mut values = Vec::with_capacity(2 * chunk.len() + 1);
            values.push(next.number.into());
            for row in chunk {
                let key = match (row.epoch, old) {
                    (NONE, _) => self.master.wrapping().unwrap(row)?,
                    (number, Some(old)) if number == old.number => old.wrapping.unwrap(row)?,
                    (number, _) => self.found(slots, number)?.wrapping.unwrap(row)?,
                };
                values.push(row.id.into());
                values.push(next.wrapping.wrap(self.random.as_ref(), row, &key)?.into());
            }
            let statement =
                Statement::from_sql_and_values(DbBackend::Sqlite, rewrap_statement(chunk.len()), values);
            transaction.execute_raw(statement).await?;
        }
        let number = next.number.to_be_bytes();
        let sealed = self.master.wrapping().seal(self.random.as_ref(), EPOCH.as_bytes(), &number);
        let sealed = sealed.ok_or(StoreError::Corrupt { table: "ring_marks", column: "sealed" })?;
        mark(&transaction, EPOCH, sealed).await?;
        ring_mark::Entity::delete_by_id(DUE).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(rows.len() as u64)
    }

    /// Cuts the log and overwrites the key of the epoch before, once nothing is wrapped under it any more.
    pub(super) async fn retire(&self, slots: &Slots, old: Slot) -> Result<(), StoreError> {
        let held = slots.read(old).map_err(unavailable)?;
        if let Some(held) = &held {
            let left = ring_key::Entity::find()
                .filter(ring_key::Column::Epoch.eq(held.number))
                .one(&self.db)
                .await?;
            if left.is_some() {
                return Err(StoreError::Corrupt { table: "ring_keys", column: "epoch" });
            }
        }
        self.truncate_wal().await?;
        slots.destroy(old, self.random.as_ref()).map_err(unavailable)
    }

    /// Gives each account of a ring from before there were epochs its pepper: the one that was derived from the
    /// account key until then, so that hashes stay as they are.
    async fn add_peppers(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        let accounts = ring_key::Entity::find()
            .filter(ring_key::Column::Class.eq(KeyClass::Account.as_str()))
            .filter(ring_key::Column::Epoch.eq(NONE))
            .all(transaction)
            .await?;
        for row in accounts {
            let pepper = derived(self.master.wrapping().unwrap(&row)?.as_slice());
            let name = super::KeyName { class: KeyClass::Pepper, ..super::entity::name_of(&row)? };
            super::insert(transaction, name, &pepper, (NONE, self.master.wrapping()), self.random.as_ref())
                .await?;
        }
        Ok(())
    }
}

/// Whether the ring has come under an epoch already.
pub(super) async fn is_marked(db: &DatabaseConnection) -> Result<bool, OpenError> {
    let mark = ring_mark::Entity::find_by_id(EPOCH).one(db).await;
    mark.map(|mark| mark.is_some()).map_err(|error| OpenError::Database(error.to_string()))
}

/// Writes a mark, or writes it anew.
pub(super) async fn mark<C: ConnectionTrait>(db: &C, name: &str, sealed: Vec<u8>) -> Result<(), StoreError> {
    let row = ring_mark::Model { name: name.to_owned(), sealed }.into_active_model();
    let replace =
        OnConflict::column(ring_mark::Column::Name).update_column(ring_mark::Column::Sealed).to_owned();
    ring_mark::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Whether there is a mark of this name.
pub(super) async fn has_mark<C: ConnectionTrait>(db: &C, name: &str) -> Result<bool, StoreError> {
    Ok(ring_mark::Entity::find_by_id(name).one(db).await?.is_some())
}

/// Takes a mark away.
pub(super) async fn drop_mark<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), StoreError> {
    ring_mark::Entity::delete_by_id(name).exec(db).await?;
    Ok(())
}

/// One statement for so many keys: an update of each alone would take minutes for a hundred thousand.
fn rewrap_statement(keys: usize) -> String {
    let mut values = "(?, ?), ".repeat(keys);
    values.truncate(values.len().saturating_sub(2));
    format!(
        "UPDATE ring_keys SET epoch = ?, wrapped = fresh.column2 FROM (VALUES {values}) AS fresh \
         WHERE ring_keys.id = fresh.column1"
    )
}

fn wrapped(master: &Master, random: &dyn Random, number: i64, key: &[u8; 32]) -> Option<Held> {
    Some(Held { number, wrapped: master.wrapping().seal(random, &associated_data(number), key)? })
}

fn associated_data(number: i64) -> Vec<u8> {
    let mut data = b"waxseal epoch 1".to_vec();
    data.extend_from_slice(&number.to_be_bytes());
    data
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

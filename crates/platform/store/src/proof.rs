//! What a proof of erasure looks at: every value of every table, opened where a key opens it; and whether any key that is
//! left opens what was taken down before.

mod scratch;

use std::collections::HashMap;

use sea_orm::ConnectionTrait as _;
use waxseal_model::{Access, AccountId, data_class::AtRest, purpose};

pub use self::scratch::{Recycled, Scratch, ScratchError, ServerFiles};
use crate::{
    backup::frame::Kind,
    entity::erase::tables,
    error::StoreError,
    instance_secret::InstanceSecret,
    keyring,
    open::Store,
    retention::ClassifiedColumn,
    seal::DataKey,
    search::rows::{Row, select},
    vault::Slot,
};

/// How a column holds its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number, a time, or yes and no; as digits.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A value of a row.
pub struct Value<'a> {
    /// Its column.
    pub column: &'a ClassifiedColumn,
    /// How the column holds it.
    pub form: Form,
    /// As it lies there; `None` for null.
    pub rest: Option<&'a [u8]>,
    /// What was sealed, if a key opens it.
    pub opened: Option<&'a [u8]>,
}

/// A sealed value as it lay in its row, with what it is bound to.
pub struct SealedObject {
    slot: Slot,
    account: AccountId,
    row: Vec<u8>,
    sealed: Vec<u8>,
}

/// How the attempt to open sealed values went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Sealed values.
    pub objects: u64,
    /// Keys, each of which was tried with each of them.
    pub keys: u64,
    /// Values that one of the keys opened.
    pub opened: u64,
}

impl Store {
    /// Gives each row of every table to `each`, with its account if it is an account's. `access` says who has what is
    /// sealed opened, and what for. Reads a table at a time: it is made for databases of a proof, not of years.
    pub async fn every_row(
        &self,
        access: &Access<purpose::Operation>,
        mut each: impl FnMut(Option<AccountId>, &[Value<'_>]),
    ) -> Result<(), StoreError> {
        tracing::info!(actor = ?access.actor(), purpose = ?access.purpose(), "reading every row for a proof");
        let (map, forms) = (Self::data_map(), forms());
        for columns in map.chunk_by(|one, next| one.table == next.table) {
            for row in self.whole_table(columns).await? {
                let opened = self.opened(&row).await?;
                let values: Vec<Value<'_>> = columns
                    .iter()
                    .zip(&row.values)
                    .zip(&opened)
                    .map(|((column, rest), opened)| Value {
                        column,
                        form: forms.get(&(column.table, column.column)).copied().unwrap_or(Form::Bytes),
                        rest: rest.as_deref(),
                        opened: opened.as_deref().map(Vec::as_slice),
                    })
                    .collect();
                each(row.account(), &values);
            }
        }
        Ok(())
    }

    /// Every sealed value of the account, as it lies there now.
    pub async fn sealed_objects(&self, account: AccountId) -> Result<Vec<SealedObject>, StoreError> {
        let (map, mut objects) = (Self::data_map(), Vec::new());
        for columns in map.chunk_by(|one, next| one.table == next.table) {
            for row in self.whole_table(columns).await? {
                let Some(place) = row.place().filter(|_| row.account() == Some(account)) else { continue };
                for (column, value) in columns.iter().zip(&row.values) {
                    let Some(sealed) = value.as_ref().filter(|value| is_sealed(column) && !value.is_empty())
                    else {
                        continue;
                    };
                    let (slot, row, sealed) = (column.slot(), place.clone(), sealed.clone());
                    objects.push(SealedObject { slot, account, row, sealed });
                }
            }
        }
        Ok(objects)
    }

    /// Tries every key that there is on every one of these, whatever key they name.
    pub async fn try_every_key(&self, objects: &[SealedObject]) -> Result<Attempts, StoreError> {
        let mut keys = self.inner.keyring.every_key().await?;
        for secret in InstanceSecret::ALL {
            keys.push(DataKey::new(0, &*self.instance_secret(secret).await?)?);
        }
        let opens = |object: &SealedObject| {
            let place = object.slot.at(object.account, &object.row);
            keys.iter().any(|key| key.open(place, &object.sealed).is_ok())
        };
        let opened = objects.iter().filter(|object| opens(object)).count() as u64;
        Ok(Attempts { objects: objects.len() as u64, keys: keys.len() as u64, opened })
    }

    async fn whole_table<'a>(&self, columns: &'a [ClassifiedColumn]) -> Result<Vec<Row<'a>>, StoreError> {
        let Some(table) = columns.first().map(|column| column.table) else { return Ok(Vec::new()) };
        let (db, name) = self.file_of(table);
        let statement = select(db, name, columns).await?;
        db.query_all_raw(statement).await?.iter().map(|row| Row::read(columns, row)).collect()
    }

    /// What is sealed in the row and can be opened, by column.
    async fn opened(&self, row: &Row<'_>) -> Result<Vec<Option<zeroize::Zeroizing<Vec<u8>>>>, StoreError> {
        let mut all = Vec::with_capacity(row.columns.len());
        for (column, value) in row.columns.iter().zip(&row.values) {
            let sealed = value.as_ref().filter(|value| is_sealed(column) && !value.is_empty());
            let (Some(sealed), Some(account), Some(place)) = (sealed, row.owner(), row.place()) else {
                all.push(None);
                continue;
            };
            all.push(match self.inner.open(column.slot(), account, &place, sealed).await {
                Ok(opened) => Some(opened),
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            });
        }
        Ok(all)
    }
}

const fn is_sealed(column: &ClassifiedColumn) -> bool {
    matches!(column.class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay)
}

/// How each column holds its values, by table and column.
fn forms() -> HashMap<(&'static str, &'static str), Form> {
    let mut forms = HashMap::new();
    for table in tables().into_iter().chain(keyring::tables()) {
        for (column, kind) in (table.kinds)() {
            let form = match kind {
                Some(Kind::Int | Kind::Long | Kind::Flag) => Form::Number,
                Some(Kind::Text) => Form::Text,
                Some(Kind::Bytes) | None => Form::Bytes,
            };
            for name in Store::data_map().iter().map(|column| column.table) {
                if name.strip_prefix("keys.").unwrap_or(name) == table.name {
                    forms.insert((name, column), form);
                }
            }
        }
    }
    forms
}

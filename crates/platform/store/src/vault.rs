//! Sealing and opening of the store's columns with the right keys.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use waxseal_model::{AccountId, Sealed};
use zeroize::Zeroizing;

use crate::{
    error::StoreError,
    open::Inner,
    rows::{from_json, to_json},
    seal::{DataKey, Place, key_number},
};

/// A table's column of sealed values.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    /// Table.
    pub(crate) table: &'static str,
    /// Column.
    pub(crate) column: &'static str,
}

impl Slot {
    /// The column of the table.
    pub(crate) const fn new(table: &'static str, column: &'static str) -> Self {
        Self { table, column }
    }

    /// The place of a row's value.
    pub(crate) const fn at(self, account: AccountId, row: &[u8]) -> Place<'_> {
        Place { table: self.table, column: self.column, account, row }
    }
}

impl Inner {
    /// Seals bytes for the column of a row.
    pub(crate) fn seal(
        &self,
        key: &DataKey,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        key.seal(self.random.as_ref(), slot.at(account, row), value)
    }

    /// Seals a value as JSON.
    pub(crate) fn seal_json<T: Serialize>(
        &self,
        key: &DataKey,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        value: &T,
    ) -> Result<Vec<u8>, StoreError> {
        let json = Zeroizing::new(to_json(value, slot.table, slot.column)?);
        self.seal(key, slot, account, row, &json)
    }

    /// Opens bytes; [`StoreError::Erased`] if their key was destroyed.
    pub(crate) async fn open(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let place = slot.at(account, row);
        let key: Arc<DataKey> = self.keyring.by_number(key_number(place, sealed)?).await?;
        key.open(place, sealed)
    }

    /// Opens bytes for the way out of the store.
    pub(crate) async fn open_bytes<C>(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Sealed<Vec<u8>, C>, StoreError> {
        let mut bytes = self.open(slot, account, row, sealed).await?;
        Ok(Sealed::new(std::mem::take(&mut *bytes)))
    }

    /// Opens a text.
    pub(crate) async fn open_text(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<String, StoreError> {
        let mut bytes = self.open(slot, account, row, sealed).await?;
        String::from_utf8(std::mem::take(&mut *bytes))
            .map_err(|_| StoreError::Corrupt { table: slot.table, column: slot.column })
    }

    /// Opens a value sealed as JSON.
    pub(crate) async fn open_json<T: DeserializeOwned>(
        &self,
        slot: Slot,
        account: AccountId,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<T, StoreError> {
        from_json(&self.open(slot, account, row, sealed).await?, slot.table, slot.column)
    }
}

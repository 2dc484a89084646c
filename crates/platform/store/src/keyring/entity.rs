//! The tables of the keyring's file.

pub(crate) mod ring_deletion;
pub(crate) mod ring_erasure;
pub(crate) mod ring_grave;
pub(crate) mod ring_hold;
pub(crate) mod ring_key;
pub(crate) mod ring_mark;
pub(crate) mod ring_trail;

use waxseal_model::{AccountId, time::Day};

use super::{KeyClass, KeyName};
use crate::{error::StoreError, rows::RowId};

/// Which key a row holds.
pub(crate) fn name_of(row: &ring_key::Model) -> Result<KeyName, StoreError> {
    let class = KeyClass::ALL
        .into_iter()
        .find(|class| class.as_str() == row.class)
        .ok_or(StoreError::Corrupt { table: "ring_keys", column: "class" })?;
    let account = AccountId::from_row(&row.account, "ring_keys", "account")?;
    Ok(KeyName { class, account, day: Day(row.day) })
}

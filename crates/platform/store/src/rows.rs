//! Between rows and the domain's types: ids as 16 ordered bytes, times as microseconds, JSON as bytes.

mod insert;

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use serde::{Serialize, de::DeserializeOwned};
use waxseal_model::{
    AccountId, CredentialId, DomainId, ErasureId, EventId, ExportId, GrantId, HoldId, ImportId, InboxId,
    KeyId, MessageId, RecipientId, RequestId, Timestamp,
};

pub(crate) use insert::{insert_all, insert_together, run_each};

use crate::{error::StoreError, queue::LeaseId};

/// An id as its column holds it.
pub(crate) trait RowId: Sized {
    /// 16 bytes, most significant first: they sort as the ids do.
    fn to_row(self) -> Vec<u8>;

    /// The id of these bytes.
    fn from_row(bytes: &[u8], table: &'static str, column: &'static str) -> Result<Self, StoreError>;
}

macro_rules! row_ids {
    ($($name:ty => $make:expr, $bits:expr;)*) => {$(
        impl RowId for $name {
            fn to_row(self) -> Vec<u8> {
                let bits: u128 = $bits(self);
                bits.to_be_bytes().to_vec()
            }

            fn from_row(bytes: &[u8], table: &'static str, column: &'static str) -> Result<Self, StoreError> {
                <[u8; 16]>::try_from(bytes)
                    .map(|bytes| $make(u128::from_be_bytes(bytes)))
                    .map_err(|_| StoreError::Corrupt { table, column })
            }
        }
    )*};
}

row_ids! {
    AccountId => Self::from_u128, Self::as_u128;
    DomainId => Self::from_u128, Self::as_u128;
    KeyId => Self::from_u128, Self::as_u128;
    CredentialId => Self::from_u128, Self::as_u128;
    MessageId => Self::from_u128, Self::as_u128;
    RecipientId => Self::from_u128, Self::as_u128;
    EventId => Self::from_u128, Self::as_u128;
    InboxId => Self::from_u128, Self::as_u128;
    ErasureId => Self::from_u128, Self::as_u128;
    HoldId => Self::from_u128, Self::as_u128;
    ExportId => Self::from_u128, Self::as_u128;
    ImportId => Self::from_u128, Self::as_u128;
    GrantId => Self::from_u128, Self::as_u128;
    RequestId => Self::from_u128, Self::as_u128;
    LeaseId => LeaseId, |lease: LeaseId| lease.0;
}

/// Ids for a condition, the last repeated up to a power of two: few lengths, so that few statements need preparing.
pub(crate) fn padded(ids: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut padded = ids.to_vec();
    if let Some(last) = ids.last() {
        padded.resize(ids.len().next_power_of_two(), last.clone());
    }
    padded
}

/// The time of a column.
pub(crate) const fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// JSON to be sealed or stored.
pub(crate) fn to_json<T: Serialize>(
    value: &T,
    table: &'static str,
    column: &'static str,
) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|_| StoreError::Corrupt { table, column })
}

/// The value of stored JSON.
pub(crate) fn from_json<T: DeserializeOwned>(
    bytes: &[u8],
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Corrupt { table, column })
}

/// A count as the API's types carry it.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number as a column of 64 signed bits holds it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_full(&error) { Self::Full } else { Self::Unavailable(Box::new(error)) }
    }
}

/// Whether the disk under the database is full: `SQLITE_FULL`, or PostgreSQL's `disk_full`.
fn is_full(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return false };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    let code = cause.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "13" | "53100"))
}

/// Turns the breach of a unique index into a conflict over `what`.
pub(crate) fn or_conflict(what: &'static str) -> impl Fn(DbErr) -> StoreError {
    move |error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => StoreError::Conflict { what },
        _ => error.into(),
    }
}

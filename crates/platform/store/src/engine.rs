//! The databases behind the store.

pub(crate) mod postgres;
pub(crate) mod sqlite;

//! The databases behind the store.

pub(crate) mod patient;
pub(crate) mod postgres;
pub(crate) mod purposes;
pub(crate) mod restrict;
pub(crate) mod sqlite;

//! Everything that is kept about an account, or about one person in it: table by table, row by row, as lines of JSON.
//!
//! The classes of the columns alone decide what is in it: every column whose class says so, opened.

mod folder;
pub(crate) mod form;
mod kept;
mod line;
mod page;
mod scope;

pub use self::{
    kept::{ExportState, KeptExport},
    page::{Cursor, ExportedRow, Page},
    scope::{ExportSubject, Scope},
};

/// The tables of an export, in the order in which they can be written again: whoever is referred to first.
pub(crate) const TABLES: [&str; 17] = [
    "accounts",
    "domains",
    "dkim_keys",
    "api_keys",
    "smtp_credentials",
    "network_credentials",
    "relays",
    "messages",
    "bodies",
    "archive_jobs",
    "queue_entries",
    "events",
    "inbox_items",
    "suppressions",
    "idempotency_keys",
    "access_grants",
    "privacy_requests",
];

/// Does something with the entity of one of [`TABLES`].
macro_rules! with_entity {
    ($table:expr, $entity:ident => $work:expr) => {
        match $table {
            "accounts" => {
                type $entity = $crate::entity::account::Entity;
                $work
            }
            "domains" => {
                type $entity = $crate::entity::domain::Entity;
                $work
            }
            "dkim_keys" => {
                type $entity = $crate::entity::dkim_key::Entity;
                $work
            }
            "api_keys" => {
                type $entity = $crate::entity::api_key::Entity;
                $work
            }
            "smtp_credentials" => {
                type $entity = $crate::entity::smtp_credential::Entity;
                $work
            }
            "network_credentials" => {
                type $entity = $crate::entity::network_credential::Entity;
                $work
            }
            "relays" => {
                type $entity = $crate::entity::relay::Entity;
                $work
            }
            "messages" => {
                type $entity = $crate::entity::message::Entity;
                $work
            }
            "bodies" => {
                type $entity = $crate::entity::body::Entity;
                $work
            }
            "archive_jobs" => {
                type $entity = $crate::entity::archive_job::Entity;
                $work
            }
            "queue_entries" => {
                type $entity = $crate::entity::queue_entry::Entity;
                $work
            }
            "events" => {
                type $entity = $crate::entity::event::Entity;
                $work
            }
            "inbox_items" => {
                type $entity = $crate::entity::inbox_item::Entity;
                $work
            }
            "suppressions" => {
                type $entity = $crate::entity::suppression::Entity;
                $work
            }
            "idempotency_keys" => {
                type $entity = $crate::entity::idempotency_key::Entity;
                $work
            }
            "access_grants" => {
                type $entity = $crate::entity::access_grant::Entity;
                $work
            }
            "privacy_requests" => {
                type $entity = $crate::entity::privacy_request::Entity;
                $work
            }
            _ => Err(StoreError::Corrupt { table: "an export", column: "of this name" }.into()),
        }
    };
}
pub(crate) use with_entity;

#[cfg(test)]
mod tests {
    use waxseal_model::data_class::Export;

    use super::*;
    use crate::entity::erase::tables;

    #[test]
    fn every_table_with_something_to_export_is_exported() {
        let mut wanted: Vec<&str> = tables()
            .iter()
            .chain(crate::keyring::tables().iter())
            .filter(|table| (table.classes)("").iter().any(|column| column.class.export == Export::Yes))
            .map(|table| table.name)
            .collect();
        wanted.sort_unstable();
        let mut exported = TABLES;
        exported.sort_unstable();
        assert_eq!(wanted, exported);
    }
}

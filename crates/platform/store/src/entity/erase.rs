//! What erasing an account does to each table: one rule for each, declared beside its entity.
//!
//! An entity without a rule does not compile, and a table that is not in [`tables`] has columns that nobody
//! classified, which a test tells. Erasing walks this list and no other.

use sea_orm::IdenStatic;

use super::{
    access_grant, account, api_key, archive_job, body, class::Classified, dkim_key, domain, erasure_count,
    event, export, idempotency_key, inbox_item, instance_note, kind, message, network_credential, pool,
    pool_assignment, privacy_request, queue_entry, queue_pause, reader_cursor, relay, smtp_credential,
    source, sts_policy, suppression, suppression_import, tls_result,
};
use crate::{backup::frame::Kind, retention::ClassifiedColumn};

/// What becomes of a table's rows when their account is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EraseRule<C> {
    /// The rows go whose column holds the account.
    RowsOf(C),
    /// The row stays as a record of the erasure; the column that holds the account is blanked.
    Blanked(C),
    /// The rows are of no account, and tell of domains that mail went to: each goes when its time is over.
    InTime,
    /// No way leads from it to an account: it stays.
    Stays,
}

/// A table of the database, as erasing and the data map see it.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// What erasing does: the column that holds the account, by name.
    pub(crate) erase: EraseRule<&'static str>,
    /// Its columns with their classes.
    pub(crate) classes: fn(&'static str) -> Vec<ClassifiedColumn>,
    /// Its columns as a backup holds them.
    pub(crate) kinds: fn() -> Vec<(&'static str, Option<Kind>)>,
}

impl Table {
    pub(crate) fn of<E: Classified>() -> Self {
        let erase = match E::ERASE {
            EraseRule::RowsOf(column) => EraseRule::RowsOf(column.as_str()),
            EraseRule::Blanked(column) => EraseRule::Blanked(column.as_str()),
            EraseRule::InTime => EraseRule::InTime,
            EraseRule::Stays => EraseRule::Stays,
        };
        Self { name: E::default().table_name(), erase, classes: E::classes, kinds: kind::kinds::<E> }
    }
}

/// Every table of the database, in the order in which an account's rows go: what waits first, so that nothing leaves
/// any more; whoever is referred to after those that refer to it; the account itself last.
pub(crate) fn tables() -> Vec<Table> {
    vec![
        Table::of::<queue_entry::Entity>(),
        Table::of::<queue_pause::Entity>(),
        Table::of::<archive_job::Entity>(),
        Table::of::<body::Entity>(),
        Table::of::<inbox_item::Entity>(),
        Table::of::<message::Entity>(),
        Table::of::<event::Entity>(),
        Table::of::<idempotency_key::Entity>(),
        Table::of::<suppression_import::Entity>(),
        Table::of::<suppression::Entity>(),
        Table::of::<api_key::Entity>(),
        Table::of::<smtp_credential::Entity>(),
        Table::of::<network_credential::Entity>(),
        Table::of::<dkim_key::Entity>(),
        Table::of::<relay::Entity>(),
        Table::of::<pool_assignment::Entity>(),
        Table::of::<domain::Entity>(),
        Table::of::<access_grant::Entity>(),
        Table::of::<export::Entity>(),
        Table::of::<privacy_request::Entity>(),
        Table::of::<account::Entity>(),
        Table::of::<erasure_count::Entity>(),
        Table::of::<reader_cursor::Entity>(),
        Table::of::<instance_note::Entity>(),
        Table::of::<source::Entity>(),
        Table::of::<pool::Entity>(),
        Table::of::<sts_policy::Entity>(),
        Table::of::<tls_result::Entity>(),
        Table::of::<sea_orm_migration::seaql_migrations::Entity>(),
    ]
}

#[cfg(test)]
mod tests {
    use waxseal_model::data_class::{AtRest, Erase, Subject};

    use super::*;

    /// Columns by which a row belongs to an account, itself or by way of what it refers to.
    const WAYS: [&str; 3] = ["account", "domain", "message"];

    fn leads_to_an_account(column: &ClassifiedColumn) -> bool {
        WAYS.contains(&column.column) || column.class.subject != Subject::Nobody
    }

    #[test]
    fn a_table_that_tells_of_somebody_loses_its_rows_and_no_other() {
        for table in tables().into_iter().chain(crate::keyring::tables()) {
            let columns = (table.classes)("");
            let leads = columns.iter().any(leads_to_an_account);
            assert_eq!(leads, table.erase != EraseRule::Stays, "{}: {:?}", table.name, table.erase);
            let goes = columns.iter().any(|column| column.class.erase != Erase::Keep);
            assert_eq!(goes, table.erase != EraseRule::Stays, "{}: the columns say otherwise", table.name);
        }
    }

    #[test]
    fn what_rests_sealed_may_be_opened_for_something_and_nothing_else_is_opened() {
        for column in crate::open::Store::data_map() {
            let sealed = matches!(column.class.at_rest, AtRest::SealedByAccount | AtRest::SealedByDay);
            let opened = !column.class.opened_for().is_empty();
            assert_eq!(sealed, opened, "{}.{}", column.table, column.column);
        }
    }

    #[test]
    fn a_table_is_listed_once() {
        let mut names: Vec<&str> = tables().iter().map(|table| table.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

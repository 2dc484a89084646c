//! The data map: every stored column, whose it is, what for, how long, and how it goes.

use std::fmt::Write;

use serde::Serialize;
use waxseal_model::data_class::{AtRest, DataPurpose, Erase, Export, Retention, Subject};
use waxseal_store::{Store, retention::ClassifiedColumn};

/// One column of the map, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MapRow {
    /// Table; `keys.…` for the keyring's file.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Whose data it is.
    pub subject: &'static str,
    /// What it is kept for.
    pub purpose: &'static str,
    /// How long.
    pub retention: &'static str,
    /// Whether an export holds it.
    pub export: &'static str,
    /// How it is erased.
    pub erase: &'static str,
    /// How it rests on disk.
    pub at_rest: &'static str,
}

/// The map of everything the instance stores.
pub fn rows() -> Vec<MapRow> {
    Store::data_map().iter().map(row).collect()
}

/// The map as a table for people: columns aligned, a line for each stored column.
pub fn table() -> String {
    let mut cells =
        vec![["TABLE", "COLUMN", "SUBJECT", "PURPOSE", "RETENTION", "EXPORT", "ERASED BY", "AT REST"]];
    cells.extend(rows().iter().map(|row| {
        let MapRow { table, column, subject, purpose, retention, export, erase, at_rest } = row;
        [*table, column, subject, purpose, retention, export, erase, at_rest]
    }));
    let mut widths = [0; 8];
    for line in &cells {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.len());
        }
    }
    let mut text = String::new();
    for line in &cells {
        let mut shown = String::new();
        for (width, cell) in widths.iter().zip(line) {
            // Writing to a String does not fail.
            write!(shown, "{cell:<width$}  ").unwrap_or_default();
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

fn row(column: &ClassifiedColumn) -> MapRow {
    let class = column.class;
    MapRow {
        table: column.table,
        column: column.column,
        subject: subject(class.subject),
        purpose: purpose(class.purpose),
        retention: retention(class.retention),
        export: export(class.export),
        erase: erase(class.erase),
        at_rest: at_rest(class.at_rest),
    }
}

const fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Nobody => "nobody",
        Subject::Customer => "customer",
        Subject::Recipient => "recipient",
        Subject::CustomerAndRecipient => "customer and recipient",
    }
}

const fn purpose(purpose: DataPurpose) -> &'static str {
    match purpose {
        DataPurpose::Account => "account",
        DataPurpose::Delivery => "delivery",
        DataPurpose::Log => "event log",
        DataPurpose::Suppression => "suppression",
        DataPurpose::Operation => "operation",
    }
}

const fn retention(retention: Retention) -> &'static str {
    match retention {
        Retention::Account => "as long as the account",
        Retention::Owner => "until its owner is deleted",
        Retention::Message => "until settled or the stored-message limit",
        Retention::Events => "retention.events_days",
        Retention::OneDay => "one day",
        Retention::Instance => "as long as the instance",
    }
}

const fn export(export: Export) -> &'static str {
    match export {
        Export::Yes => "yes",
        Export::No => "no",
    }
}

const fn erase(erase: Erase) -> &'static str {
    match erase {
        Erase::DeleteRow => "deleting the row",
        Erase::DestroyKeyAndDeleteRow => "destroying the key, deleting the row",
        Erase::Keep => "stays, not personal",
    }
}

const fn at_rest(at_rest: AtRest) -> &'static str {
    match at_rest {
        AtRest::Clear => "clear",
        AtRest::KeyedHash => "keyed hash",
        AtRest::SealedByAccount => "sealed, account key",
        AtRest::SealedByDay => "sealed, key of the day",
        AtRest::SealedByMaster => "wrapped, master key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_names_every_sealed_column_of_people() {
        let rows = rows();
        let at_rest = |table: &str, column: &str| {
            rows.iter().find(|row| row.table == table && row.column == column).map(|row| row.at_rest)
        };
        assert_eq!(at_rest("bodies", "mime"), Some("sealed, key of the day"));
        assert_eq!(at_rest("accounts", "profile"), Some("sealed, account key"));
        assert_eq!(at_rest("events", "recipient_hash"), Some("keyed hash"));
        assert_eq!(at_rest("keys.ring_keys", "wrapped"), Some("wrapped, master key"));
    }

    #[test]
    fn the_table_has_a_line_for_each_column() {
        let table = table();
        assert_eq!(table.lines().count(), rows().len() + 1);
        assert!(table.starts_with("TABLE"));
        let json = serde_json::to_value(rows()).expect("JSON");
        assert_eq!(json[0]["table"], "accounts");
    }
}

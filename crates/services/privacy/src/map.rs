//! The data map: every place where data rests or passes, of which category, whose, what for, how long, and how it goes.

mod words;

use serde::Serialize;
use waxseal_model::data_class::DataClass;
use waxseal_store::{Store, retention::ClassifiedColumn};

pub(crate) use self::words::{at_rest, erase, export, ground, opening, purpose, retention, subject};
use crate::inventory::{self, Place};

/// A class in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// What kind of data it is, under its name in Fideslang.
    pub category: &'static str,
    /// Whose data it is.
    pub subject: &'static str,
    /// What it is kept for.
    pub purpose: &'static str,
    /// On which ground.
    pub ground: &'static str,
    /// How long.
    pub retention: &'static str,
    /// Whether an export holds it.
    pub export: &'static str,
    /// How it is erased.
    pub erase: &'static str,
    /// How it rests on disk.
    pub at_rest: &'static str,
    /// For what it may be opened; nothing if it does not rest sealed.
    pub opened_for: Vec<&'static str>,
}

/// One column of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MapRow {
    /// Table; `keys.…` for the keyring's file.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Its class.
    #[serde(flatten)]
    pub words: Words,
}

/// One place of the map that is not a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MapPlace {
    /// `file`, `trail field`, `log field`, `metric label`, `memory` or `passing`.
    pub kind: &'static str,
    /// Its name; in a file's, `*` stands for anything but a folder.
    pub place: &'static str,
    /// What stands there.
    pub about: &'static str,
    /// Its class.
    #[serde(flatten)]
    pub words: Words,
}

/// Every stored column.
pub fn rows() -> Vec<MapRow> {
    let row = |column: &ClassifiedColumn| MapRow {
        table: column.table,
        column: column.column,
        words: in_words(column.class),
    };
    Store::data_map().iter().map(row).collect()
}

/// Every other place.
pub fn places() -> Vec<MapPlace> {
    let row = |place: &Place| MapPlace {
        kind: place.kind.as_str(),
        place: place.name,
        about: place.about,
        words: in_words(place.class),
    };
    inventory::places().map(row).collect()
}

/// The map as a table for people: a line for each column and each other place.
pub fn table() -> String {
    let mut lines = vec![
        [
            "PLACE",
            "CATEGORY",
            "SUBJECT",
            "PURPOSE",
            "GROUND",
            "RETENTION",
            "EXPORT",
            "ERASED BY",
            "AT REST",
            "OPENED FOR",
        ]
        .map(str::to_owned),
    ];
    lines.extend(rows().iter().map(|row| line(format!("{}.{}", row.table, row.column), &row.words)));
    lines.extend(places().iter().map(|row| line(format!("{}: {}", row.kind, row.place), &row.words)));
    let mut widths = [0; 10];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.len());
        }
    }
    let shown = |line: &[String; 10]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(shown).collect()
}

fn line(place: String, words: &Words) -> [String; 10] {
    let Words { category, subject, purpose, ground, retention, export, erase, at_rest, opened_for } = words;
    let [category, subject, purpose, ground, retention, export, erase, at_rest] =
        [category, subject, purpose, ground, retention, export, erase, at_rest]
            .map(|word| (*word).to_owned());
    let opened_for = opened_for.join(", ");
    [place, category, subject, purpose, ground, retention, export, erase, at_rest, opened_for]
}

fn in_words(class: DataClass) -> Words {
    Words {
        category: class.category.as_str(),
        subject: subject(class.subject),
        purpose: purpose(class.purpose),
        ground: ground(class.ground),
        retention: retention(class.retention),
        export: export(class.export),
        erase: erase(class.erase),
        at_rest: at_rest(class.at_rest),
        opened_for: class.opened_for().iter().map(|purpose| opening(*purpose)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_names_every_sealed_column_of_people() {
        let rows = rows();
        let at_rest = |table: &str, column: &str| {
            rows.iter().find(|row| row.table == table && row.column == column).map(|row| row.words.at_rest)
        };
        assert_eq!(at_rest("bodies", "mime"), Some("sealed, key of the day"));
        assert_eq!(at_rest("accounts", "profile"), Some("sealed, account key"));
        assert_eq!(at_rest("events", "recipient_hash"), Some("keyed hash"));
        assert_eq!(at_rest("keys.ring_keys", "wrapped"), Some("wrapped, master key"));
    }

    #[test]
    fn the_table_has_a_line_for_each_place() {
        let table = table();
        assert_eq!(table.lines().count(), rows().len() + places().len() + 1);
        assert!(table.starts_with("PLACE"));
        let json = serde_json::to_value(rows()).expect("JSON");
        assert_eq!(json[0]["table"], "access_grants");
        assert_eq!(json[0]["category"], "user.unique_id");
    }
}

//! What was found, as JSON and for people.

use jiff::Timestamp;
use serde::Serialize;

use crate::limits::SECOND;

/// Where something lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// A table of the database.
    Database,
    /// The key store.
    Keys,
    /// Files of the data folder, or of a folder that was named.
    Files,
}

/// One kind of thing in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where.
    pub store: Store,
    /// A table, a class of keys, a name of files.
    pub name: String,
    /// What kind of data it is, under its name in Fideslang.
    pub category: &'static str,
    /// How long it may be kept.
    pub kept: String,
    /// How many there are.
    pub count: u64,
    /// Since when the oldest is there, as far as anything tells.
    pub oldest: Option<String>,
    /// The same as an age.
    pub oldest_age_seconds: Option<i64>,
    /// How many are there an hour and more after their limit.
    pub past: u64,
    /// Those of them whose key is still there, too.
    pub readable: u64,
}

impl Item {
    /// What is kept without a limit in time, until somebody says that more is known.
    pub(crate) fn new(store: Store, name: &str, category: &'static str, kept: impl Into<String>) -> Self {
        Self {
            store,
            name: name.to_owned(),
            category,
            kept: kept.into(),
            count: 0,
            oldest: None,
            oldest_age_seconds: None,
            past: 0,
            readable: 0,
        }
    }

    /// Since when the oldest is there.
    pub(crate) fn since(mut self, oldest: Option<i64>, now: i64) -> Self {
        self.oldest = oldest.and_then(|micros| Timestamp::from_microsecond(micros).ok()).map(shown);
        self.oldest_age_seconds = oldest.map(|micros| (now - micros) / SECOND);
        self
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When.
    pub at: String,
    /// Every kind of thing, store by store.
    pub items: Vec<Item>,
    /// Tables and files of which this program does not know how long they may be kept.
    pub unknown: Vec<String>,
}

impl Report {
    pub(crate) fn new(now: i64) -> Self {
        let at = Timestamp::from_microsecond(now).map(shown).unwrap_or_default();
        Self { at, items: Vec::new(), unknown: Vec::new() }
    }

    /// Whether nothing is past its limit, and nothing is unknown.
    pub fn holds(&self) -> bool {
        self.past() == 0 && self.unknown.is_empty()
    }

    /// How many things are there an hour and more after their limit.
    pub fn past(&self) -> u64 {
        self.items.iter().map(|item| item.past).sum()
    }

    /// How many of them can still be read.
    pub fn readable(&self) -> u64 {
        self.items.iter().map(|item| item.readable).sum()
    }

    /// As one line of JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "at": self.at,
            "holds": self.holds(),
            "past": self.past(),
            "readable": self.readable(),
            "items": self.items,
            "unknown": self.unknown,
        })
    }

    /// As a table for people.
    pub fn text(&self) -> String {
        let mut lines = vec![
            ["STORE", "WHAT", "CATEGORY", "COUNT", "OLDEST", "AGE", "MAY BE KEPT", "PAST"].map(str::to_owned),
        ];
        for item in &self.items {
            let past = match (item.past, item.readable) {
                (0, _) => "-".to_owned(),
                (past, readable) => format!("{past} ({readable} readable)"),
            };
            lines.push([
                match item.store {
                    Store::Database => "database",
                    Store::Keys => "keys",
                    Store::Files => "files",
                }
                .to_owned(),
                item.name.clone(),
                item.category.to_owned(),
                item.count.to_string(),
                item.oldest.clone().unwrap_or_else(|| "-".to_owned()),
                item.oldest_age_seconds.map_or_else(|| "-".to_owned(), age),
                item.kept.clone(),
                past,
            ]);
        }
        let mut widths = [0; 8];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.len());
            }
        }
        let row = |line: &[String; 8]| {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let mut text: String = lines.iter().map(row).collect();
        for name in &self.unknown {
            text += &format!("unknown: {name}: nothing here says how long it may be kept\n");
        }
        text + &match (self.past(), self.unknown.len()) {
            (0, 0) => format!("At {} nothing is past its limit.\n", self.at),
            (past, unknown) => {
                format!(
                    "At {} {past} past their limit ({} readable), {unknown} unknown.\n",
                    self.at,
                    self.readable()
                )
            }
        }
    }
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An age in the two largest units.
fn age(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

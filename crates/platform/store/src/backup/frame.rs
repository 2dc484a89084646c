//! What lies inside a backup: tables, their rows, and at the end what was counted on the way.
//!
//! A table is `1 ‖ name ‖ number of columns (2) ‖ for each its name and kind (1)`, a row `2 ‖ for each column 0 or
//! 1 ‖ value`, the end `3 ‖ length (4) ‖ JSON`. Names are `length (2) ‖ UTF-8`, bytes and texts `length (4) ‖ value`,
//! numbers 4 or 8 bytes; all big-endian. It says nothing about an engine: what one wrote the other reads.

mod decoder;
mod encoder;

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

pub(crate) use self::{decoder::Decoder, encoder::Encoder};

const TABLE: u8 = 1;
const ROW: u8 = 2;
const END: u8 = 3;

/// Most columns of a table.
const MOST_COLUMNS: usize = 256;
/// Longest end.
const LONGEST_END: usize = 1 << 20;

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// Yes or no.
    Flag,
    /// Bytes.
    Bytes,
    /// UTF-8.
    Text,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Int, Self::Long, Self::Flag, Self::Bytes, Self::Text];

    const fn code(self) -> u8 {
        self as u8
    }

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i32),
    Long(i64),
    Flag(bool),
    Bytes(Vec<u8>),
    Text(String),
}

/// A table with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableFrame {
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, Kind)>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A table; its rows follow.
    Table(TableFrame),
    /// A row of the table before.
    Row(Vec<Option<Value>>),
    /// The end, whose counts and hashes were found to be right.
    End(Totals),
}

/// What was written, counted on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Table by table.
    pub tables: Vec<TableTotal>,
    /// The last number that each counting table has given out.
    pub counters: BTreeMap<String, i64>,
}

impl Totals {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// What a backup holds of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableTotal {
    /// Its name.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// SHA-256 of its rows as they are written, in hex.
    pub sha256: String,
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests;

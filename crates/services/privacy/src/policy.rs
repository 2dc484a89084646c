//! The promises, row by row: what became of each when it was checked.

mod archive;
pub mod nightly;
mod report;

use serde::{Deserialize, Serialize};

pub use self::{
    archive::{ReportError, Reports},
    report::{Report, SignedReport},
};

/// What is true of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RowState {
    /// Everything that the row asks for is built, and its check just held.
    #[serde(rename = "works")]
    Works,
    /// Something that the row asks for is not built, or not set up on this instance.
    #[serde(rename = "not yet")]
    NotYet,
    /// A check did not hold, or could not run.
    #[serde(rename = "failed")]
    Failed,
}

impl RowState {
    /// The word of the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::NotYet => "not yet",
            Self::Failed => "failed",
        }
    }
}

/// A row as it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedRow {
    /// `S1` to `S15`, `P1` to `P22`.
    pub row: String,
    /// What is true of it.
    pub state: RowState,
    /// What makes it true.
    pub mechanism: String,
    /// What was checked on this instance, with figures.
    pub checked: String,
    /// What is promised.
    pub promise: String,
    /// What is not built or not set up; `None` if nothing is.
    pub missing: Option<String>,
}

/// How many rows are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that work.
    pub works: u64,
    /// Rows that are not built yet.
    pub not_yet: u64,
    /// Rows that failed.
    pub failed: u64,
}

impl Tally {
    /// Counts rows.
    pub fn of(rows: &[CheckedRow]) -> Self {
        let count = |state| rows.iter().filter(|row| row.state == state).count() as u64;
        Self {
            works: count(RowState::Works),
            not_yet: count(RowState::NotYet),
            failed: count(RowState::Failed),
        }
    }
}

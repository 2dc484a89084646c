//! The rows for people to read.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;
use waxseal_privacy::policy::{CheckedRow, Tally};

/// The rows of an answer, a paragraph each, and how many are in which state.
pub(crate) fn table(answer: &Value) -> Result<String> {
    let rows: Vec<CheckedRow> = serde_json::from_value(answer.get("rows").cloned().unwrap_or_default())?;
    let mut text = String::new();
    for row in &rows {
        writeln!(text, "{:<4}{:<8} {}", row.row, row.state.as_str(), row.promise)?;
        for (name, words) in [
            ("by", Some(row.mechanism.as_str())),
            ("checked", Some(row.checked.as_str())),
            ("missing", row.missing.as_deref()),
        ] {
            if let Some(words) = words {
                writeln!(text, "            {name}: {words}")?;
            }
        }
    }
    let Tally { works, not_yet, failed } = Tally::of(&rows);
    writeln!(text, "{works} work, {not_yet} not yet, {failed} failed")?;
    Ok(text)
}

//! Reading the trail: by time and by account.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use waxseal_model::{AccountId, KeyId, Timestamp};
use waxseal_store::line_file::{LineFile, segments};

use super::{AuditError, at, chain::RecordedEntry, operator::Operator, writer::NAME};

/// Which entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// About this account alone.
    pub account: Option<AccountId>,
    /// By this operator alone.
    pub by: Option<Operator>,
    /// With a number greater than this.
    pub after: u64,
    /// At most so many, the oldest of them.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { since: None, account: None, by: None, after: 0, limit: usize::MAX }
    }
}

pub(super) fn entries(
    folder: &Path,
    query: &Query,
    account: Option<&str>,
) -> Result<Vec<RecordedEntry>, AuditError> {
    let by = query.by.map(|operator| operator.to_string());
    let mut found = Vec::new();
    for segment in segments(folder, NAME).map_err(at(folder))? {
        let bytes = LineFile::read(&segment.path).map_err(at(&segment.path))?;
        for line in bytes.split(|byte| *byte == b'\n') {
            // What cannot be read is `verify`'s matter.
            let Ok(entry) = serde_json::from_slice::<RecordedEntry>(line) else { continue };
            let fits = entry.n > query.after
                && query.since.is_none_or(|since| entry.time() >= since)
                && account.is_none_or(|account| entry.account.as_deref() == Some(account))
                && (by.is_none() || entry.by == by);
            if fits {
                found.push(entry);
                if found.len() >= query.limit {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}

/// A name for an API key that says nothing without its account's pseudonym.
pub(super) fn key_pseudonym(account: &str, key: KeyId) -> String {
    let mut input = b"waxseal audit key 1\n".to_vec();
    input.extend_from_slice(account.as_bytes());
    input.extend_from_slice(&key.to_bytes());
    digest(&SHA256, &input).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

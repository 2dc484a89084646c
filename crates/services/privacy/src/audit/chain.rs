//! The chain: how an entry becomes a line, and how a line is tied to the one before.
//!
//! A line is `{"n":…,"at":…,…,"prev":"H","hash":"H"}`. `hash` is SHA-256 over `waxseal audit 1`, and the bytes of
//! the line up to `,"hash":`; these hold `prev`, so each line fixes everything before it.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use waxseal_model::Timestamp;

use super::entry::{AuditEvent, AuditPurpose};

/// What the first entry follows on.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const MARK: &str = ",\"hash\":\"";
const HASH: usize = 64;

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Number of the last entry; 0 before the first.
    pub(super) n: u64,
    /// Its hash, in hex.
    pub(super) hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { n: 0, hash: GENESIS.to_owned() }
    }
}

/// An entry as it is written.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) n: u64,
    /// Microseconds since the epoch.
    pub(super) at: i64,
    pub(super) actor: &'static str,
    /// Which operator.
    pub(super) by: Option<&'a str>,
    /// Pseudonym of the customer's API key.
    pub(super) key: Option<&'a str>,
    pub(super) purpose: AuditPurpose,
    #[serde(flatten)]
    pub(super) what: AuditEvent,
    /// Pseudonym of the account.
    pub(super) account: Option<&'a str>,
    pub(super) count: u64,
    pub(super) prev: &'a str,
}

/// Adds the line of an entry (with its line break) to `out`; the new end of the chain.
pub(super) fn write(body: &Body<'_>, out: &mut Vec<u8>) -> Result<Head, serde_json::Error> {
    let mut line = serde_json::to_string(body)?;
    // The closing brace comes after the hash.
    line.pop();
    let hash = digest(line.as_bytes());
    line.push_str(MARK);
    line.push_str(&hash);
    line.push_str("\"}\n");
    out.extend_from_slice(line.as_bytes());
    Ok(Head { n: body.n, hash })
}

/// What a line says about the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) n: u64,
    pub(super) prev: String,
    pub(super) hash: String,
    pub(super) what: String,
}

#[derive(Deserialize)]
struct Read {
    n: u64,
    what: String,
    prev: String,
    hash: String,
}

/// Reads a line (without its line break); `None` if it is not as it was written.
pub(super) fn read(line: &[u8]) -> Option<Link> {
    let body = line.strip_suffix(b"\"}")?;
    let (body, hash) = body.split_at_checked(body.len().checked_sub(HASH)?)?;
    let body = body.strip_suffix(MARK.as_bytes())?;
    let hash = std::str::from_utf8(hash).ok()?;
    if digest(body) != hash {
        return None;
    }
    let read: Read = serde_json::from_slice(line).ok()?;
    Some(Link { n: read.n, prev: read.prev, hash: read.hash, what: read.what })
}

/// An entry read back, for exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEntry {
    /// Number.
    pub n: u64,
    /// Microseconds since the epoch.
    pub at: i64,
    /// `operator`, `system` or `customer`.
    pub actor: String,
    /// Which operator; `None` of others, and in entries from before operators had names.
    #[serde(default)]
    pub by: Option<String>,
    /// Pseudonym of the API key.
    pub key: Option<String>,
    /// Why.
    pub purpose: String,
    /// What.
    pub what: String,
    /// Pseudonym of the account.
    pub account: Option<String>,
    /// How many.
    pub count: u64,
    /// What belongs to this kind of entry, the entry before, and the hash.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl RecordedEntry {
    /// When.
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    /// The number of the entry that announced what this one says failed; `None` if it says something else.
    pub fn failed(&self) -> Option<u64> {
        self.more.get("entry").and_then(serde_json::Value::as_u64).filter(|_| self.what == "failed")
    }
}

fn digest(body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"waxseal audit 1\n");
    context.update(body);
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as it was written before operators had names.
    #[test]
    fn an_entry_from_before_operators_had_names_is_read_and_names_nobody() {
        let body = format!(
            r#"{{"n":1,"at":5,"actor":"operator","key":null,"purpose":"administration","what":"key_deleted","account":null,"count":1,"prev":"{GENESIS}""#
        );
        let line = format!("{body}{MARK}{}\"}}", digest(body.as_bytes()));
        assert_eq!(read(line.as_bytes()).map(|link| link.what), Some("key_deleted".to_owned()));
        let entry: RecordedEntry = serde_json::from_str(&line).expect("an entry");
        assert_eq!((entry.actor.as_str(), entry.by), ("operator", None));
    }
}

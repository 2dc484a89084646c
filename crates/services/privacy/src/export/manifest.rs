//! What stands in `manifest.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waxseal_model::Timestamp;

/// The form of exports that is written and read.
pub(super) const FORMAT: u32 = 1;

/// Whom an export is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportKind {
    /// An account with everything in it.
    Account,
    /// A recipient.
    Recipient,
    /// The person behind an SMTP login.
    Login,
}

impl ExportKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Recipient => "recipient",
            Self::Login => "login",
        }
    }

    /// The kind of this word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Account, Self::Recipient, Self::Login].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Form of the export.
    pub format: u32,
    /// What made it.
    pub made_by: String,
    /// When it was begun (RFC 3339).
    pub made_at: String,
    /// Whom it is about.
    pub kind: ExportKind,
    /// Accounts that were looked through.
    pub accounts: Vec<String>,
    /// Rows, by table.
    pub rows: BTreeMap<String, u64>,
    /// Messages with their content.
    pub messages: u64,
}

impl Manifest {
    pub(super) fn new(
        kind: ExportKind,
        made_at: Timestamp,
        accounts: Vec<String>,
        (rows, messages): (&BTreeMap<String, u64>, u64),
    ) -> Self {
        Self {
            format: FORMAT,
            made_by: concat!("waxseal ", env!("CARGO_PKG_VERSION")).to_owned(),
            made_at: made_at.to_jiff().to_string(),
            kind,
            accounts,
            rows: rows.clone(),
            messages,
        }
    }

    pub(super) fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

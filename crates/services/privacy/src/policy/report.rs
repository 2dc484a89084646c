//! A report: the rows as they were checked, signed.
//!
//! The file is `{"report":R,"key":"…","signature":"…"}` and a line break. The signature is Ed25519 over `waxseal policy
//! report 1`, a line break, and the bytes of `R` as they stand in the file.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::CheckedRow;

/// What a check of all promises found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// When, in microseconds since the epoch.
    pub at: i64,
    /// Version of the program.
    pub version: String,
    /// Where the operator says that data is at home.
    pub home_region: Option<String>,
    /// How many entries the audit trail had.
    pub audit_entries: u64,
    /// The hash of its last entry.
    pub audit_head: String,
    /// The rows.
    pub rows: Vec<CheckedRow>,
}

/// A report with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReport {
    /// What was found.
    pub report: Report,
    /// Public key, in hex.
    pub key: String,
    /// In hex.
    pub signature: String,
}

impl SignedReport {
    /// Signs with the key of this secret seed; `None` if it is none.
    pub(super) fn sign(report: Report, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let signature = hex::encode(pair.sign(&text(&report)?).as_ref());
        Some(Self { report, key: hex::encode(pair.public_key().as_ref()), signature })
    }

    /// The file.
    pub(super) fn to_file(&self) -> Option<Vec<u8>> {
        let mut file = serde_json::to_vec(self).ok()?;
        file.push(b'\n');
        Some(file)
    }

    /// Reads a file; `None` unless it is as the key that it names signed it, byte for byte.
    pub fn read(file: &[u8]) -> Option<Self> {
        let signed: Self = serde_json::from_slice(file).ok()?;
        if signed.to_file()? != file {
            return None;
        }
        UnparsedPublicKey::new(&ED25519, hex::decode(&signed.key).ok()?)
            .verify(&text(&signed.report)?, &hex::decode(&signed.signature).ok()?)
            .ok()?;
        Some(signed)
    }
}

fn text(report: &Report) -> Option<Vec<u8>> {
    let mut text = b"waxseal policy report 1\n".to_vec();
    text.extend(serde_json::to_vec(report).ok()?);
    Some(text)
}

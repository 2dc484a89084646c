//! The certificate of an erasure: what was asked, what went, what a search found afterwards; signed.
//!
//! It names nobody. The signature is over `waxseal erasure certificate 1`, a line break, and the certificate without
//! its signature as compact JSON, members in their order.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Serialize;
use serde_json::Value;
use waxseal_model::Timestamp;
use waxseal_store::{
    Store,
    erasure::{Compaction, Erasure, ErasureKind},
    instance_secret::InstanceSecret,
};

use super::{ErasureError, Seen, is_whole};

/// What the signature begins with.
const LABEL: &str = "waxseal erasure certificate 1\n";

/// The certificate, before it is signed.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    certificate: String,
    kind: &'static str,
    account_pseudonym: String,
    /// Who knows the account's id can tell that it is about this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_hash: Option<String>,
    requested_at: String,
    final_at: String,
    done_at: String,
    keys_destroyed: Vec<i64>,
    rows_erased: BTreeMap<String, u64>,
    /// What still names the recipient, because others wait for it; only where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_kept: Option<ContentKept>,
    compaction: &'static str,
    /// Whether copies of the keys from before still open.
    key_copies: &'static str,
    scans: Vec<Scan>,
    software: Software,
    audit: AuditHead,
}

/// Content of messages to several that somebody else still waits for.
#[derive(Debug, Serialize)]
struct ContentKept {
    messages: u64,
    /// Then the last of them is delivered or given up.
    until: String,
}

/// What was looked through.
#[derive(Debug, Serialize)]
struct Scan {
    store: &'static str,
    looked_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<u64>,
    looked_for: String,
    hits: u64,
}

/// What did it.
#[derive(Debug, Serialize)]
struct Software {
    name: &'static str,
    version: &'static str,
    sha256: String,
}

/// Where the audit trail was.
#[derive(Debug, Serialize)]
pub(super) struct AuditHead {
    pub(super) entry: u64,
    pub(super) hash: String,
}

/// What a certificate is made from.
pub(super) struct Facts<'a> {
    pub(super) erasure: &'a Erasure,
    pub(super) done_at: Timestamp,
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) kept: Option<(u64, Timestamp)>,
    pub(super) compaction: Compaction,
    /// Whether no copy of the keys from before opens any more.
    pub(super) copies_useless: bool,
    pub(super) seen: &'a Seen,
    pub(super) audit: AuditHead,
}

impl Certificate {
    pub(super) fn of(facts: Facts<'_>) -> Self {
        let Facts { erasure, done_at, rows, kept, compaction, copies_useless, seen, audit } = facts;
        let text = |at: Timestamp| at.to_jiff().to_string();
        let whole = is_whole(erasure);
        let mut scans = Vec::new();
        if whole {
            scans.push(Scan {
                store: "tables",
                looked_at: Store::tables_of_accounts(),
                bytes: None,
                unreadable: None,
                looked_for: "rows of the account".into(),
                hits: 0,
            });
        }
        let looked_for = match (erasure.kind, seen.words) {
            (ErasureKind::Account, words) => format!("the account's id and {words} of its addresses"),
            (_, 0) => "nothing: what to look for was not known any more".into(),
            (ErasureKind::Recipient, words) => format!("{words} addresses"),
            (ErasureKind::Login, words) => format!("{words} logins"),
            (ErasureKind::Owner, words) => format!("{words} values of the profile"),
        };
        scans.push(Scan {
            store: "files",
            looked_at: seen.files,
            bytes: Some(seen.bytes),
            unreadable: Some(seen.unreadable),
            looked_for,
            hits: seen.hits,
        });
        Self {
            certificate: erasure.id.to_string(),
            kind: erasure.kind.as_str(),
            account_pseudonym: erasure.pseudonym.clone(),
            account_hash: whole.then(|| erasure.account_hash.clone()),
            requested_at: text(erasure.asked_at),
            final_at: text(erasure.final_at),
            done_at: text(done_at),
            keys_destroyed: erasure.keys.clone(),
            rows_erased: rows,
            content_kept: kept.map(|(messages, until)| ContentKept { messages, until: text(until) }),
            compaction: compaction.as_str(),
            key_copies: if copies_useless { "none_opens" } else { "not_reached" },
            scans,
            software: Software {
                name: "waxseal",
                version: env!("CARGO_PKG_VERSION"),
                sha256: seen.software.clone(),
            },
            audit,
        }
    }
}

/// How many rows a certificate says were erased.
pub(super) fn rows(certificate: &str) -> u64 {
    let parsed: Value = serde_json::from_str(certificate).unwrap_or_default();
    let rows = parsed.get("rows_erased").and_then(Value::as_object);
    rows.into_iter().flat_map(|rows| rows.values()).filter_map(Value::as_u64).sum()
}

/// Signs certificates.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    public: String,
}

impl Signer {
    /// With the instance's key for what it certifies.
    pub(super) async fn of(store: &Store) -> Result<Self, ErasureError> {
        let seed = store.instance_secret(InstanceSecret::ReportSigning).await?;
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| ErasureError::Unsigned)?;
        let public = hex::encode(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// The public key, in hex.
    pub(super) fn public(&self) -> &str {
        &self.public
    }

    /// The certificate with key and signature, as one line of JSON.
    pub(super) fn sign(&self, certificate: &Certificate) -> Option<String> {
        let mut body = serde_json::to_value(certificate).ok()?;
        let members = body.as_object_mut()?;
        members.insert("public_key".into(), self.public.clone().into());
        let text = serde_json::to_string(members).ok()?;
        let signature = self.pair.sign(format!("{LABEL}{text}").as_bytes());
        members.insert("signature".into(), hex::encode(signature.as_ref()).into());
        serde_json::to_string(members).ok()
    }
}

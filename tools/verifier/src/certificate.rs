//! The certificate: an object of JSON, signed over all of it but the signature.

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value};

/// Bytes of a public key.
const KEY: usize = 32;
/// What the signed text begins with.
const LABEL: &str = "waxseal erasure certificate 1\n";

/// What a certificate says.
pub(crate) struct Certificate {
    /// What was signed.
    signed: String,
    signature: Vec<u8>,
    /// The key that is in it.
    pub(crate) public_key: String,
    /// The hash of the account's id, if it is about an account as a whole.
    pub(crate) account_hash: Option<String>,
    /// What to show, by name.
    pub(crate) told: Vec<(&'static str, String)>,
    /// How often the instance itself found something left.
    pub(crate) hits: u64,
}

impl Certificate {
    /// Reads it, indented or not.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut members: Map<String, Value> =
            serde_json::from_str(text).context("the certificate is no object of JSON")?;
        // A member that is there twice is read as the last of them here, and may be read as the first by others.
        ensure!(
            without_spaces(text) == serde_json::to_string(&members)?,
            "the certificate is not written as one is signed: a member is there twice, or a value is written otherwise"
        );
        let signature = text_of(&members, "signature")?;
        let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).context("signature")?;
        members.shift_remove("signature");
        let mut told = vec![
            ("certificate", text_of(&members, "certificate")?),
            ("kind", text_of(&members, "kind")?),
            ("requested", text_of(&members, "requested_at")?),
            ("done", text_of(&members, "done_at")?),
            ("keys", members["keys_destroyed"].as_array().map_or(0, Vec::len).to_string()),
            ("rows", sum(&members["rows_erased"]).to_string()),
        ];
        if let Some(copies) = members.get("key_copies").and_then(Value::as_str) {
            told.push(("key copies", copies.to_owned()));
        }
        if let Some(kept) = members.get("content_kept") {
            told.push(("kept", kept_text(kept)?));
        }
        let scans = members["scans"].as_array().context("scans")?;
        let hits = scans.iter().map(|scan| scan["hits"].as_u64()).sum::<Option<u64>>().context("hits")?;
        Ok(Self {
            signed: format!("{LABEL}{}", serde_json::to_string(&members)?),
            signature,
            public_key: text_of(&members, "public_key")?,
            account_hash: members.get("account_hash").and_then(Value::as_str).map(str::to_owned),
            told,
            hits,
        })
    }

    /// Whether the key's owner signed exactly this.
    pub(crate) fn is_signed_by(&self, key: &str) -> Result<bool> {
        let key = HEXLOWER_PERMISSIVE.decode(key.trim().as_bytes());
        let key = key.ok().filter(|key| key.len() == KEY).with_context(|| {
            format!(
                "the public key: expected {} hex digits, as `waxseal privacy public-key` prints them",
                2 * KEY
            )
        })?;
        let key = UnparsedPublicKey::new(&ED25519, key);
        Ok(key.verify(self.signed.as_bytes(), &self.signature).is_ok())
    }
}

/// A text of JSON without the spaces between its parts.
fn without_spaces(text: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keeps = |character: &char| {
        let kept = within || !character.is_ascii_whitespace();
        (within, escaped) = match (*character, within, escaped) {
            ('"', true, false) => (false, false),
            ('"', false, _) => (true, false),
            ('\\', true, false) => (true, true),
            (_, within, _) => (within, false),
        };
        kept
    };
    text.chars().filter(keeps).collect()
}

fn text_of(members: &Map<String, Value>, name: &str) -> Result<String> {
    let value = members.get(name).and_then(Value::as_str);
    Ok(value.with_context(|| format!("the certificate has no {name}"))?.to_owned())
}

/// What is kept for others who still wait for it.
fn kept_text(kept: &Value) -> Result<String> {
    let messages = kept["messages"].as_u64().context("content_kept.messages")?;
    let until = kept["until"].as_str().context("content_kept.until")?;
    Ok(format!("content of {messages} messages that others wait for, until {until} at most"))
}

fn sum(rows: &Value) -> u64 {
    rows.as_object().into_iter().flat_map(|rows| rows.values()).filter_map(Value::as_u64).sum()
}

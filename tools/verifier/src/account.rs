//! An account's id: 128 bits, 26 digits of Crockford's base 32.

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

const DIGITS: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// An id in both its forms.
pub(crate) struct Account {
    /// As people see it.
    pub(crate) text: String,
    /// As rows hold it.
    pub(crate) bytes: [u8; 16],
}

impl Account {
    /// Reads what people see.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.trim().to_ascii_lowercase();
        ensure!(text.len() == 26, "--account: an id has 26 characters");
        let mut bits: u128 = 0;
        for character in text.chars() {
            let digit = DIGITS.find(character).context("--account: not an id")?;
            ensure!(bits >> 123 == 0, "--account: not an id");
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self { text, bytes: bits.to_be_bytes() })
    }

    /// The hash by which a certificate names it.
    pub(crate) fn hash(&self) -> String {
        let mut input = b"waxseal erased account 1".to_vec();
        input.extend_from_slice(&self.bytes);
        HEXLOWER.encode(digest(&SHA256, &input).as_ref())
    }
}

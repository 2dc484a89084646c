//! How a personal value rests: AES-256-GCM with a fresh random nonce, bound to its place.
//!
//! A sealed value is `version (1) ‖ key number (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The place
//! (schema version, account, table, column, row) is associated data: a value copied to another row, column or
//! account does not open.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use waxseal_model::{AccountId, Random};
use zeroize::Zeroizing;

use crate::error::StoreError;

/// The form of sealed values; part of the associated data.
const VERSION: u8 = 1;
const HEAD: usize = 1 + 8 + NONCE_LEN;

/// Where a sealed value rests.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Table.
    pub(crate) table: &'static str,
    /// Column.
    pub(crate) column: &'static str,
    /// Account.
    pub(crate) account: AccountId,
    /// What identifies the row within the account.
    pub(crate) row: &'a [u8],
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(64 + self.row.len());
        data.push(VERSION);
        data.extend_from_slice(&self.account.to_bytes());
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }

    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { table: self.table, column: self.column }
    }
}

/// A data key of the keyring, ready for use. Its bytes are wiped when the last holder lets go.
pub(crate) struct DataKey {
    number: i64,
    cipher: LessSafeKey,
}

/// An account's pepper: the key of its look-up hashes, which can be destroyed like any other.
#[derive(Clone)]
pub(crate) struct Pepper {
    key: hmac::Key,
}

impl Pepper {
    /// The pepper with these bytes.
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// A hash of `value` that only holders of this key can make: equal values of one account and one
    /// use compare, nothing can be read back.
    pub(crate) fn hash(&self, usage: &[u8], value: &[u8]) -> Vec<u8> {
        keyed_hash(&self.key, usage, value)
    }
}

impl DataKey {
    /// The key with these bytes and this number in the keyring.
    pub(crate) fn new(number: i64, bytes: &[u8; 32]) -> Result<Self, StoreError> {
        let cipher = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| StoreError::Corrupt { table: "ring_keys", column: "wrapped" })?;
        Ok(Self { number, cipher: LessSafeKey::new(cipher) })
    }

    /// The key's number in the keyring.
    pub(crate) const fn number(&self) -> i64 {
        self.number
    }

    /// Seals `value` for its place.
    pub(crate) fn seal(
        &self,
        random: &dyn Random,
        place: Place<'_>,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0u8; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(HEAD + value.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.number.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let (_, body) = sealed.split_at_mut(HEAD);
        let tag = self
            .cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data()),
                body,
            )
            .map_err(|_| place.corrupt())?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a value sealed for this place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (nonce, body) = sealed
            .get(HEAD - NONCE_LEN..)
            .and_then(|rest| rest.split_at_checked(NONCE_LEN))
            .ok_or_else(|| place.corrupt())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| place.corrupt())?;
        let mut value = Zeroizing::new(body.to_vec());
        let length = self
            .cipher
            .open_in_place(nonce, Aad::from(place.associated_data()), value.as_mut_slice())
            .map_err(|_| place.corrupt())?
            .len();
        value.truncate(length);
        Ok(value)
    }
}

/// The number of the key that a value was sealed with.
pub(crate) fn key_number(place: Place<'_>, sealed: &[u8]) -> Result<i64, StoreError> {
    match sealed.split_first() {
        Some((&VERSION, rest)) => {
            rest.first_chunk::<8>().map(|number| i64::from_be_bytes(*number)).ok_or_else(|| place.corrupt())
        }
        _ => Err(place.corrupt()),
    }
}

/// What stands in place of a value that nobody can seal any more: it names a key that there never was, so that whoever opens
/// it is told that it is erased.
pub(crate) fn unreadable() -> Vec<u8> {
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&0i64.to_be_bytes());
    sealed
}

/// A key for one use, derived from a stronger one (HMAC-SHA256 as in the expand step of RFC 5869).
pub(crate) fn derive(bytes: &[u8], usage: &[u8]) -> hmac::Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), usage);
    hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
}

/// The pepper that an account had before peppers were keys of their own: derived from its account key.
pub(crate) fn derived(account_key: &[u8]) -> Zeroizing<[u8; 32]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, account_key), b"waxseal look-up hashes 1");
    let mut pepper = Zeroizing::new([0u8; 32]);
    pepper.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    pepper
}

/// HMAC-SHA256 of a value for one use.
pub(crate) fn keyed_hash(key: &hmac::Key, usage: &[u8], value: &[u8]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    context.update(usage);
    context.update(&[0]);
    context.update(value);
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests;

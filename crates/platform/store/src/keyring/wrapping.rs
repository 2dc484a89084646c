//! Wrapping keys under a key: AES-256-GCM with a fresh random nonce, bound to what is wrapped.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use waxseal_model::Random;
use zeroize::Zeroizing;

use super::entity::ring_key;
use crate::error::StoreError;

/// Length of a wrapped key of 32 bytes: nonce, ciphertext, tag.
pub(crate) const WRAPPED: usize = NONCE_LEN + 32 + 16;

/// A key that wraps others.
pub(crate) struct Wrapping {
    cipher: LessSafeKey,
}

impl Wrapping {
    /// Wraps under these bytes.
    pub(crate) fn new(bytes: &[u8; 32]) -> Option<Self> {
        let cipher = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        Some(Self { cipher: LessSafeKey::new(cipher) })
    }

    /// Wraps a data key for its row.
    pub(crate) fn wrap(
        &self,
        random: &dyn Random,
        row: &ring_key::Model,
        key: &[u8; 32],
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(random, &associated_data(row), key)
            .ok_or(StoreError::Corrupt { table: "ring_keys", column: "wrapped" })
    }

    /// The data key of a row.
    pub(crate) fn unwrap(&self, row: &ring_key::Model) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.open(&associated_data(row), &row.wrapped)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
            .map(Zeroizing::new)
            .ok_or(StoreError::Corrupt { table: "ring_keys", column: "wrapped" })
    }

    /// Nonce, ciphertext and tag of `value`.
    pub(crate) fn seal(&self, random: &dyn Random, aad: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0u8; NONCE_LEN];
        random.fill(&mut nonce);
        let mut body = Zeroizing::new(value.to_vec());
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut *body)
            .ok()?;
        Some(nonce.iter().chain(body.iter()).copied().collect())
    }

    /// What [`Wrapping::seal`] sealed; `None` under another key or with other associated data.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut value = Zeroizing::new(body.to_vec());
        let length = self.cipher.open_in_place(nonce, Aad::from(aad), value.as_mut_slice()).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

/// The epoch is not part of it: a key keeps its place when it is wrapped anew.
fn associated_data(row: &ring_key::Model) -> Vec<u8> {
    let mut data = b"waxseal key 1".to_vec();
    data.extend_from_slice(&row.id.to_be_bytes());
    data.extend_from_slice(&row.day.to_be_bytes());
    data.extend_from_slice(&row.account);
    data.extend_from_slice(row.class.as_bytes());
    data
}

//! The master key: where it comes from, and wrapping under it.

use std::{
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use waxseal_model::Random;
use zeroize::Zeroizing;

use super::entity::ring_key;
use crate::{
    error::{OpenError, StoreError},
    open::MasterKey,
    seal::derive,
};

/// The key that wraps all others.
pub(crate) struct Master {
    cipher: LessSafeKey,
    bytes: Zeroizing<[u8; 32]>,
}

impl Master {
    /// Reads the master key; on first start a missing file is made with a new one.
    pub(crate) fn load(
        source: &MasterKey,
        first_start: bool,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        let bytes = match source {
            MasterKey::Hex(text) => parse(text)?,
            MasterKey::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => parse(&Zeroizing::new(text))?,
                Err(error) if error.kind() == ErrorKind::NotFound && first_start => make(path, random)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(OpenError::MasterKey(format!(
                        "{} is missing, but keys.db was made with it: put the file back from where you keep it",
                        path.display()
                    )));
                }
                Err(source) => return Err(OpenError::File { path: path.display().to_string(), source }),
            },
        };
        let cipher = UnboundKey::new(&AES_256_GCM, bytes.as_slice())
            .map_err(|_| OpenError::MasterKey("not a key of 32 bytes".into()))?;
        Ok(Self { cipher: LessSafeKey::new(cipher), bytes })
    }

    /// A key for another use, derived from this one.
    pub(crate) fn derive(&self, usage: &[u8]) -> hmac::Key {
        derive(self.bytes.as_slice(), usage)
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

    /// What [`Master::seal`] sealed; `None` under another key or with other associated data.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut value = Zeroizing::new(body.to_vec());
        let length = self.cipher.open_in_place(nonce, Aad::from(aad), value.as_mut_slice()).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

fn associated_data(row: &ring_key::Model) -> Vec<u8> {
    let mut data = b"waxseal key 1".to_vec();
    data.extend_from_slice(&row.id.to_be_bytes());
    data.extend_from_slice(&row.day.to_be_bytes());
    data.extend_from_slice(&row.account);
    data.extend_from_slice(row.class.as_bytes());
    data
}

fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let text = text.trim();
    let bytes = Zeroizing::new(
        hex::decode(text)
            .or_else(|_| STANDARD.decode(text))
            .map_err(|_| OpenError::MasterKey("expected 64 hex digits (or 32 bytes in base64)".into()))?,
    );
    <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| {
        OpenError::MasterKey(format!("expected 32 bytes (64 hex digits), found {}", bytes.len()))
    })
}

/// Makes a new master key file, durable before it is used.
fn make(path: &Path, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let failed = |source| OpenError::File { path: path.display().to_string(), source };
    let mut bytes = Zeroizing::new([0u8; 32]);
    random.fill(bytes.as_mut_slice());
    let mut text = Zeroizing::new(hex::encode(bytes.as_slice()));
    text.push('\n');
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(bytes)
}

//! Files sealed as a stream: backups and exports.
//!
//! `magic ‖ salt (32) ‖ length of the header (4, big-endian) ‖ header (JSON, readable) ‖ chunks`. The file's key is
//! HMAC-SHA256 of everything before the chunks under the key of the reader. Each chunk holds 64 KiB, the last one what
//! is left, sealed with AES-256-GCM; its nonce is seven zeros, its number (4, big-endian) and whether it is the last
//! (1). So a chunk that was changed, moved, left out or added does not open, and neither does one under a header that
//! was changed.

mod place;
mod reader;
mod writer;

use std::io::{self, Read};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

pub(crate) use place::{NewFile, PARTIAL};
pub(crate) use reader::SealedReader;
pub(crate) use writer::SealedWriter;

/// Plain bytes in a chunk.
pub(crate) const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const SALT: usize = 32;
/// Longest header that is read.
const LONGEST_HEADER: usize = 64 * 1024;

/// What kind of file it is: its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Magic(pub(crate) &'static [u8; 16]);

/// Everything before the chunks.
pub(crate) struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// The head of a new file.
    pub(crate) fn new(magic: Magic, salt: &[u8; SALT], header: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(header.len()).ok().filter(|length| *length as usize <= LONGEST_HEADER);
        let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "header too long"))?;
        let mut bytes = Vec::with_capacity(magic.0.len() + SALT + 4 + header.len());
        bytes.extend_from_slice(magic.0);
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(header);
        Ok(Self { bytes })
    }

    /// Reads a head; `None` if the file is of another kind.
    pub(crate) fn read(magic: Magic, from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; magic.0.len() + SALT + 4];
        match from.read_exact(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            outcome => outcome?,
        }
        let Some(length) = bytes.last_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize) else {
            return Ok(None);
        };
        if !bytes.starts_with(magic.0) || length > LONGEST_HEADER {
            return Ok(None);
        }
        let start = bytes.len();
        bytes.resize(start + length, 0);
        match from.read_exact(bytes.get_mut(start..).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            outcome => outcome.map(|()| Some(Self { bytes })),
        }
    }

    /// The readable header.
    pub(crate) fn header(&self) -> &[u8] {
        self.bytes.get(16 + SALT + 4..).unwrap_or_default()
    }

    fn cipher(&self, key: &hmac::Key) -> io::Result<LessSafeKey> {
        let bytes = hmac::sign(key, &self.bytes);
        let cipher = UnboundKey::new(&AES_256_GCM, bytes.as_ref());
        cipher.map(LessSafeKey::new).map_err(|_| io::Error::other("no key could be made"))
    }
}

/// The nonce of a chunk.
fn nonce(number: u32, last: bool) -> Nonce {
    let mut nonce = [0u8; NONCE_LEN];
    nonce.iter_mut().skip(7).zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    if let Some(flag) = nonce.last_mut() {
        *flag = u8::from(last);
    }
    Nonce::assume_unique_for_key(nonce)
}

fn nothing() -> Aad<[u8; 0]> {
    Aad::from([0u8; 0])
}

#[cfg(test)]
mod tests;

//! Whom the erasure of a part of an account is about, as an entry holds it: sealed under a key of the account, so that it
//! says nothing without the keys and nothing to anybody once they are destroyed.

use serde::{Deserialize, Serialize};

/// Bytes of a sealed hash: head, nonce, hash and tag.
const LENGTH: usize = 1 + 8 + 12 + 32 + 16;

/// A sealed hash; written in hex.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ToldSubject([u8; LENGTH]);

impl ToldSubject {
    /// From its bytes; `None` if they are too few or too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Debug for ToldSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToldSubject(..)")
    }
}

impl From<ToldSubject> for String {
    fn from(subject: ToldSubject) -> Self {
        hex::encode(subject.0)
    }
}

impl TryFrom<String> for ToldSubject {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = hex::decode(text).map_err(|_| "not hex")?;
        Self::new(&bytes).ok_or("not a sealed hash")
    }
}

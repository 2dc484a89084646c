//! Checkpoints: "entry N has hash H", signed. Copies of them outside the store are the anchors.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use waxseal_model::Timestamp;

use super::chain::Head;

/// One line of the file of checkpoints, and of anchors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The entry.
    pub n: u64,
    /// Its hash.
    pub head: String,
    /// When it was signed, in microseconds since the epoch.
    pub at: i64,
    /// Public key, in hex.
    pub key: String,
    /// Ed25519 over `waxseal audit checkpoint 1`, `n`, `at` and `head`, a line each; in hex.
    pub signature: String,
}

/// Signs checkpoints.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    public: String,
}

impl Signer {
    /// From the secret seed; `None` if it is none.
    pub(super) fn new(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = hex::encode(pair.public_key().as_ref());
        Some(Self { pair, public })
    }

    /// The public key, in hex.
    pub(super) fn public(&self) -> &str {
        &self.public
    }

    pub(super) fn sign(&self, head: &Head, at: Timestamp) -> Checkpoint {
        let at = at.as_micros();
        let signature = hex::encode(self.pair.sign(&text(head.n, at, &head.hash)).as_ref());
        Checkpoint { n: head.n, head: head.hash.clone(), at, key: self.public.clone(), signature }
    }
}

impl Checkpoint {
    /// The end of the chain that it is about.
    pub(super) fn head(&self) -> Head {
        Head { n: self.n, hash: self.head.clone() }
    }

    /// The line, with its line break.
    pub(super) fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Reads a line (without its line break); `None` unless it is as `public` signed it, byte for byte.
    pub(super) fn read(line: &[u8], public: &str) -> Option<Self> {
        let checkpoint: Self = serde_json::from_slice(line).ok()?;
        if checkpoint.key != public || serde_json::to_vec(&checkpoint).ok()? != line {
            return None;
        }
        let signature = hex::decode(&checkpoint.signature).ok()?;
        if hex::encode(&signature) != checkpoint.signature {
            return None;
        }
        UnparsedPublicKey::new(&ED25519, hex::decode(public).ok()?)
            .verify(&text(checkpoint.n, checkpoint.at, &checkpoint.head), &signature)
            .ok()?;
        Some(checkpoint)
    }
}

fn text(n: u64, at: i64, head: &str) -> Vec<u8> {
    format!("waxseal audit checkpoint 1\n{n}\n{at}\n{head}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_key_signed_is_no_checkpoint() {
        let signer = |seed| Signer::new(&[seed; 32]).expect("a seed");
        let (own, other) = (signer(1), signer(2));
        let head = Head { n: 7, hash: "00ff".into() };
        let read = |checkpoint: &Checkpoint| {
            Checkpoint::read(&serde_json::to_vec(checkpoint).expect("a line"), own.public())
        };
        let signed = own.sign(&head, Timestamp::from_secs(1_000));
        assert_eq!(read(&signed), Some(signed.clone()));
        let forged =
            Checkpoint { key: own.public().into(), ..other.sign(&head, Timestamp::from_secs(1_000)) };
        assert_eq!(read(&forged), None, "it names our key, and another signed it");
        let moved = Checkpoint { n: 8, ..signed };
        assert_eq!(read(&moved), None, "a signature is of one entry");
    }
}

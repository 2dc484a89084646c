//! The text of an API key.
//!
//! A secret reads `key-<64 hex digits>-<8 hex digits>`: the prefix that clients and secret scanners
//! know, 256 random bits, and the first four bytes of a SHA-256 over what stands before, so that a
//! mistyped or shortened key is recognised without asking the store.

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;
use waxseal_model::Random;

/// A new secret.
pub(crate) fn fresh(random: &dyn Random) -> String {
    let mut bits = [0u8; 32];
    random.fill(&mut bits);
    let body = format!("{PREFIX}{}", hex::encode(bits));
    let checksum = checksum(&body);
    format!("{body}-{checksum}")
}

/// Whether a text could be a secret made here. Constant time in its checksum.
pub(crate) fn is_well_formed(secret: &str) -> bool {
    let Some((body, given)) = secret.rsplit_once('-') else { return false };
    let Some(bits) = body.strip_prefix(PREFIX) else { return false };
    bits.len() == 64
        && bits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && bool::from(checksum(body).as_bytes().ct_eq(given.as_bytes()))
}

fn checksum(body: &str) -> String {
    hex::encode(&sha256(body.as_bytes())[..4])
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0u8; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

const PREFIX: &str = "key-";

#[cfg(test)]
mod tests {
    use waxseal_model::SeededRandom;

    use super::*;

    #[test]
    fn a_fresh_secret_is_well_formed_and_any_changed_digit_is_not() {
        let secret = fresh(&SeededRandom::new(1));
        assert_eq!(secret.len(), 4 + 64 + 1 + 8);
        assert!(is_well_formed(&secret));
        for at in 0..secret.len() {
            let mut changed = secret.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(!is_well_formed(std::str::from_utf8(&changed).expect("ascii")), "digit {at}");
        }
    }

    #[test]
    fn texts_that_are_no_key_are_refused_without_a_panic() {
        for text in ["", "key-", "key--", "key-é-é", "api", "key-0123456789abcdef0123456789abcdef", "---"] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}

//! Log-ins whose password was checked a moment ago, so that a client that connects for every message
//! does not cost an Argon2 run each time.
//!
//! It does not weaken the check: it lives in memory only; it holds neither login nor password but an
//! HMAC-SHA256 under a key that this process made at its start; only a password that Argon2 found right
//! is ever put in, and what is remembered is bound to that very hash, which is read from the store at
//! every log-in: after a change of password or a deletion there is nothing that fits.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use waxseal_model::{CredentialId, Random};

use crate::secret::sha256;

/// Log-ins found right, each until its time.
pub(crate) struct VerifiedLogins {
    key: hmac::Key,
    seen: Mutex<HashMap<[u8; 32], Seen>>,
}

struct Seen {
    credential: CredentialId,
    /// SHA-256 of the Argon2 hash that the password was checked against.
    hash_generation: [u8; 32],
    until: Duration,
}

impl VerifiedLogins {
    /// An empty memory with a fresh key.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut key = [0u8; 32];
        random.fill(&mut key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), seen: Mutex::default() }
    }

    /// Whether this password was found right against this hash of this credential, not long ago.
    pub(crate) fn holds(&self, login: &Login<'_>, now: Duration) -> bool {
        let seen = self.lock();
        let Some(entry) = seen.get(&self.fingerprint(login)) else { return false };
        entry.credential == login.credential
            && bool::from(entry.hash_generation.ct_eq(&sha256(login.password_hash.as_bytes())))
            && now < entry.until
    }

    /// Remembers that this password was found right.
    pub(crate) fn remember(&self, login: &Login<'_>, now: Duration) {
        let entry = Seen {
            credential: login.credential,
            hash_generation: sha256(login.password_hash.as_bytes()),
            until: now + LIFETIME,
        };
        let fingerprint = self.fingerprint(login);
        let mut seen = self.lock();
        if seen.len() >= MOST {
            seen.retain(|_, entry| now < entry.until);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        seen.insert(fingerprint, entry);
    }

    /// Forgets all of a credential whose password was changed, or which was deleted.
    pub(crate) fn forget(&self, credential: CredentialId) {
        self.lock().retain(|_, entry| entry.credential != credential);
    }

    fn fingerprint(&self, login: &Login<'_>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps "a" + "bc" apart from "ab" + "c".
        context.update(&(login.login.len() as u64).to_be_bytes());
        context.update(login.login.as_bytes());
        context.update(login.password.as_bytes());
        let mut fingerprint = [0u8; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Seen>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What somebody logs in with, and what the store holds against it.
pub(crate) struct Login<'a> {
    pub(crate) login: &'a str,
    pub(crate) password: &'a str,
    pub(crate) credential: CredentialId,
    pub(crate) password_hash: &'a str,
}

const MOST: usize = 10_000;
const LIFETIME: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use waxseal_model::SeededRandom;

    use super::*;

    const LOGIN: Login<'static> = Login {
        login: "a@example.org",
        password: "right",
        credential: CredentialId::from_u128(1),
        password_hash: "$argon2id$one",
    };

    #[test]
    fn a_login_is_known_for_five_minutes_and_only_as_it_was() {
        let verified = VerifiedLogins::new(&SeededRandom::new(1));
        assert!(!verified.holds(&LOGIN, Duration::ZERO));
        verified.remember(&LOGIN, Duration::ZERO);
        assert!(verified.holds(&LOGIN, LIFETIME - Duration::from_secs(1)));
        assert!(!verified.holds(&LOGIN, LIFETIME));
        assert!(!verified.holds(&Login { password: "wrong", ..LOGIN }, Duration::ZERO));
        assert!(!verified.holds(&Login { password_hash: "$argon2id$two", ..LOGIN }, Duration::ZERO));
        assert!(!verified.holds(&Login { credential: CredentialId::from_u128(2), ..LOGIN }, Duration::ZERO));
        assert!(
            !verified.holds(&Login { login: "a@example.or", password: "gright", ..LOGIN }, Duration::ZERO)
        );
        verified.forget(LOGIN.credential);
        assert!(!verified.holds(&LOGIN, Duration::ZERO));
    }

    #[test]
    fn the_memory_is_bounded() {
        let verified = VerifiedLogins::new(&SeededRandom::new(1));
        for n in 0..=MOST {
            let password = n.to_string();
            verified.remember(&Login { password: &password, ..LOGIN }, Duration::ZERO);
        }
        assert!(verified.lock().len() <= MOST);
    }
}

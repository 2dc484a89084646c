//! Argon2id: hashing and checking passwords, off the async workers and a few at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        Error as HashError, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString,
    },
};
use tokio::sync::Semaphore;
use waxseal_model::Random;
use waxseal_store::StoreError;

/// Hashes and checks passwords. Each check takes 19 MiB and tens of milliseconds of a core on purpose,
/// so few run at once and a limited number wait.
pub(crate) struct PasswordHasher {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Checked when the login is unknown, so that the answer takes as long.
    decoy: Arc<String>,
}

/// More log-ins wait for their check than there is patience for.
#[derive(Debug, thiserror::Error)]
#[error("too many log-ins at once; try again in a moment")]
struct Crowded;

impl PasswordHasher {
    /// A hasher; its decoy is made from `random`.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut salt = [0u8; 16];
        let mut digest = [0u8; 32];
        random.fill(&mut salt);
        random.fill(&mut digest);
        let slots = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            waiting: AtomicUsize::new(0),
            decoy: Arc::new(decoy(&salt, &digest)),
        }
    }

    /// The PHC form of the password's hash under a fresh salt.
    pub(crate) async fn hash(&self, password: &str, random: &dyn Random) -> Result<String, StoreError> {
        let mut salt = [0u8; 16];
        random.fill(&mut salt);
        let password = password.to_owned();
        self.run(move || hash(&password, &salt)).await?.map_err(|error| unavailable(HashFailed(error)))
    }

    /// Whether the password fits the hash; without a hash the decoy is checked and the answer is no.
    pub(crate) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, StoreError> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| Arc::clone(&self.decoy), Arc::new);
        let password = password.to_owned();
        let fits = self.run(move || verify(&password, &hash)).await?;
        Ok(known && fits)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let _place = Place::take(&self.waiting)?;
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(unavailable)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held by the thread, not by the caller: a caller that goes away does not free its core.
            drop(permit);
            done
        });
        task.await.map_err(unavailable)
    }
}

/// A place in the line of those who wait for a check.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, StoreError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            return Err(unavailable(Crowded));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("hashing failed: {0}")]
struct HashFailed(HashError);

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn argon2() -> Argon2<'static> {
    // OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str, salt: &[u8; 16]) -> Result<String, HashError> {
    let salt = SaltString::encode_b64(salt)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt)?.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash that no password is known for, of the same cost as a real one.
fn decoy(salt: &[u8; 16], digest: &[u8; 32]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    let (salt, digest) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(digest));
    format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${digest}")
}

const MOST_WAITING: usize = 256;

#[cfg(test)]
mod tests {
    use waxseal_model::SeededRandom;

    use super::*;

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let decoy = decoy(&[1; 16], &[2; 32]);
        let decoy = PasswordHash::new(&decoy).expect("decoy parses");
        let real = hash("secret", &[3; 16]).expect("hash");
        let real = PasswordHash::new(&real).expect("hash parses");
        assert_eq!(decoy.algorithm, real.algorithm);
        assert_eq!(decoy.version, real.version);
        assert_eq!(decoy.params, real.params);
        assert_eq!(decoy.hash.map(|hash| hash.len()), real.hash.map(|hash| hash.len()));
    }

    #[tokio::test]
    async fn only_the_right_password_fits_and_nothing_fits_without_a_hash() {
        let random = SeededRandom::new(5);
        let hasher = PasswordHasher::new(&random);
        let hash = hasher.hash("right", &random).await.expect("hash");
        assert!(hasher.verify("right", Some(hash.clone())).await.expect("verify"));
        assert!(!hasher.verify("wrong", Some(hash)).await.expect("verify"));
        assert!(!hasher.verify("right", None).await.expect("verify"));
        assert!(!hasher.verify("right", Some("not a hash".into())).await.expect("verify"));
    }
}

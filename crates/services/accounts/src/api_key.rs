//! API keys: made, shown once, kept as a hash, taken back.

use std::net::IpAddr;

use subtle::ConstantTimeEq;
use waxseal_model::{AccountId, KeyId, Random, Timestamp};
use waxseal_store::{
    StoreError,
    account::{ApiKey, KeyScope, NewApiKey},
};

use crate::{
    account::Accounts,
    caller::{Caller, Proof},
    secret::{self, sha256},
};

pub use crate::account::FreshAccount;

/// Who has a key.
pub enum KeyHolder {
    /// Somebody of an account that may come in.
    Open(Caller),
    /// Somebody of an account that is closed to be erased.
    Closed {
        /// Who: it may look at that, and take it back while it can be.
        caller: Caller,
        /// When the erasure begins, or began.
        erased_from: Timestamp,
    },
}

/// A key just made: the only time its secret is known.
pub struct FreshKey {
    /// Public id.
    pub id: KeyId,
    /// The secret to give to the customer.
    pub secret: String,
}

impl Accounts {
    /// Makes a key; it is shown once.
    pub async fn create_key(
        &self,
        account: AccountId,
        scope: KeyScope,
        label: &str,
    ) -> Result<FreshKey, StoreError> {
        let (clock, random) = (&*self.inner.clock, &*self.inner.random);
        let id = KeyId::new(clock, random);
        let (key, row) = new_key(random, id, account, scope, label, clock.now());
        self.inner.store.create_api_key(row).await?;
        Ok(key)
    }

    /// The account's keys, oldest first; without their secrets, which nobody knows.
    pub async fn keys(&self, account: AccountId) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.store.api_keys(account).await
    }

    /// Deletes a key, which opens nothing from now on; whether there was one.
    pub async fn delete_key(&self, account: AccountId, id: KeyId) -> Result<bool, StoreError> {
        let deleted = self.inner.store.delete_api_key(account, id).await;
        self.key_cache().forget(id);
        deleted
    }

    /// The caller with this secret; `None` if it is not the secret of any key of an open account.
    pub async fn by_api_key(&self, secret: &str, peer: Option<IpAddr>) -> Result<Option<Caller>, StoreError> {
        match self.key_holder(secret, peer).await? {
            Some(KeyHolder::Open(caller)) => Ok(Some(caller)),
            Some(KeyHolder::Closed { .. }) | None => Ok(None),
        }
    }

    /// Who has the key with this secret; `None` if nobody has. Constant time in the secret: it is looked up by its
    /// hash, and the hash found is compared in constant time.
    pub async fn key_holder(
        &self,
        secret: &str,
        peer: Option<IpAddr>,
    ) -> Result<Option<KeyHolder>, StoreError> {
        if !secret::is_well_formed(secret) {
            return Ok(None);
        }
        let hash = sha256(secret.as_bytes());
        let Some(key) = self.key_by_hash(&hash).await? else { return Ok(None) };
        if !bool::from(key.secret_hash.ct_eq(&hash)) {
            return Ok(None);
        }
        let only_domain = match key.scope {
            KeyScope::Account => None,
            KeyScope::DomainSending(domain) => Some(domain),
        };
        let caller = Caller { account: key.account, only_domain, proof: Proof::ApiKey(key.id), peer };
        Ok(Some(match self.inner.store.closed_until_erased(key.account) {
            None => KeyHolder::Open(caller),
            Some(erased_from) => KeyHolder::Closed { caller, erased_from },
        }))
    }

    async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let now = self.inner.clock.monotonic();
        // Read before the store is asked: a deletion in between then keeps the key out of the cache.
        let generation = {
            let mut cache = self.key_cache();
            cache.follow(self.inner.store.closed_changes());
            if let Some(key) = cache.look_up(hash, now) {
                return Ok(Some(key));
            }
            cache.generation()
        };
        let found = match self.inner.store.api_key_by_hash(hash).await {
            // Its account is being erased.
            Err(StoreError::Erased) => None,
            outcome => outcome?,
        };
        if let Some(key) = &found {
            self.key_cache().remember(key.clone(), now, generation);
        }
        Ok(found)
    }

    fn key_cache(&self) -> std::sync::MutexGuard<'_, crate::key_cache::KeyCache> {
        self.inner.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The id of a key as customers see it, in `X-Mailgun-Key-Id` and in events: `<8 hex>-<8 hex>`.
pub fn shown_key_id(id: KeyId) -> String {
    let low = id.as_u128() as u64;
    format!("{:08x}-{:08x}", low >> 32, low & 0xffff_ffff)
}

pub(crate) fn new_key(
    random: &dyn Random,
    id: KeyId,
    account: AccountId,
    scope: KeyScope,
    label: &str,
    created_at: Timestamp,
) -> (FreshKey, NewApiKey) {
    let secret = secret::fresh(random);
    let secret_hash = sha256(secret.as_bytes());
    let label = label.chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect();
    (FreshKey { id, secret }, NewApiKey { id, account, scope, secret_hash, label, created_at })
}

const LONGEST_LABEL: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_id_has_two_groups_of_eight_digits() {
        let id = KeyId::from_u128(0x1234_5678_9abc_def0_0000_0001_0000_00ff);
        assert_eq!(shown_key_id(id), "00000001-000000ff");
    }
}

//! The way in to this crate: [`Accounts`], and the making of an account.

use std::sync::{Arc, Mutex};

use waxseal_model::{AccountId, Clock, KeyId, Random, Timestamp};
use waxseal_store::{
    Store, StoreError,
    account::{KeyScope, NewAccount},
};

use crate::{
    api_key::{FreshKey, new_key},
    key_cache::KeyCache,
    network::NetworkCache,
    password::PasswordHasher,
    profile::{ProfileError, checked},
    verified::VerifiedLogins,
};

/// An account just made.
pub struct FreshAccount {
    /// Id.
    pub id: AccountId,
    /// Its first, all-powerful key.
    pub key: FreshKey,
    /// Time of making.
    pub created_at: Timestamp,
}

/// Why an account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// Something in the profile cannot be.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes accounts and keys and knows whose they are. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) verified: VerifiedLogins,
    pub(crate) keys: Mutex<KeyCache>,
    pub(crate) networks: Mutex<NetworkCache>,
    /// Corrections take turns: one reads, changes and writes a profile.
    pub(crate) corrections: tokio::sync::Mutex<()>,
}

impl Accounts {
    /// Accounts kept in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let hasher = PasswordHasher::new(&*random);
        let verified = VerifiedLogins::new(&*random);
        let keys = Mutex::default();
        let networks = Mutex::default();
        let corrections = tokio::sync::Mutex::default();
        Self {
            inner: Arc::new(Inner { store, clock, random, hasher, verified, keys, networks, corrections }),
        }
    }

    /// Makes an account with its first key.
    pub async fn create(
        &self,
        name: &str,
        email: &str,
        company: Option<&str>,
    ) -> Result<FreshAccount, CreateAccountError> {
        let profile = checked(name, email, company)?;
        let Inner { store, clock, random, .. } = &*self.inner;
        let id = AccountId::new(&**clock, &**random);
        let created_at = clock.now();
        let key_id = KeyId::new(&**clock, &**random);
        let (key, row) = new_key(&**random, key_id, id, KeyScope::Account, "first key", created_at);
        store.create_account(NewAccount { id, created_at, profile }, row).await?;
        Ok(FreshAccount { id, key, created_at })
    }
}

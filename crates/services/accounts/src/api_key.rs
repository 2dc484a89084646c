//! API keys: 256 random bits, shown once, kept as a hash.

use std::net::IpAddr;

use waxseal_model::{AccountId, KeyId, Timestamp};
use waxseal_store::{StoreError, account::KeyScope};

use crate::caller::Caller;

/// A key just made: the only time its secret is known.
pub struct FreshKey {
    /// Public id.
    pub id: KeyId,
    /// The secret to give to the customer.
    pub secret: String,
}

/// An account just made.
pub struct FreshAccount {
    /// Id.
    pub id: AccountId,
    /// Its first, all-powerful key.
    pub key: FreshKey,
    /// Time of making.
    pub created_at: Timestamp,
}

/// Makes accounts and keys and knows whose they are. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {}

impl Accounts {
    /// Makes an account with its first key.
    pub async fn create(
        &self,
        _name: &str,
        _email: &str,
        _company: Option<&str>,
    ) -> Result<FreshAccount, StoreError> {
        Err(StoreError::Erased)
    }

    /// Makes a key; it is shown once.
    pub async fn create_key(
        &self,
        _account: AccountId,
        _scope: KeyScope,
        _label: &str,
    ) -> Result<FreshKey, StoreError> {
        Err(StoreError::Erased)
    }

    /// The caller with this secret; `None` if it is not the secret of any key. Constant time in the secret.
    pub async fn by_api_key(
        &self,
        _secret: &str,
        _peer: Option<IpAddr>,
    ) -> Result<Option<Caller>, StoreError> {
        Ok(None)
    }
}

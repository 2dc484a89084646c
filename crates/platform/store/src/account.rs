//! Accounts and their API keys.

use waxseal_model::{AccountId, DomainId, KeyId, Sealed, Timestamp};

use crate::{error::StoreError, open::Store};

/// Name and addresses of a customer.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountProfile {
    /// Name of the person or team.
    pub name: String,
    /// Address for service mail.
    pub email: String,
    /// Company, if any.
    pub company: Option<String>,
}

/// An account to be made.
pub struct NewAccount {
    /// Id.
    pub id: AccountId,
    /// Time of making.
    pub created_at: Timestamp,
    /// Profile.
    pub profile: AccountProfile,
}

/// An account.
pub struct Account {
    /// Id.
    pub id: AccountId,
    /// Time of making.
    pub created_at: Timestamp,
    /// Profile.
    pub profile: Sealed<AccountProfile>,
    /// Whether the account may not send.
    pub disabled: bool,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// Everything in the account.
    Account,
    /// Only send through one domain.
    DomainSending(DomainId),
}

/// An API key to be made. The secret itself never reaches the store.
pub struct NewApiKey {
    /// Public id of the key.
    pub id: KeyId,
    /// Account.
    pub account: AccountId,
    /// Scope.
    pub scope: KeyScope,
    /// SHA-256 of the secret (the secret has 256 random bits).
    pub secret_hash: [u8; 32],
    /// What the customer calls it.
    pub label: String,
    /// Time of making.
    pub created_at: Timestamp,
}

/// An API key.
#[derive(Clone)]
pub struct ApiKey {
    /// Public id.
    pub id: KeyId,
    /// Account.
    pub account: AccountId,
    /// Scope.
    pub scope: KeyScope,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// What the customer calls it.
    pub label: String,
    /// Time of making.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes an account with its first API key.
    pub async fn create_account(&self, _account: NewAccount, _key: NewApiKey) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// The account with this id.
    pub async fn account(&self, _id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(None)
    }

    /// All accounts, oldest first, after `after`.
    pub async fn accounts(&self, _after: Option<AccountId>, _limit: u64) -> Result<Vec<Account>, StoreError> {
        Ok(Vec::new())
    }

    /// Adds an API key.
    pub async fn create_api_key(&self, _key: NewApiKey) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// The key whose secret has this SHA-256.
    pub async fn api_key_by_hash(&self, _secret_hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        Ok(None)
    }

    /// All keys of an account, oldest first.
    pub async fn api_keys(&self, _account: AccountId) -> Result<Vec<ApiKey>, StoreError> {
        Ok(Vec::new())
    }

    /// Deletes a key; whether there was one.
    pub async fn delete_api_key(&self, _account: AccountId, _id: KeyId) -> Result<bool, StoreError> {
        Ok(false)
    }
}

//! SMTP credentials (login and password) and network credentials (a place instead of a password).

use waxseal_model::{AccountId, CredentialId, DomainId, Sealed, Timestamp, network::Network};

use crate::{error::StoreError, open::Store};

/// An SMTP credential to be made.
pub struct NewSmtpCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// Domain that the credential sends for.
    pub domain: DomainId,
    /// Full login address, lower case.
    pub login: String,
    /// Argon2id hash in PHC form.
    pub password_hash: String,
    /// Time of making.
    pub created_at: Timestamp,
}

/// An SMTP credential.
pub struct SmtpCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Full login address.
    pub login: Sealed<String>,
    /// Argon2id hash in PHC form.
    pub password_hash: Sealed<String>,
    /// Time of making.
    pub created_at: Timestamp,
}

/// A network that submits for an account without AUTH.
#[derive(Clone)]
pub struct NetworkCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// The network.
    pub network: Network,
    /// Time of making.
    pub created_at: Timestamp,
}

impl Store {
    /// Adds an SMTP credential; a conflict if the login is taken.
    pub async fn create_smtp_credential(&self, _credential: NewSmtpCredential) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// The credential with this login (compared in lower case), found by keyed hash.
    pub async fn smtp_credential(&self, _login: &str) -> Result<Option<SmtpCredential>, StoreError> {
        Ok(None)
    }

    /// All credentials of a domain, oldest first.
    pub async fn smtp_credentials(
        &self,
        _account: AccountId,
        _domain: DomainId,
    ) -> Result<Vec<SmtpCredential>, StoreError> {
        Ok(Vec::new())
    }

    /// Sets a new password hash; whether the credential exists.
    pub async fn change_smtp_password(
        &self,
        _account: AccountId,
        _id: CredentialId,
        _password_hash: String,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Deletes an SMTP credential; whether there was one.
    pub async fn delete_smtp_credential(
        &self,
        _account: AccountId,
        _id: CredentialId,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Adds a network credential; a conflict if exactly this network is taken by any account.
    pub async fn create_network_credential(&self, _credential: NetworkCredential) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// All network credentials of the instance.
    pub async fn network_credentials(&self) -> Result<Vec<NetworkCredential>, StoreError> {
        Ok(Vec::new())
    }

    /// Deletes a network credential; whether there was one.
    pub async fn delete_network_credential(
        &self,
        _account: AccountId,
        _id: CredentialId,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
}

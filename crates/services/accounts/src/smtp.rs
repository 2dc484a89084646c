//! SMTP credentials and networks: who may submit mail.

use std::net::IpAddr;

use waxseal_model::{AccountId, network::Network};
use waxseal_store::StoreError;

use crate::{api_key::Accounts, caller::Caller};

/// A credential just made: the only time its password is known.
pub struct FreshCredential {
    /// The login: a full address.
    pub login: String,
    /// The password to give to the customer.
    pub password: String,
}

/// Why a credential could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateCredentialError {
    /// The login is not `local@domain`.
    #[error("`{0}` is not a full address such as postmaster@example.org")]
    NotAnAddress(String),
    /// The account has no such domain.
    #[error("the account has no domain {0}; create it first with `waxseal domain create`")]
    UnknownDomain(String),
    /// The login or network is taken.
    #[error("{0} is taken")]
    Taken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes an SMTP credential with a random password, or the given one.
    pub async fn create_smtp_credential(
        &self,
        _account: AccountId,
        _login: &str,
        _password: Option<&str>,
    ) -> Result<FreshCredential, CreateCredentialError> {
        Err(StoreError::Erased.into())
    }

    /// Lets a network submit for the account without AUTH.
    pub async fn create_network_credential(
        &self,
        _account: AccountId,
        _network: Network,
    ) -> Result<(), CreateCredentialError> {
        Err(StoreError::Erased.into())
    }

    /// The caller with this login and password. Takes as long for an unknown login as for a wrong password.
    pub async fn by_smtp_login(
        &self,
        _login: &str,
        _password: &str,
        _peer: IpAddr,
    ) -> Result<Option<Caller>, StoreError> {
        Ok(None)
    }

    /// The caller whose network the peer is in (the longest prefix wins).
    pub async fn by_network(&self, _peer: IpAddr) -> Result<Option<Caller>, StoreError> {
        Ok(None)
    }
}

//! Sending domains and their DKIM keys.

use waxseal_model::{AccountId, DomainId, KeyId, Sealed, Timestamp};

use crate::{error::StoreError, open::Store};

/// Whether mail of a domain leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainKind {
    /// Mail is delivered to its recipients' servers.
    Custom,
    /// Mail is kept in the account's inbox.
    Sandbox,
}

/// Whether a domain may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainState {
    /// It may send.
    Active,
    /// Its DNS records have not been seen yet.
    Unverified,
    /// It may not send.
    Disabled,
}

/// Settings of a domain that its owner changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSettings {
    /// Never fall back to plaintext.
    pub require_tls: bool,
    /// Do not check certificates of recipients' servers.
    pub skip_verification: bool,
    /// How long accepted messages can be retrieved, in seconds; 0: gone when settled.
    pub message_ttl_secs: u32,
}

/// A domain to be made.
pub struct NewDomain {
    /// Id.
    pub id: DomainId,
    /// Account.
    pub account: AccountId,
    /// Name: lower-case A-labels, unique in the instance.
    pub name: String,
    /// Kind.
    pub kind: DomainKind,
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// Key of the return path's tokens (32 bytes), sealed at rest.
    pub return_path_key: Vec<u8>,
    /// Time of making.
    pub created_at: Timestamp,
    /// Its DKIM keys.
    pub dkim_keys: Vec<NewDkimKey>,
}

/// A domain.
#[derive(Clone)]
pub struct Domain {
    /// Id.
    pub id: DomainId,
    /// Account.
    pub account: AccountId,
    /// Name: lower-case A-labels.
    pub name: String,
    /// Kind.
    pub kind: DomainKind,
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// Time of making.
    pub created_at: Timestamp,
}

/// The algorithm of a DKIM key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DkimAlgorithm {
    /// RSA with SHA-256 (RFC 6376).
    RsaSha256,
    /// Ed25519 with SHA-256 (RFC 8463).
    Ed25519Sha256,
}

/// A DKIM key to be made.
pub struct NewDkimKey {
    /// Id.
    pub id: KeyId,
    /// Selector: the first label of the key record's name.
    pub selector: String,
    /// Algorithm.
    pub algorithm: DkimAlgorithm,
    /// PKCS#8 DER of the private key; sealed at rest.
    pub private_key: Vec<u8>,
    /// What the key record's `p=` holds, before base64: SubjectPublicKeyInfo for RSA, 32 bytes for Ed25519.
    pub public_key: Vec<u8>,
    /// Whether mail is signed with it.
    pub active: bool,
    /// Time of making.
    pub created_at: Timestamp,
}

/// A DKIM key.
pub struct DkimKey {
    /// Id.
    pub id: KeyId,
    /// Selector.
    pub selector: String,
    /// Algorithm.
    pub algorithm: DkimAlgorithm,
    /// PKCS#8 DER of the private key.
    pub private_key: Sealed<Vec<u8>>,
    /// What `p=` holds, before base64.
    pub public_key: Vec<u8>,
    /// Whether mail is signed with it.
    pub active: bool,
}

impl Store {
    /// Makes a domain with its keys; a conflict if the name is taken in the instance.
    pub async fn create_domain(&self, _domain: NewDomain) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// The account's domain of this name.
    pub async fn domain_by_name(
        &self,
        _account: AccountId,
        _name: &str,
    ) -> Result<Option<Domain>, StoreError> {
        Ok(None)
    }

    /// The domain of this name, whoever owns it: for doors that know no account yet.
    pub async fn domain_of_instance(&self, _name: &str) -> Result<Option<Domain>, StoreError> {
        Ok(None)
    }

    /// The account's domain with this id.
    pub async fn domain(&self, _account: AccountId, _id: DomainId) -> Result<Option<Domain>, StoreError> {
        Ok(None)
    }

    /// The account's domains, newest first, with the count of all.
    pub async fn domains(
        &self,
        _account: AccountId,
        _skip: u64,
        _limit: u64,
    ) -> Result<(u64, Vec<Domain>), StoreError> {
        Ok((0, Vec::new()))
    }

    /// Changes state and settings; whether the domain exists.
    pub async fn update_domain(
        &self,
        _account: AccountId,
        _id: DomainId,
        _state: DomainState,
        _settings: DomainSettings,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The domain's DKIM keys, oldest first.
    pub async fn dkim_keys(
        &self,
        _account: AccountId,
        _domain: DomainId,
    ) -> Result<Vec<DkimKey>, StoreError> {
        Ok(Vec::new())
    }

    /// The key of the domain's return-path tokens.
    pub async fn return_path_key(
        &self,
        _account: AccountId,
        _domain: DomainId,
    ) -> Result<Option<Sealed<Vec<u8>>>, StoreError> {
        Ok(None)
    }
}

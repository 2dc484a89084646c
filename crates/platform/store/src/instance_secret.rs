//! What the instance signs and hashes with: secrets of its own, and accounts' pseudonyms.

use waxseal_model::AccountId;
use zeroize::Zeroizing;

use crate::{error::StoreError, open::Store};

/// A secret of the instance: 32 random bytes made at first use, sealed under the master key in `keys.db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceSecret {
    /// Seed of the Ed25519 key that signs the audit trail's checkpoints.
    AuditSigning,
    /// Seed of the Ed25519 key that signs certificates and reports.
    ReportSigning,
}

impl InstanceSecret {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::AuditSigning, Self::ReportSigning];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AuditSigning => "audit signing seed",
            Self::ReportSigning => "report signing seed",
        }
    }
}

impl Store {
    /// The secret's bytes.
    pub async fn instance_secret(&self, secret: InstanceSecret) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.inner.keyring.secret(secret.name()).await
    }

    /// A name for the account that only this instance can make, and only as long as the account has its key:
    /// afterwards nobody can tell whose it was. `None` once the key is destroyed (or was never made).
    pub async fn account_pseudonym(&self, account: AccountId) -> Result<Option<[u8; 16]>, StoreError> {
        self.inner.keyring.pseudonym(account).await
    }
}

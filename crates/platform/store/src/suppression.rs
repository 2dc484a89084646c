//! Suppression lists of a domain.

use waxseal_model::{AccountId, DomainId, Sealed, Timestamp, suppression::SuppressionKind};

use crate::{error::StoreError, open::Store};

/// An entry to be made (an entry with the same domain, kind and address is replaced).
#[derive(Clone)]
pub struct NewSuppression {
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Kind.
    pub kind: SuppressionKind,
    /// Address (compared in lower case).
    pub address: String,
    /// Details.
    pub details: SuppressionDetails,
    /// Time of making.
    pub created_at: Timestamp,
}

/// What is known besides the address.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SuppressionDetails {
    /// Reply code of a bounce.
    pub code: String,
    /// Reply text of a bounce, or reason of an allow entry.
    pub error: String,
    /// Tags unsubscribed from; `*` is all.
    pub tags: Vec<String>,
}

/// An entry with its address opened only for a purpose.
pub struct Suppression {
    /// Kind.
    pub kind: SuppressionKind,
    /// Address as it was given.
    pub address: Sealed<String>,
    /// Details.
    pub details: Sealed<SuppressionDetails>,
    /// Time of making.
    pub created_at: Timestamp,
}

impl Store {
    /// Adds or replaces entries.
    pub async fn suppress(&self, _entries: Vec<NewSuppression>) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// All entries of any kind for these addresses: for each, its index in `addresses` and the entry.
    pub async fn suppressions_of(
        &self,
        _account: AccountId,
        _domain: DomainId,
        _addresses: &[String],
    ) -> Result<Vec<(usize, Suppression)>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes an entry; whether there was one.
    pub async fn unsuppress(
        &self,
        _account: AccountId,
        _domain: DomainId,
        _kind: SuppressionKind,
        _address: &str,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
}

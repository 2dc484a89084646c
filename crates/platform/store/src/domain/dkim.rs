//! DKIM keys of domains.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use waxseal_model::{AccountId, DomainId, KeyId, Purpose, Sealed, Timestamp, category};
use zeroize::Zeroizing;

use crate::{
    entity::dkim_key,
    error::StoreError,
    open::{Inner, Store},
    rows::RowId,
    seal::DataKey,
    vault::Slot,
};

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
    /// Selector: the first label of the key record's name; sealed at rest.
    pub selector: String,
    /// Algorithm.
    pub algorithm: DkimAlgorithm,
    /// PKCS#8 DER of the private key; sealed at rest.
    pub private_key: Vec<u8>,
    /// What the key record's `p=` holds, before base64: SubjectPublicKeyInfo for RSA, 32 bytes for Ed25519. Sealed at
    /// rest, because a record that is still in the DNS would tell whose it was.
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
    pub private_key: Sealed<Vec<u8>, category::SystemAuthentication>,
    /// What `p=` holds, before base64.
    pub public_key: Vec<u8>,
    /// Whether mail is signed with it.
    pub active: bool,
}

const SELECTOR: Slot = Slot::new("dkim_keys", "selector");
const PRIVATE_KEY: Slot = Slot::new("dkim_keys", "private_key");
const PUBLIC_KEY: Slot = Slot::new("dkim_keys", "public_key");

impl Store {
    /// The domain's DKIM keys, oldest first.
    pub async fn dkim_keys(&self, account: AccountId, domain: DomainId) -> Result<Vec<DkimKey>, StoreError> {
        let rows = dkim_key::Entity::find()
            .filter(dkim_key::Column::Account.eq(account.to_row()))
            .filter(dkim_key::Column::Domain.eq(domain.to_row()))
            .order_by_asc(dkim_key::Column::Id)
            .all(self.read_for(Purpose::Signing))
            .await?;
        let mut keys = Vec::new();
        for row in rows {
            let public_key = self.inner.open(PUBLIC_KEY, account, &row.id, &row.public_key).await?;
            keys.push(DkimKey {
                id: KeyId::from_row(&row.id, "dkim_keys", "id")?,
                private_key: self.inner.open_bytes(PRIVATE_KEY, account, &row.id, &row.private_key).await?,
                algorithm: DkimAlgorithm::parse(&row.algorithm)
                    .ok_or(StoreError::Corrupt { table: "dkim_keys", column: "algorithm" })?,
                selector: self.inner.open_text(SELECTOR, account, &row.id, &row.selector).await?,
                public_key: public_key.to_vec(),
                active: row.active,
            });
        }
        Ok(keys)
    }
}

impl Inner {
    /// The selector of a row.
    pub(super) async fn opened_selector(
        &self,
        account: AccountId,
        row: &dkim_key::Model,
    ) -> Result<String, StoreError> {
        self.open_text(SELECTOR, account, &row.id, &row.selector).await
    }

    /// A selector as it rests.
    pub(super) fn sealed_selector(
        &self,
        key: &DataKey,
        account: AccountId,
        id: KeyId,
        selector: &str,
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(key, SELECTOR, account, &id.to_row(), selector.as_bytes())
    }

    /// The row of a key to be made.
    pub(super) fn dkim_row(
        &self,
        key: &DataKey,
        account: AccountId,
        domain: DomainId,
        new: NewDkimKey,
    ) -> Result<dkim_key::Model, StoreError> {
        let (id, private_key) = (new.id.to_row(), Zeroizing::new(new.private_key));
        let seal = |slot, value: &[u8]| self.seal(key, slot, account, &id, value);
        Ok(dkim_key::Model {
            account: account.to_row(),
            domain: domain.to_row(),
            selector: seal(SELECTOR, new.selector.as_bytes())?,
            algorithm: new.algorithm.as_str().to_owned(),
            private_key: seal(PRIVATE_KEY, &private_key)?,
            public_key: seal(PUBLIC_KEY, &new.public_key)?,
            active: new.active,
            created_at: new.created_at.as_micros(),
            id,
        })
    }
}

impl DkimAlgorithm {
    /// The stored name: as in the signature's `a=` (RFC 6376, RFC 8463).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::RsaSha256, Self::Ed25519Sha256].into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

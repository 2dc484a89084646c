//! Accounts and their API keys.

mod profile;

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use waxseal_model::{AccountId, DomainId, KeyId, Purpose, Sealed, Timestamp, category};

use crate::{
    deletion::DeletionKind,
    entity::{self, api_key},
    error::StoreError,
    open::Store,
    rows::{RowId, insert_all, or_conflict, time},
    vault::Slot,
    writer::Effects,
};

pub use profile::AccountProfile;
pub(crate) use profile::PROFILE;

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
    pub profile: Sealed<AccountProfile, category::Account>,
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

const LABEL: Slot = Slot::new("api_keys", "label");

impl Store {
    /// Makes an account with its first API key.
    pub async fn create_account(&self, account: NewAccount, key: NewApiKey) -> Result<(), StoreError> {
        let NewAccount { id, created_at, profile } = account;
        let sealing = self.inner.keyring.profile_key(id).await?;
        let row = entity::account::Model {
            id: id.to_row(),
            created_at: created_at.as_micros(),
            profile: self.inner.seal_json(&sealing, PROFILE, id, &id.to_bytes(), &profile)?,
            disabled: false,
        };
        let key = self.key_row(key).await?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    insert_all(tx, vec![row.into_active_model()]).await.map_err(or_conflict("account"))?;
                    insert_all(tx, vec![key.into_active_model()]).await.map_err(or_conflict("api key"))
                })
            })
            .await
    }

    /// The account with this id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = entity::account::Entity::find_by_id(id.to_row())
            .one(self.read_for(Purpose::CustomerAccess))
            .await?;
        match row {
            Some(row) => self.account_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// All accounts, oldest first, after `after`.
    pub async fn accounts(&self, after: Option<AccountId>, limit: u64) -> Result<Vec<Account>, StoreError> {
        let mut rows = entity::account::Entity::find().order_by_asc(entity::account::Column::Id).limit(limit);
        if let Some(after) = after {
            rows = rows.filter(entity::account::Column::Id.gt(after.to_row()));
        }
        let mut accounts = Vec::new();
        for row in rows.all(self.read_for(Purpose::CustomerAccess)).await? {
            match self.account_of(row).await {
                Ok(account) => accounts.push(account),
                // Its keys are destroyed: the rest of it is going.
                Err(StoreError::Erased) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(accounts)
    }

    /// Adds an API key.
    pub async fn create_api_key(&self, key: NewApiKey) -> Result<(), StoreError> {
        let row = self.key_row(key).await?.into_active_model();
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move { insert_all(tx, vec![row]).await.map_err(or_conflict("api key")) })
            })
            .await
    }

    /// The key whose secret has this SHA-256.
    pub async fn api_key_by_hash(&self, secret_hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let row = api_key::Entity::find()
            .filter(api_key::Column::SecretHash.eq(secret_hash.to_vec()))
            .one(self.read_for(Purpose::Authentication))
            .await?;
        match row {
            Some(row) => self.key_of(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// All keys of an account, oldest first.
    pub async fn api_keys(&self, account: AccountId) -> Result<Vec<ApiKey>, StoreError> {
        let rows = api_key::Entity::find()
            .filter(api_key::Column::Account.eq(account.to_row()))
            .order_by_asc(api_key::Column::Id)
            .all(self.read_for(Purpose::CustomerAccess))
            .await?;
        let mut keys = Vec::new();
        for row in rows {
            keys.push(self.key_of(row).await?);
        }
        Ok(keys)
    }

    /// Deletes a key; whether there was one.
    pub async fn delete_api_key(&self, account: AccountId, id: KeyId) -> Result<bool, StoreError> {
        let known = api_key::Entity::find_by_id(id.to_row())
            .filter(api_key::Column::Account.eq(account.to_row()))
            .count(&self.inner.readers)
            .await?;
        if known == 0 {
            return Ok(false);
        }
        let noted = self.note_deletion(DeletionKind::ApiKey, account, id.to_row()).await?;
        self.carry_out(noted, Effects::default(), move |tx| {
            Box::pin(async move {
                let deleted = api_key::Entity::delete_many()
                    .filter(api_key::Column::Id.eq(id.to_row()))
                    .filter(api_key::Column::Account.eq(account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }

    async fn account_of(&self, row: entity::account::Model) -> Result<Account, StoreError> {
        let id = AccountId::from_row(&row.id, "accounts", "id")?;
        let profile = self.inner.open_json(PROFILE, id, &row.id, &row.profile).await?;
        Ok(Account {
            id,
            created_at: time(row.created_at),
            profile: Sealed::new(profile),
            disabled: row.disabled,
        })
    }

    async fn key_row(&self, key: NewApiKey) -> Result<api_key::Model, StoreError> {
        let sealing = self.inner.keyring.account_key(key.account).await?;
        let domain = match key.scope {
            KeyScope::Account => None,
            KeyScope::DomainSending(domain) => Some(domain.to_row()),
        };
        let label =
            self.inner.seal(&sealing, LABEL, key.account, &key.id.to_bytes(), key.label.as_bytes())?;
        Ok(api_key::Model {
            id: key.id.to_row(),
            account: key.account.to_row(),
            domain,
            secret_hash: key.secret_hash.to_vec(),
            label,
            created_at: key.created_at.as_micros(),
        })
    }

    async fn key_of(&self, row: api_key::Model) -> Result<ApiKey, StoreError> {
        let account = AccountId::from_row(&row.account, "api_keys", "account")?;
        let scope = match &row.domain {
            None => KeyScope::Account,
            Some(domain) => KeyScope::DomainSending(DomainId::from_row(domain, "api_keys", "domain")?),
        };
        let secret_hash = <[u8; 32]>::try_from(row.secret_hash.as_slice())
            .map_err(|_| StoreError::Corrupt { table: "api_keys", column: "secret_hash" })?;
        Ok(ApiKey {
            id: KeyId::from_row(&row.id, "api_keys", "id")?,
            account,
            scope,
            secret_hash,
            label: self.inner.open_text(LABEL, account, &row.id, &row.label).await?,
            created_at: time(row.created_at),
        })
    }
}

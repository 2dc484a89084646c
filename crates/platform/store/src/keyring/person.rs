//! Keys of one person in an account: of its owner's profile, and of each SMTP login. They go with that person, and with
//! them whatever copies of the rows there are; what the account has of anybody else stays readable.

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use waxseal_model::{AccountId, time::Day};

use super::{
    KeyClass, KeyName, Keyring, destroy,
    entity::{self, ring_erasure, ring_key},
    epoch,
};
use crate::{error::StoreError, rows::RowId, seal::DataKey};

impl Keyring {
    /// A fresh key for one SMTP login of the account. What is sealed under it names it by its number.
    pub(crate) async fn login_key(&self, account: AccountId) -> Result<Arc<DataKey>, StoreError> {
        let mut epochs = self.file.lock().await;
        let last = ring_key::Entity::find()
            .filter(ring_key::Column::Class.eq(KeyClass::Login.as_str()))
            .filter(ring_key::Column::Account.eq(account.to_row()))
            .order_by_desc(ring_key::Column::Day)
            .one(&self.db)
            .await?;
        let next = Day(last.map_or(0, |key| key.day) + 1);
        let row = self.make(KeyName { class: KeyClass::Login, account, day: next }, &mut epochs).await?;
        self.load(&row, &mut epochs).await
    }

    /// Destroys the key of one person at an erasure, whose entry in the journal names it from then on. Of one that is
    /// there no more: nothing. Nor of one that seals what others have.
    pub(crate) async fn destroy_person_key(
        &self,
        erasure: i64,
        account: AccountId,
        number: i64,
    ) -> Result<(), StoreError> {
        let mut epochs = self.file.lock().await;
        let Some(name) = self.person_key(account, number).await? else { return Ok(()) };
        // First, so that a failure half-way leaves nothing readable that was to go.
        self.cache.evict(name);
        self.retire_copies().await?;
        let transaction = self.begin().await?;
        let destroyed = destroy::wipe_one(&transaction, name).await?;
        if let Some(row) = ring_erasure::Entity::find_by_id(erasure).one(&transaction).await? {
            let corrupt = |_| StoreError::Corrupt { table: "ring_erasures", column: "keys" };
            let mut keys: Vec<i64> = serde_json::from_str(&row.keys).map_err(corrupt)?;
            keys.extend(destroyed);
            let changed = ring_erasure::ActiveModel {
                number: sea_orm::Unchanged(erasure),
                keys: Set(serde_json::to_string(&keys).map_err(corrupt)?),
                ..Default::default()
            };
            changed.update(&transaction).await?;
        }
        epoch::mark(&transaction, epoch::DUE, Vec::new()).await?;
        transaction.commit().await?;
        self.renew_locked(&mut epochs).await.map(drop)
    }

    /// Destroys the key of a login that is deleted; without a login's key: nothing.
    pub(crate) async fn drop_login_key(&self, account: AccountId, number: i64) -> Result<(), StoreError> {
        let name = {
            let _file = self.file.lock().await;
            self.person_key(account, number).await?
        };
        let Some(name) = name.filter(|name| name.class == KeyClass::Login) else { return Ok(()) };
        self.destroy(&[name]).await.map(drop)
    }

    async fn person_key(&self, account: AccountId, number: i64) -> Result<Option<KeyName>, StoreError> {
        let classes = [KeyClass::Profile, KeyClass::Login].map(KeyClass::as_str);
        let row = ring_key::Entity::find_by_id(number)
            .filter(ring_key::Column::Account.eq(account.to_row()))
            .filter(ring_key::Column::Class.is_in(classes))
            .one(&self.db)
            .await?;
        row.as_ref().map(entity::name_of).transpose()
    }
}

//! Secrets of the instance itself, sealed under the master key; and pseudonyms that die with their account.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use waxseal_model::{AccountId, time::Day};
use zeroize::Zeroizing;

use super::{
    Keyring,
    entity::{ring_key, ring_mark},
};
use crate::{error::StoreError, rows::RowId};

impl Keyring {
    /// 32 random bytes by name, made at first use.
    pub(crate) async fn secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let corrupt = || StoreError::Corrupt { table: "ring_marks", column: "sealed" };
        let _file = self.file.lock().await;
        if let Some(mark) = ring_mark::Entity::find_by_id(name).one(&self.db).await? {
            let opened = self.master.wrapping().open(name.as_bytes(), &mark.sealed).ok_or_else(corrupt)?;
            return <[u8; 32]>::try_from(opened.as_slice()).map(Zeroizing::new).map_err(|_| corrupt());
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        self.random.fill(bytes.as_mut_slice());
        let sealed = self
            .master
            .wrapping()
            .seal(self.random.as_ref(), name.as_bytes(), bytes.as_slice())
            .ok_or_else(corrupt)?;
        let mark = ring_mark::Model { name: name.to_owned(), sealed }.into_active_model();
        ring_mark::Entity::insert(mark).exec_without_returning(self.writable().await).await?;
        Ok(bytes)
    }

    /// The account's name in the audit trail; `None` without its keys.
    pub(crate) async fn pseudonym(&self, account: AccountId) -> Result<Option<[u8; 16]>, StoreError> {
        if !self.has_account_key(account).await? {
            return Ok(None);
        }
        let pepper = match self.pepper(account).await {
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        let hash = pepper.hash(b"audit pseudonym", &account.to_bytes());
        Ok(hash.first_chunk::<16>().copied())
    }

    /// Whether the account has keys that live as long as it does.
    async fn has_account_key(&self, account: AccountId) -> Result<bool, StoreError> {
        let _file = self.file.lock().await;
        let row = ring_key::Entity::find()
            .filter(ring_key::Column::Account.eq(account.to_row()))
            .filter(ring_key::Column::Day.eq(Day(0).0))
            .one(&self.db)
            .await?;
        Ok(row.is_some())
    }
}

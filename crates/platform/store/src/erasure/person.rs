//! A user of an account: who has an SMTP login, or the account's owner. The account stays and works.
//!
//! What is kept about them rests under a key of their own. That goes first, so that no copy of the row can be read
//! anywhere; then the row goes, or is written anew without them.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::Expr, sea_query::ExprTrait};
use waxseal_model::{AccountId, Sealed, category};

use super::{Erasure, ErasureKind, rows::add_count};
use crate::{
    account::{AccountProfile, PROFILE},
    credential::LOGIN,
    entity::{account, smtp_credential},
    error::StoreError,
    open::Store,
    rows::RowId,
    seal::key_number,
    writer::Effects,
};

impl Store {
    /// Whether the account has a row of this login, readable or not, or an erasure of it that is not done.
    pub async fn has_login(&self, account: AccountId, login: &str) -> Result<bool, StoreError> {
        let hash = self.inner.keyring.login_hash(&login.to_lowercase());
        if smtp_credential::Entity::find()
            .filter(of(account, &hash))
            .one(&self.inner.readers)
            .await?
            .is_some()
        {
            return Ok(true);
        }
        let is_it = |erasure: &Erasure| {
            erasure.kind == ErasureKind::Login
                && erasure.account == Some(account)
                && erasure.subject_hash.as_ref() == Some(&hash)
        };
        Ok(self.open_erasures().await?.iter().any(is_it))
    }

    /// The login that an erasure is about, as long as it is there.
    pub async fn login_to_erase(
        &self,
        erasure: &Erasure,
    ) -> Result<Option<Sealed<String, category::Username>>, StoreError> {
        let (ErasureKind::Login, Some(account), Some(hash)) =
            (erasure.kind, erasure.account, &erasure.subject_hash)
        else {
            return Ok(None);
        };
        let row = smtp_credential::Entity::find().filter(of(account, hash)).one(&self.inner.readers).await?;
        let Some(row) = row else { return Ok(None) };
        match self.inner.open_text(LOGIN, account, &row.id, &row.login).await {
            Ok(login) => Ok(Some(Sealed::new(login))),
            Err(StoreError::Erased) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Destroys the key of the login with this hash and deletes it; how many rows went.
    pub(super) async fn erase_login(
        &self,
        erasure: i64,
        account: AccountId,
        hash: &[u8],
    ) -> Result<u64, StoreError> {
        let which = of(account, hash);
        let row = smtp_credential::Entity::find().filter(which.clone()).one(&self.inner.readers).await?;
        let Some(row) = row else { return Ok(0) };
        let number = key_number(LOGIN.at(account, &row.id), &row.login)?;
        self.inner.keyring.destroy_person_key(erasure, account, number).await?;
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let deleted = smtp_credential::Entity::delete_many().filter(which).exec(tx).await?;
                    add_count(tx, erasure, "smtp_credentials", deleted.rows_affected).await?;
                    Ok(deleted.rows_affected)
                })
            })
            .await
    }

    /// Replaces the profile by an empty one under a new key and destroys the old key; how many rows were changed.
    pub(super) async fn erase_owner(&self, erasure: i64, account: AccountId) -> Result<u64, StoreError> {
        let row = account::Entity::find_by_id(account.to_row()).one(&self.inner.readers).await?;
        let Some(row) = row else { return Ok(0) };
        let nobody = AccountProfile { name: String::new(), email: String::new(), company: None };
        match self.inner.open_json::<AccountProfile>(PROFILE, account, &row.id, &row.profile).await {
            Ok(found) if found == nobody => return Ok(0),
            Ok(_) => {
                let number = key_number(PROFILE.at(account, &row.id), &row.profile)?;
                self.inner.keyring.destroy_person_key(erasure, account, number).await?;
            }
            // Interrupted after its key was destroyed, or put back from before: the key that the account has by now is
            // of whoever came after.
            Err(StoreError::Erased) => {}
            Err(error) => return Err(error),
        }
        let key = self.inner.keyring.profile_key(account).await?;
        let sealed = self.inner.seal_json(&key, PROFILE, account, &row.id, &nobody)?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let changed = account::ActiveModel {
                        id: sea_orm::Unchanged(account.to_row()),
                        profile: Set(sealed),
                        ..Default::default()
                    };
                    account::Entity::update(changed).exec_without_returning(tx).await?;
                    add_count(tx, erasure, "accounts", 1).await?;
                    Ok(1)
                })
            })
            .await
    }
}

/// The account's login with this hash.
fn of(account: AccountId, hash: &[u8]) -> Expr {
    smtp_credential::Column::LoginHash
        .eq(hash.to_vec())
        .and(smtp_credential::Column::Account.eq(account.to_row()))
}

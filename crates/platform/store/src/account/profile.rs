//! What a customer says about itself, and its correction.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use waxseal_model::AccountId;

use crate::{
    deletion::{self, Noted},
    entity::account::{Column, Entity},
    error::StoreError,
    open::Store,
    rows::RowId,
    vault::Slot,
    writer::Effects,
};

/// Name and addresses of a customer.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountProfile {
    /// Name of the person or team.
    pub name: String,
    /// Address for service mail.
    pub email: String,
    /// Company, if any.
    pub company: Option<String>,
}

pub(crate) const PROFILE: Slot = Slot::new("accounts", "profile");

impl Store {
    /// Puts another profile in place of an account's; whether there is such an account.
    pub async fn replace_profile(
        &self,
        account: AccountId,
        profile: &AccountProfile,
    ) -> Result<bool, StoreError> {
        let sealing = self.inner.keyring.profile_key(account).await?;
        let sealed = self.inner.seal_json(&sealing, PROFILE, account, &account.to_bytes(), profile)?;
        if Entity::find_by_id(account.to_row()).count(&self.inner.readers).await? == 0 {
            return Ok(false);
        }
        let slot = deletion::PROFILE;
        let noted = self.inner.seal_json(&sealing, slot, account, &account.to_bytes(), profile)?;
        // Of two at once the later entry is what is in force.
        let _one = self.inner.replacing.lock().await;
        let noted = self.note_profile(account, noted).await?;
        self.write_profile(noted, account, sealed).await
    }

    /// Puts a sealed profile in place; whether there is such an account.
    pub(crate) async fn write_profile(
        &self,
        noted: Noted,
        account: AccountId,
        sealed: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.carry_out(noted, Effects::default(), move |tx| {
            Box::pin(async move {
                let updated = Entity::update_many()
                    .col_expr(Column::Profile, Expr::value(sealed))
                    .filter(Column::Id.eq(account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(updated.rows_affected > 0)
            })
        })
        .await
    }
}

//! Legal holds, beside the journal: a restored database lifts none of them.

use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::Expr,
};
use waxseal_model::{AccountId, HoldId, Timestamp};

use super::{Keyring, entity::ring_hold};
use crate::{error::StoreError, rows::RowId};

impl Keyring {
    /// Writes a hold; its number.
    pub(crate) async fn hold_add(&self, hold: ring_hold::Model) -> Result<i64, StoreError> {
        let _file = self.file.lock().await;
        self.retire_copies().await?;
        let row = ring_hold::ActiveModel {
            number: NotSet,
            id: Set(hold.id),
            account: Set(hold.account),
            recipient_hash: Set(hold.recipient_hash),
            reason: Set(hold.reason),
            added_at: Set(hold.added_at),
            until: Set(hold.until),
            lifted_at: Set(None),
        };
        Ok(row.insert(self.writable().await).await?.number)
    }

    /// The holds of an account, or of all; oldest first.
    pub(crate) async fn holds(
        &self,
        account: Option<AccountId>,
    ) -> Result<Vec<ring_hold::Model>, StoreError> {
        let mut holds = ring_hold::Entity::find().order_by_asc(ring_hold::Column::Number);
        if let Some(account) = account {
            holds = holds.filter(ring_hold::Column::Account.eq(account.to_row()));
        }
        Ok(holds.all(&self.db).await?)
    }

    /// Lifts a hold that is in force; whose it was and its number.
    pub(crate) async fn hold_lift(
        &self,
        id: HoldId,
        now: Timestamp,
    ) -> Result<Option<ring_hold::Model>, StoreError> {
        let _file = self.file.lock().await;
        self.retire_copies().await?;
        let lifted = ring_hold::Entity::update_many()
            .col_expr(ring_hold::Column::LiftedAt, Expr::value(now.as_micros()))
            .filter(ring_hold::Column::Id.eq(id.to_row()))
            .filter(ring_hold::Column::LiftedAt.is_null())
            .exec_with_returning(self.writable().await)
            .await?;
        Ok(lifted.into_iter().next())
    }
}

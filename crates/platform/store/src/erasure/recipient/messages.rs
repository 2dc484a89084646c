//! Messages whose events are over, and mail to others that names the recipient: every one of the account is looked at,
//! because nothing but its template tells whom it went to.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use waxseal_model::AccountId;

use super::{
    Wanted,
    apply::{Counts, weight},
};
use crate::{
    entity::{
        idempotency_key,
        message::{self, Column},
    },
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::Effects,
};

/// Messages looked at together.
const PAGE: u64 = 500;

impl Store {
    /// The account's messages behind one, by id.
    pub(crate) async fn messages_behind(
        &self,
        account: AccountId,
        after: &[u8],
    ) -> Result<Vec<message::Model>, StoreError> {
        Ok(message::Entity::find()
            .filter(Column::Account.eq(account.to_row()))
            .filter(Column::Id.gt(after.to_vec()))
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .all(&self.inner.readers)
            .await?)
    }

    /// How many messages that are still there went to the recipient, as far as they tell themselves.
    pub(super) async fn messages_reached(&self, wanted: &Wanted) -> Result<u64, StoreError> {
        let (mut found, mut after) = (0, Vec::new());
        loop {
            let page = self.messages_behind(wanted.account, &after).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            for row in &page {
                found += u64::from(self.plan_of_row(wanted, row).await?.is_some());
            }
        }
    }

    /// Goes through all messages of the account once; how many rows went or were changed.
    pub(super) async fn erase_messages(&self, erasure: i64, wanted: &Wanted) -> Result<u64, StoreError> {
        let account = wanted.account;
        let (mut total, mut after) = (0, Vec::new());
        loop {
            let page = self.messages_behind(account, &after).await?;
            let Some(last) = page.last() else { return Ok(total) };
            after.clone_from(&last.id);
            let mut plans = Vec::new();
            for row in &page {
                plans.extend(self.plan_of_row(wanted, row).await?);
            }
            if plans.is_empty() {
                continue;
            }
            let answers = self.answers_of(wanted, &plans).await?;
            let now = self.inner.clock.now();
            total += self
                .inner
                .writer
                .write(Effects { weight: weight(&plans), ..Effects::default() }, move |tx| {
                    Box::pin(async move {
                        let mut counts = Counts::default();
                        for plan in plans {
                            counts.apply(tx, account, plan, now).await?;
                        }
                        for key in answers {
                            let id = (account.to_row(), key);
                            let deleted = idempotency_key::Entity::delete_by_id(id).exec(tx).await?;
                            counts.add("idempotency_keys", deleted.rows_affected);
                        }
                        counts.write(tx, erasure).await
                    })
                })
                .await?;
        }
    }
}

//! Events about the recipient, and the messages they tell of.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Wanted,
    apply::{Counts, weight},
    plan::Plan,
};
use crate::{
    entity::{event, idempotency_key},
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::Effects,
};

impl Store {
    /// Erases at most `limit` events about the recipient with what they tell of; how many rows went or were changed.
    pub(super) async fn erase_events(
        &self,
        erasure: i64,
        wanted: &Wanted,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let account = wanted.account;
        let told = event::Entity::find()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::RecipientHash.eq(wanted.hash.clone()))
            .order_by_asc(event::Column::At)
            .limit(limit)
            .all(&self.inner.readers)
            .await?;
        if told.is_empty() {
            return Ok(0);
        }
        let mut plans: BTreeMap<Vec<u8>, Plan> = BTreeMap::new();
        for row in &told {
            if let Some(id) = &row.message
                && !plans.contains_key(id)
            {
                plans.insert(id.clone(), self.plan_of_told(wanted, row, id).await?);
            }
        }
        let plans: Vec<Plan> = plans.into_values().collect();
        let answers = self.answers_of(wanted, &plans).await?;
        let seqs: Vec<i64> = told.iter().map(|row| row.seq).collect();
        let now = self.inner.clock.now();
        self.inner
            .writer
            .write(Effects { weight: weight(&plans), ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let mut counts = Counts::default();
                    for plan in plans {
                        counts.apply(tx, account, plan, now).await?;
                    }
                    for chunk in seqs.chunks(250) {
                        let deleted = event::Entity::delete_many()
                            .filter(event::Column::Seq.is_in(chunk.to_vec()))
                            .exec(tx)
                            .await?;
                        counts.add("events", deleted.rows_affected);
                    }
                    for key in answers {
                        let id = (account.to_row(), key);
                        let deleted = idempotency_key::Entity::delete_by_id(id).exec(tx).await?;
                        counts.add("idempotency_keys", deleted.rows_affected);
                    }
                    counts.write(tx, erasure).await
                })
            })
            .await
    }
}

//! Events about the recipient, and the messages they tell of.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait},
};
use waxseal_model::{AccountId, Timestamp};

use super::plan::Plan;
use crate::{
    archive::drop_job,
    entity::{archive_job, body, event, idempotency_key, inbox_item, message, queue_entry},
    erasure::rows::add_count,
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::{Effects, Tx},
};

impl Store {
    /// Erases at most `limit` events about the recipient with what they tell of; how many rows went or were changed.
    pub(super) async fn erase_events(
        &self,
        erasure: i64,
        account: AccountId,
        hash: &[u8],
        limit: u64,
    ) -> Result<u64, StoreError> {
        let told = event::Entity::find()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::RecipientHash.eq(hash.to_vec()))
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
                plans.insert(id.clone(), self.plan(account, hash, row, id).await?);
            }
        }
        let plans: Vec<Plan> = plans.into_values().collect();
        let answers = self.answers_of(account, &plans).await?;
        let seqs: Vec<i64> = told.iter().map(|row| row.seq).collect();
        let now = self.inner.clock.now();
        let weight = plans.iter().flat_map(|plan| &plan.events).map(|(_, sealed)| sealed.len()).sum();
        self.inner
            .writer
            .write(Effects { weight, ..Effects::default() }, move |tx| {
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

#[derive(Default)]
struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    fn add(&mut self, store: &'static str, rows: u64) {
        *self.0.entry(store).or_default() += rows;
    }

    async fn apply(
        &mut self,
        tx: &Tx,
        account: AccountId,
        plan: Plan,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if plan.alone {
            self.whole(tx, account, plan.message).await
        } else {
            self.part(tx, account, plan, now).await
        }
    }

    /// A message that went to nobody else: all of it.
    async fn whole(&mut self, tx: &Tx, account: AccountId, id: Vec<u8>) -> Result<(), StoreError> {
        let account = account.to_row();
        let entries = queue_entry::Entity::delete_many()
            .filter(queue_entry::Column::Message.eq(id.clone()))
            .exec(tx)
            .await?;
        self.add("queue_entries", entries.rows_affected);
        let items = inbox_item::Entity::delete_many()
            .filter(inbox_item::Column::Account.eq(account.clone()))
            .filter(inbox_item::Column::Message.eq(id.clone()))
            .exec(tx)
            .await?;
        self.add("inbox_items", items.rows_affected);
        let job = archive_job::Entity::delete_by_id((account.clone(), id.clone())).exec(tx).await?;
        self.add("archive_jobs", job.rows_affected);
        let bodies = body::Entity::delete_by_id((account.clone(), id.clone())).exec(tx).await?;
        self.add("bodies", bodies.rows_affected);
        let messages = message::Entity::delete_by_id((account, id)).exec(tx).await?;
        self.add("messages", messages.rows_affected);
        Ok(())
    }

    /// A message to several: what names the recipient is taken out, and its content is kept no longer than somebody
    /// waits for it or an inbox holds it. No copy of it goes to an archive any more: it names the recipient.
    async fn part(
        &mut self,
        tx: &Tx,
        account: AccountId,
        plan: Plan,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Plan { message: id, events, template, .. } = plan;
        for (seq, details) in events {
            let changed = event::Entity::update_many()
                .col_expr(event::Column::Details, Expr::value(details))
                .filter(event::Column::Seq.eq(seq))
                .exec(tx)
                .await?;
            self.add("events rewritten", changed.rows_affected);
        }
        let own = message::Column::Account.eq(account.to_row()).and(message::Column::Id.eq(id.clone()));
        if let Some(template) = template {
            let changed = message::Entity::update_many()
                .col_expr(message::Column::Template, Expr::value(template))
                .filter(own.clone())
                .exec(tx)
                .await?;
            self.add("messages rewritten", changed.rows_affected);
        }
        let dropped = drop_job(tx, account.to_row(), id.clone(), now).await?;
        self.add("archive_jobs", u64::from(dropped));
        let settled = message::Column::Pending.lte(0);
        let captured = message::Column::CapturedUntil;
        let held = captured.is_not_null().and(captured.gt(now.as_micros()));
        message::Entity::update_many()
            .col_expr(message::Column::KeepUntil, Expr::value(now.as_micros()))
            .col_expr(
                message::Column::BodyExpiresAt,
                CaseStatement::new()
                    .case(settled.and(held), Expr::col(captured))
                    .finally(Option::<i64>::None)
                    .into(),
            )
            .filter(own.clone())
            .exec(tx)
            .await?;
        let row = message::Entity::find_by_id((account.to_row(), id.clone())).one(tx).await?;
        if row.is_some_and(|row| row.pending <= 0 && row.body_expires_at.is_none()) {
            let bodies = body::Entity::delete_by_id((account.to_row(), id)).exec(tx).await?;
            self.add("bodies", bodies.rows_affected);
        }
        Ok(())
    }

    async fn write(self, tx: &Tx, erasure: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        for (store, rows) in self.0 {
            add_count(tx, erasure, store, rows).await?;
            total += rows;
        }
        Ok(total)
    }
}

//! Carrying out what was decided about messages, in the writer's turn; counted.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::{AccountId, Timestamp};

use super::plan::{Fate, Plan};
use crate::{
    archive::drop_job,
    entity::{archive_job, body, event, inbox_item, message, queue_entry},
    erasure::rows::{add_count, add_kept},
    error::StoreError,
    rows::{RowId, time},
    writer::Tx,
};

/// What was erased so far, by table.
#[derive(Default)]
pub(super) struct Counts {
    rows: BTreeMap<&'static str, u64>,
    /// Messages whose content stays for others who wait, each with the time at which it is given up.
    kept: Vec<Timestamp>,
}

/// How much the plans have the writer write, in bytes.
pub(super) fn weight(plans: &[Plan]) -> usize {
    let of = |plan: &Plan| {
        let events: usize = plan.events.iter().map(|(_, sealed)| sealed.len()).sum();
        events + plan.template.as_ref().map_or(0, Vec::len)
    };
    plans.iter().map(of).sum()
}

impl Counts {
    /// Counts rows of a table.
    pub(super) fn add(&mut self, store: &'static str, rows: u64) {
        *self.rows.entry(store).or_default() += rows;
    }

    /// Carries out what was decided about one message.
    pub(super) async fn apply(
        &mut self,
        tx: &Tx,
        account: AccountId,
        plan: Plan,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Plan { message, fate, events, template, drops_copy, .. } = plan;
        let id = (account.to_row(), message);
        if fate == Fate::Whole {
            self.drop_content(tx, &id).await?;
            let messages = message::Entity::delete_by_id(id).exec(tx).await?;
            self.add("messages", messages.rows_affected);
            return Ok(());
        }
        self.rewrite(tx, &id, events, template).await?;
        match fate {
            Fate::Whole => Ok(()),
            Fate::Shared => self.end_keeping(tx, id, now).await,
            Fate::Captured => {
                self.drop_content(tx, &id).await?;
                let nobody_waits = message::Entity::update_many()
                    .col_expr(message::Column::Pending, Expr::value(0))
                    .col_expr(message::Column::KeepUntil, Expr::value(now.as_micros()))
                    .col_expr(message::Column::CapturedUntil, Expr::value(Option::<i64>::None))
                    .col_expr(message::Column::BodyExpiresAt, Expr::value(Option::<i64>::None));
                nobody_waits.filter(of(&id)).exec(tx).await?;
                Ok(())
            }
            Fate::Mentioned if !drops_copy => Ok(()),
            Fate::Mentioned => {
                let (account, message) = id;
                let dropped = drop_job(tx, account, message, now).await?;
                self.add("archive_jobs", u64::from(dropped));
                Ok(())
            }
        }
    }

    /// Deletes the content of a message with everything that refers to it.
    async fn drop_content(&mut self, tx: &Tx, id: &(Vec<u8>, Vec<u8>)) -> Result<(), StoreError> {
        let (account, message) = id;
        let entries = queue_entry::Entity::delete_many()
            .filter(queue_entry::Column::Message.eq(message.clone()))
            .exec(tx)
            .await?;
        self.add("queue_entries", entries.rows_affected);
        let items = inbox_item::Entity::delete_many()
            .filter(inbox_item::Column::Account.eq(account.clone()))
            .filter(inbox_item::Column::Message.eq(message.clone()))
            .exec(tx)
            .await?;
        self.add("inbox_items", items.rows_affected);
        let job = archive_job::Entity::delete_by_id(id.clone()).exec(tx).await?;
        self.add("archive_jobs", job.rows_affected);
        let bodies = body::Entity::delete_by_id(id.clone()).exec(tx).await?;
        self.add("bodies", bodies.rows_affected);
        Ok(())
    }

    /// Writes what named the recipient anew.
    async fn rewrite(
        &mut self,
        tx: &Tx,
        id: &(Vec<u8>, Vec<u8>),
        events: Vec<(i64, Vec<u8>)>,
        template: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.rewrite_events(tx, events).await?;
        if let Some(template) = template {
            let changed = message::Entity::update_many()
                .col_expr(message::Column::Template, Expr::value(template))
                .filter(of(id))
                .exec(tx)
                .await?;
            self.add("messages rewritten", changed.rows_affected);
        }
        Ok(())
    }

    /// Writes events of others anew.
    pub(super) async fn rewrite_events(
        &mut self,
        tx: &Tx,
        events: Vec<(i64, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        for (seq, details) in events {
            let changed = event::Entity::update_many()
                .col_expr(event::Column::Details, Expr::value(details))
                .filter(event::Column::Seq.eq(seq))
                .exec(tx)
                .await?;
            self.add("events rewritten", changed.rows_affected);
        }
        Ok(())
    }

    /// The content of a message to several is kept no longer than somebody waits for it. No copy of it goes to an
    /// archive any more: it names the recipient.
    async fn end_keeping(
        &mut self,
        tx: &Tx,
        id: (Vec<u8>, Vec<u8>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let dropped = drop_job(tx, id.0.clone(), id.1.clone(), now).await?;
        self.add("archive_jobs", u64::from(dropped));
        message::Entity::update_many()
            .col_expr(message::Column::KeepUntil, Expr::value(now.as_micros()))
            .col_expr(message::Column::BodyExpiresAt, Expr::value(Option::<i64>::None))
            .filter(of(&id))
            .exec(tx)
            .await?;
        let Some(row) = message::Entity::find_by_id(id.clone()).one(tx).await? else { return Ok(()) };
        if row.pending <= 0 {
            let bodies = body::Entity::delete_by_id(id).exec(tx).await?;
            self.add("bodies", bodies.rows_affected);
        } else if body::Entity::find_by_id(id).count(tx).await? > 0 {
            self.kept.push(time(row.give_up_at));
        }
        Ok(())
    }

    /// Writes the counts down; how many rows there were.
    pub(super) async fn write(self, tx: &Tx, erasure: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        for (store, rows) in self.rows {
            add_count(tx, erasure, store, rows).await?;
            total += rows;
        }
        for until in self.kept {
            add_kept(tx, erasure, until).await?;
        }
        Ok(total)
    }
}

/// The message with this id.
fn of((account, id): &(Vec<u8>, Vec<u8>)) -> Expr {
    message::Column::Account.eq(account.clone()).and(message::Column::Id.eq(id.clone()))
}

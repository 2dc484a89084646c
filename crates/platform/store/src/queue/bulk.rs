//! Doing something to many entries at once, a page at a time: no transaction is long, however many there are.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::{RecipientId, Timestamp};

use super::{CLEARED, HELD, LeaseId, QueueFilter, Settled, overdue::TOO_OLD, unsent::Templates};
use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    open::Store,
    rows::RowId,
    writer::Effects,
};

/// Entries of a page.
const PAGE: u64 = 500;

/// What is done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// They are counted.
    Count,
    /// They are due now, whatever their time; those that an operator holds only if that is said.
    Hasten {
        /// Also what is held.
        held: bool,
    },
    /// They end now, each with one `failed` event.
    Expire,
}

/// What came of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Entries to which it was done.
    pub done: u64,
    /// Entries that were passed over because somebody works on them.
    pub in_hands: u64,
    /// Entries that an operator holds, which were passed over.
    pub held: u64,
    /// Entries that their sender wants to leave later, which were passed over.
    pub scheduled: u64,
    /// After which entry it goes on; `None` at the end.
    pub after: Option<RecipientId>,
}

impl Store {
    /// Does something to the next entries by id. `back` gives back entries that are in this process's hands and have not
    /// begun to go out, with the leases that prove it.
    pub async fn bulk(
        &self,
        what: Bulk,
        filter: &QueueFilter,
        back: impl Fn(&[RecipientId]) -> Vec<(RecipientId, LeaseId)>,
    ) -> Result<Batch, StoreError> {
        let rows = self.queue_rows(filter, &self.inner.readers, PAGE).await?;
        let last = rows.last().filter(|_| rows.len() as u64 == PAGE);
        let after = last.map(|row| RecipientId::from_row(&row.id, "queue_entries", "id")).transpose()?;
        let rows = self.of_recipient(filter, rows).await?;
        let batch = match what {
            Bulk::Count => Batch { done: rows.len() as u64, ..Batch::default() },
            Bulk::Hasten { held } => self.hasten(rows, held).await?,
            Bulk::Expire => self.expire(rows, back).await?,
        };
        Ok(Batch { after, ..batch })
    }

    async fn of_recipient(
        &self,
        filter: &QueueFilter,
        rows: Vec<queue_entry::Model>,
    ) -> Result<Vec<queue_entry::Model>, StoreError> {
        if filter.recipient.is_none() {
            return Ok(rows);
        }
        let mut found = Vec::new();
        for row in rows {
            match self.queue_entry(row.clone()).await {
                Ok(entry) if filter.is_to(&entry) => found.push(row),
                Ok(_) | Err(StoreError::Erased | StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn hasten(&self, rows: Vec<queue_entry::Model>, held: bool) -> Result<Batch, StoreError> {
        let now = self.inner.clock.now();
        let mut batch = Batch::default();
        let mut ids = Vec::new();
        for row in rows {
            if row.lease.is_some() || row.due_at == CLEARED.as_micros() {
                batch.in_hands += 1;
            } else if row.ready_at == HELD.as_micros() && !held {
                batch.held += 1;
            } else if row.not_before > now.as_micros() {
                batch.scheduled += 1;
            } else {
                ids.push(row.id);
            }
        }
        batch.done = self.make_due(ids, now).await?;
        Ok(batch)
    }

    async fn make_due(&self, ids: Vec<Vec<u8>>, now: Timestamp) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        // What is due already keeps its place before all others.
        let is_later = Expr::col(Column::DueAt).gt(Expr::value(now.as_micros()));
        let due_at: Expr = Expr::case(is_later, now.as_micros()).finally(Expr::col(Column::DueAt)).into();
        let due = queue_entry::Entity::update_many()
            .col_expr(Column::DueAt, due_at.clone())
            .col_expr(Column::ReadyAt, due_at)
            .filter(Column::Id.is_in(ids))
            .filter(Column::DueAt.ne(CLEARED.as_micros()))
            .filter(Column::Lease.is_null());
        self.inner
            .writer
            .write(Effects { queue: true, ..Effects::default() }, move |tx| {
                Box::pin(async move { Ok(due.exec(tx).await?.rows_affected) })
            })
            .await
    }

    async fn expire(
        &self,
        rows: Vec<queue_entry::Model>,
        back: impl Fn(&[RecipientId]) -> Vec<(RecipientId, LeaseId)>,
    ) -> Result<Batch, StoreError> {
        let id = |row: &queue_entry::Model| RecipientId::from_row(&row.id, "queue_entries", "id");
        let taken = rows.iter().filter(|row| row.lease.is_some()).map(id).collect::<Result<Vec<_>, _>>()?;
        let given: HashMap<RecipientId, LeaseId> =
            if taken.is_empty() { HashMap::new() } else { back(&taken).into_iter().collect() };
        let mut batch = Batch::default();
        let (mut templates, mut settlements) = (Templates::default(), Vec::with_capacity(rows.len()));
        for row in &rows {
            let lease = given.get(&id(row)?).copied();
            if row.due_at == CLEARED.as_micros() || (row.lease.is_some() && lease.is_none()) {
                batch.in_hands += 1;
                continue;
            }
            let mut settlement = self.unsent(row, &mut templates, &TOO_OLD).await?;
            settlement.lease = lease;
            settlements.push(settlement);
        }
        if settlements.is_empty() {
            return Ok(batch);
        }
        let entries: Vec<_> = settlements.iter().map(|settlement| settlement.entry).collect();
        let settled = self.settle_as_asked(settlements).await?;
        // Of those that somebody took meanwhile the notes are theirs.
        let ended = entries.iter().zip(&settled).filter(|(_, settled)| **settled == Settled::Yes);
        self.drop_notes(&ended.map(|(entry, _)| *entry).collect::<Vec<_>>());
        batch.done = settled.iter().filter(|settled| **settled == Settled::Yes).count() as u64;
        batch.in_hands += settled.len() as u64 - batch.done;
        Ok(batch)
    }
}

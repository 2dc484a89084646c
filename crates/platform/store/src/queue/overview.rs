//! What is in the queue, for commands and the API.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tokio::sync::watch;
use waxseal_model::{AccountId, DomainId, MessageId, Purpose, RecipientId, Sealed};

use super::{FIRST_ROUND, HELD, QueueCounts, QueueEntry, QueueFilter, lease::ENVELOPE, settle::LAST_REPLY};
use crate::{
    entity::queue_entry::{self, Column},
    erasure::PARKED,
    error::StoreError,
    message::Envelope,
    open::Store,
    rows::{RowId, time},
};

impl Store {
    /// Changes whenever entries were added or became due earlier: wakes the delivery worker.
    pub fn queue_changes(&self) -> watch::Receiver<u64> {
        self.inner.writer.changes().queue.subscribe()
    }

    /// How many entries there are, of all or of some. Whom they are to is not asked: that has to be opened.
    pub async fn queue_counts(&self, filter: &QueueFilter) -> Result<QueueCounts, StoreError> {
        let all = queue_entry::Entity::find().filter(self.meant(filter));
        let total = all.clone().count(self.read_for(Purpose::Operation)).await?;
        let in_flight =
            all.filter(Column::Lease.is_not_null()).count(self.read_for(Purpose::Operation)).await?;
        Ok(QueueCounts { waiting: total.saturating_sub(in_flight), in_flight })
    }

    /// Entries by id, at most `limit`. Those whose addresses cannot be read any more are passed over: they end as soon as
    /// somebody takes them.
    pub async fn queue_entries(
        &self,
        filter: &QueueFilter,
        limit: u64,
    ) -> Result<Vec<QueueEntry>, StoreError> {
        let mut filter = filter.clone();
        let mut entries = Vec::new();
        loop {
            let left = limit.saturating_sub(entries.len() as u64);
            let (some, after) = self.queue_page(&filter, left).await?;
            entries.extend(some);
            if after.is_none() || entries.len() as u64 >= limit {
                return Ok(entries);
            }
            filter.after = after;
        }
    }

    /// Looks at entries by id, at most `limit`: those that are wanted, and after which there may be more. Where a recipient
    /// is asked for, more are looked at than found.
    pub async fn queue_page(
        &self,
        filter: &QueueFilter,
        limit: u64,
    ) -> Result<(Vec<QueueEntry>, Option<RecipientId>), StoreError> {
        // Who is asked for by name is looked for among many.
        let limit = if filter.recipient.is_some() { limit.max(500) } else { limit };
        let rows = self.queue_rows(filter, self.read_for(Purpose::Operation), limit).await?;
        let full = rows.len() as u64 >= limit;
        let last =
            rows.last().filter(|_| full).map(|row| RecipientId::from_row(&row.id, "queue_entries", "id"));
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            match self.queue_entry(row).await {
                Ok(entry) if filter.is_to(&entry) => entries.push(entry),
                Ok(_) | Err(StoreError::Erased | StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((entries, last.transpose()?))
    }

    pub(super) async fn queue_entry(&self, row: queue_entry::Model) -> Result<QueueEntry, StoreError> {
        const TABLE: &str = "queue_entries";
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let last_reply = match &row.last_reply {
            Some(sealed) => Some(self.inner.open_text(LAST_REPLY, account, &row.id, sealed).await?),
            None => None,
        };
        let id = RecipientId::from_row(&row.id, TABLE, "id")?;
        let envelope: Envelope = self.inner.open_json(ENVELOPE, account, &row.id, &row.envelope).await?;
        Ok(QueueEntry {
            id,
            account,
            domain: DomainId::from_row(&row.domain, TABLE, "domain")?,
            message: MessageId::from_row(&row.message, TABLE, "message")?,
            recipient_domain: envelope.recipient_domain().to_owned(),
            envelope: Sealed::new(envelope),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            // What was taken over from elsewhere keeps its time and is held all the same.
            next_attempt_at: if row.ready_at == HELD.as_micros() { HELD } else { time(row.due_at) },
            give_up_at: time(row.give_up_at),
            accepted_at: time(row.accepted_at),
            in_flight: row.lease.is_some(),
            last_reply,
            reply_unknown: self.reply_is_unknown(id, row.attempts),
            paused: (FIRST_ROUND..PARKED).contains(&row.ready_at),
            capture: row.capture,
        })
    }
}

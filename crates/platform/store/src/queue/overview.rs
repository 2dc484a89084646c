//! What is in the queue, for commands and the API.

use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::watch;
use waxseal_model::{AccountId, DomainId, MessageId, Purpose, RecipientId, Sealed};

use super::{HELD, QueueCounts, QueueEntry, QueueFilter, lease::ENVELOPE, settle::LAST_REPLY};
use crate::{
    entity::queue_entry::{self, Column},
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

    /// How many entries there are, of all or of a domain.
    pub async fn queue_counts(&self, filter: &QueueFilter) -> Result<QueueCounts, StoreError> {
        let all = queue_entry::Entity::find().filter(wanted(filter));
        let total = all.clone().count(self.read_for(Purpose::Operation)).await?;
        let in_flight =
            all.filter(Column::Lease.is_not_null()).count(self.read_for(Purpose::Operation)).await?;
        Ok(QueueCounts { waiting: total.saturating_sub(in_flight), in_flight })
    }

    /// Entries by id. Those whose addresses cannot be read any more are passed over: they end as soon as
    /// somebody takes them.
    pub async fn queue_entries(
        &self,
        filter: &QueueFilter,
        limit: u64,
    ) -> Result<Vec<QueueEntry>, StoreError> {
        let mut filter = filter.clone();
        let mut entries = Vec::new();
        loop {
            let wanted_rows = limit.saturating_sub(entries.len() as u64);
            let rows = queue_entry::Entity::find()
                .filter(wanted(&filter))
                .order_by_asc(Column::Id)
                .limit(wanted_rows)
                .all(self.read_for(Purpose::Operation))
                .await?;
            let full = rows.len() as u64 == wanted_rows;
            for row in rows {
                filter.after = Some(RecipientId::from_row(&row.id, "queue_entries", "id")?);
                match self.queue_entry(row).await {
                    Ok(entry) => entries.push(entry),
                    Err(StoreError::Erased | StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if !full || entries.len() as u64 >= limit {
                return Ok(entries);
            }
        }
    }

    async fn queue_entry(&self, row: queue_entry::Model) -> Result<QueueEntry, StoreError> {
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
        })
    }
}

fn wanted(filter: &QueueFilter) -> Condition {
    Condition::all()
        .add_option(filter.account.map(|account| Column::Account.eq(account.to_row())))
        .add_option(filter.domain.map(|domain| Column::Domain.eq(domain.to_row())))
        .add_option(filter.message.map(|message| Column::Message.eq(message.to_row())))
        .add_option(filter.after.map(|after| Column::Id.gt(after.to_row())))
}

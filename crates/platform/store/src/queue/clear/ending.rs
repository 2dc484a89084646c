//! The end of cleared entries that nobody holds: one `failed` event each.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, RecipientId,
    event::{DeliveryStatus, EventDetails, EventKind, Severity},
};

use super::{CLEARED, PAGE};
use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    message::{Envelope, NewEvent},
    open::Store,
    queue::{Outcome, Settled, Settlement, lease::ENVELOPE},
    rows::RowId,
};

/// Our own code for a recipient that was dropped by its sender.
const DROPPED: u16 = 600;
/// What the event says.
const DESCRIPTION: &str = "Dropped: the sending queue of the domain was cleared";

impl Store {
    /// Ends what is marked and held by nobody. What cannot be ended now is ended later.
    pub(crate) async fn end_cleared(&self) -> Result<(), StoreError> {
        let ended = self.try_end_cleared().await;
        if ended.is_err() {
            self.inner.cleared.set_unfinished();
        }
        ended
    }

    /// [`Store::end_cleared`] if it failed before.
    pub(crate) async fn finish_clearing(&self) -> Result<(), StoreError> {
        if self.inner.cleared.take_unfinished() { self.end_cleared().await } else { Ok(()) }
    }

    async fn try_end_cleared(&self) -> Result<(), StoreError> {
        let mut templates = HashMap::new();
        loop {
            let rows = queue_entry::Entity::find()
                .filter(Column::ReadyAt.eq(CLEARED.as_micros()))
                .filter(Column::Lease.is_null())
                .limit(PAGE)
                .all(&self.inner.readers)
                .await?;
            let mut settlements = Vec::with_capacity(rows.len());
            for row in &rows {
                settlements.push(self.dropped(row, &mut templates).await?);
            }
            let entries: Vec<_> = settlements.iter().map(|settlement| settlement.entry).collect();
            // What ends is gone, so each page begins at the front of the index, however many are marked. Where nothing
            // ends there is nothing left, or somebody else is ending it.
            let settled = self.settle_as_asked(settlements).await?;
            self.drop_notes(&entries);
            if !settled.contains(&Settled::Yes) {
                return Ok(());
            }
        }
    }

    async fn dropped(
        &self,
        row: &queue_entry::Model,
        templates: &mut HashMap<MessageId, EventDetails>,
    ) -> Result<Settlement, StoreError> {
        const TABLE: &str = "queue_entries";
        let entry = RecipientId::from_row(&row.id, TABLE, "id")?;
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let message = MessageId::from_row(&row.message, TABLE, "message")?;
        // Entries come by message: the last template read is the one that is wanted again.
        if !templates.contains_key(&message) {
            templates.clear();
            templates.insert(message, self.template_or_nothing(account, message).await?);
        }
        let mut details = templates.get(&message).cloned().unwrap_or_default();
        let recipient =
            match self.inner.open_json::<Envelope>(ENVELOPE, account, &row.id, &row.envelope).await {
                Ok(envelope) => Some(envelope.recipient),
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            };
        if let Some(envelope) = &mut details.envelope {
            envelope.targets = recipient.clone().unwrap_or_default();
        }
        details.message.recipients.clear();
        details.recipient = recipient;
        details.reason = Some("generic".into());
        details.delivery_status = Some(DeliveryStatus {
            code: DROPPED,
            description: DESCRIPTION.into(),
            attempt_no: u32::try_from(row.attempts).unwrap_or(0),
            possible_duplicate: self.reply_is_unknown(entry, row.attempts),
            ..DeliveryStatus::default()
        });
        let event = NewEvent {
            id: EventId::new(self.inner.clock.as_ref(), self.inner.random.as_ref()),
            at: self.inner.clock.now(),
            kind: EventKind::Failed,
            severity: Some(Severity::Permanent),
            account,
            domain: DomainId::from_row(&row.domain, TABLE, "domain")?,
            message: Some(message),
            details,
        };
        Ok(Settlement { entry, lease: None, outcome: Outcome::Done { suppress: None }, events: vec![event] })
    }
}

//! What was delivered and not committed when the process ended: the second note says so, and it is settled like any other.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, Purpose, RecipientId,
    event::{DeliveryStatus, EventKind},
};

use crate::{
    entity::queue_entry::{self, Column},
    error::StoreError,
    message::{Envelope, NewEvent},
    open::Store,
    queue::{LeaseId, Outcome, Settled, Settlement, lease::ENVELOPE},
    rows::RowId,
    sent_notes::Delivered,
};

/// Ids in one statement.
const IDS: usize = 256;
/// What the event says in place of the reply.
const DESCRIPTION: &str = "Delivered; what the recipient's server said was lost when this one ended";

impl Store {
    /// Settles the entries that are noted as delivered and have no outcome on record: each with its `delivered` event, at
    /// the time of the note. How many. Call it before anything is sent.
    ///
    /// # Errors
    /// The store does not answer. What is settled by then is.
    pub async fn settle_noted(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        for chunk in self.noted_as_delivered().chunks(IDS) {
            let ids: Vec<_> = chunk.iter().map(|(note, _)| note.entry.to_row()).collect();
            let rows = queue_entry::Entity::find()
                .filter(Column::Id.is_in(ids))
                .all(self.read_for(Purpose::Delivery))
                .await?;
            let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
            let mut settlements = Vec::new();
            for (note, delivered) in chunk {
                let row = rows.get(&note.entry.to_row());
                let Some(row) = row.filter(|row| i64::from(row.attempts) <= i64::from(note.attempts)) else {
                    continue;
                };
                match self.noted(row, *delivered).await {
                    Ok(settlement) => settlements.push(settlement),
                    Err(error) => give_up(note.entry, error)?,
                }
            }
            count += self.settle_each(settlements).await?;
            self.drop_notes(&chunk.iter().map(|(note, _)| note.entry).collect::<Vec<_>>());
        }
        Ok(count)
    }

    /// All at once, and each by itself if one of them cannot be settled: the others shall not suffer from it.
    async fn settle_each(&self, settlements: Vec<Settlement>) -> Result<usize, StoreError> {
        let yes = |settled: &[Settled]| settled.iter().filter(|settled| **settled == Settled::Yes).count();
        match self.settle(settlements.clone()).await {
            Ok(settled) => return Ok(yes(&settled)),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Full)) => return Err(error),
            Err(_) => {}
        }
        let mut count = 0;
        for settlement in settlements {
            let entry = settlement.entry;
            match self.settle(vec![settlement]).await {
                Ok(settled) => count += yes(&settled),
                Err(error) => give_up(entry, error)?,
            }
        }
        Ok(count)
    }

    async fn noted(&self, row: &queue_entry::Model, delivered: Delivered) -> Result<Settlement, StoreError> {
        const TABLE: &str = "queue_entries";
        let entry = RecipientId::from_row(&row.id, TABLE, "id")?;
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let message = MessageId::from_row(&row.message, TABLE, "message")?;
        let lease = row.lease.as_ref().map(|lease| LeaseId::from_row(lease, TABLE, "lease")).transpose()?;
        let mut details = self.template_or_nothing(account, message).await?;
        let recipient =
            match self.inner.open_json::<Envelope>(ENVELOPE, account, &row.id, &row.envelope).await {
                Ok(envelope) => Some(envelope.recipient),
                Err(StoreError::Erased | StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            };
        let envelope = details.envelope.get_or_insert_default();
        envelope.targets = recipient.clone().unwrap_or_default();
        envelope.transport = "smtp".into();
        details.message.recipients.clear();
        details.archive_to = None;
        details.recipient = recipient;
        details.delivery_status = Some(DeliveryStatus {
            code: 250,
            description: DESCRIPTION.into(),
            attempt_no: u32::try_from(row.attempts).unwrap_or(0).saturating_add(1),
            possible_duplicate: delivered.is_second_copy(),
            ..DeliveryStatus::default()
        });
        let event = NewEvent {
            id: EventId::new(self.inner.clock.as_ref(), self.inner.random.as_ref()),
            // Not in the future, however the clock goes.
            at: delivered.at().min(self.inner.clock.now()),
            kind: EventKind::Delivered,
            severity: None,
            account,
            domain: DomainId::from_row(&row.domain, TABLE, "domain")?,
            message: Some(message),
            details,
        };
        Ok(Settlement { entry, lease, outcome: Outcome::Done { suppress: None }, events: vec![event] })
    }
}

/// What cannot be settled for good keeps nothing from starting: its account is being erased, say, and only the key went
/// before the process ended.
fn give_up(entry: RecipientId, error: StoreError) -> Result<(), StoreError> {
    if matches!(error, StoreError::Unavailable(_) | StoreError::Full) {
        return Err(error);
    }
    tracing::error!(%entry, %error, "what was delivered cannot be put on record");
    Ok(())
}

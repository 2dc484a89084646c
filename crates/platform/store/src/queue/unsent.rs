//! Entries that end without an attempt: what their one event says.

use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, RecipientId,
    event::{DeliveryStatus, EventDetails, EventKind, Severity},
};

use crate::{
    entity::queue_entry,
    error::StoreError,
    message::{Envelope, NewEvent},
    open::Store,
    queue::{Outcome, Settlement, lease::ENVELOPE},
    rows::RowId,
};

/// Why an entry ends.
pub(super) struct Why {
    /// Code of the event's delivery status.
    pub(super) code: u16,
    /// Reason of the event.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) description: &'static str,
}

/// The template read last: entries come by message, so it is the one that is wanted again.
#[derive(Default)]
pub(super) struct Templates(Option<(MessageId, EventDetails)>);

impl Store {
    /// The settlement of an entry that nobody holds, with its `failed` event.
    pub(super) async fn unsent(
        &self,
        row: &queue_entry::Model,
        templates: &mut Templates,
        why: &Why,
    ) -> Result<Settlement, StoreError> {
        const TABLE: &str = "queue_entries";
        let entry = RecipientId::from_row(&row.id, TABLE, "id")?;
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let message = MessageId::from_row(&row.message, TABLE, "message")?;
        let mut details = match &templates.0 {
            Some((of, template)) if *of == message => template.clone(),
            _ => {
                let template = self.template_or_nothing(account, message).await?;
                templates.0 = Some((message, template.clone()));
                template
            }
        };
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
        details.reason = Some(why.reason.into());
        details.delivery_status = Some(DeliveryStatus {
            code: why.code,
            description: why.description.into(),
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

//! Entries whose addresses cannot be read any more: nobody can deliver them, so they end here.

use waxseal_model::{
    Access, AccountId, DomainId, EventId, MessageId, RecipientId, actor,
    event::{DeliveryStatus, EventDetails, EventKind, Severity},
    purpose,
};

use crate::{
    entity::queue_entry,
    error::StoreError,
    message::NewEvent,
    open::Store,
    queue::{LeaseId, Outcome, Settlement},
    rows::RowId,
};

/// Reply code and enhanced code of what cannot be sent because of this server.
const CODE: u16 = 554;
const ENHANCED: &str = "5.3.0";
/// What the event says.
const DESCRIPTION: &str = "The address of the recipient can no longer be read";

impl Store {
    /// Ends entries that we hold and that cannot be read: each in one `failed` event, without an address.
    pub(super) async fn fail_unreadable(
        &self,
        rows: &[queue_entry::Model],
        lease: LeaseId,
    ) -> Result<(), StoreError> {
        let mut settlements = Vec::with_capacity(rows.len());
        for row in rows {
            settlements.push(self.unreadable(row, lease).await?);
        }
        if !settlements.is_empty() {
            self.settle(settlements).await?;
        }
        Ok(())
    }

    async fn unreadable(&self, row: &queue_entry::Model, lease: LeaseId) -> Result<Settlement, StoreError> {
        const TABLE: &str = "queue_entries";
        let entry = RecipientId::from_row(&row.id, TABLE, "id")?;
        let account = AccountId::from_row(&row.account, TABLE, "account")?;
        let message = MessageId::from_row(&row.message, TABLE, "message")?;
        tracing::error!(mail = %message, recipient = %entry, "the address of a recipient cannot be read: given up");
        let mut details = self.template_or_nothing(account, message).await?;
        details.recipient = None;
        details.envelope = None;
        details.message.recipients.clear();
        details.reason = Some("generic".into());
        details.delivery_status = Some(DeliveryStatus {
            code: CODE,
            description: DESCRIPTION.into(),
            enhanced_code: Some(ENHANCED.into()),
            attempt_no: u32::try_from(row.attempts).unwrap_or(0).saturating_add(1),
            bounce_type: Some("hard".into()),
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
        let outcome = Outcome::Done { suppress: None };
        Ok(Settlement { entry, lease: Some(lease), outcome, events: vec![event] })
    }

    /// What every event of the message repeats, unless that cannot be read either.
    pub(in crate::queue) async fn template_or_nothing(
        &self,
        account: AccountId,
        message: MessageId,
    ) -> Result<EventDetails, StoreError> {
        let access = Access::new(actor::System, purpose::Delivery);
        match self.message(account, message).await {
            Ok(Some(message)) => Ok(message.template.into_open(&access)),
            Ok(None) | Err(StoreError::Erased | StoreError::Corrupt { .. }) => Ok(EventDetails::default()),
            Err(error) => Err(error),
        }
    }
}

//! What becomes of a message that went to the recipient: read and sealed anew before the writer's turn.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use waxseal_model::{AccountId, event::EventDetails, time::Day};

use super::scrub::scrub;
use crate::{
    entity::{event, idempotency_key, message},
    error::StoreError,
    event_log::DETAILS,
    message::{ANSWER, TEMPLATE},
    open::Store,
    rows::{RowId, time},
};

/// One message.
pub(super) struct Plan {
    /// Its id.
    pub(super) message: Vec<u8>,
    /// Whether it went to the recipient alone: then all of it goes.
    pub(super) alone: bool,
    /// Events of others that named the recipient, sealed anew.
    pub(super) events: Vec<(i64, Vec<u8>)>,
    /// What every event of it repeats, sealed anew.
    pub(super) template: Option<Vec<u8>>,
    /// The answer that a repeated call would get.
    answer: Option<String>,
}

impl Store {
    /// Decides about the message of an event that tells of the recipient.
    pub(super) async fn plan(
        &self,
        account: AccountId,
        hash: &[u8],
        told: &event::Model,
        id: &[u8],
    ) -> Result<Plan, StoreError> {
        let details = self.details_of(account, told).await?;
        let address =
            details.as_ref().and_then(|details| details.recipient.as_ref()).map(|a| a.to_lowercase());
        let answer = details.map(|details| format!("<{}>", details.message.message_id));
        let row =
            message::Entity::find_by_id((account.to_row(), id.to_vec())).one(&self.inner.readers).await?;
        let mut template = None;
        let mut alone = true;
        if let Some(row) = &row
            && let Some(mut details) =
                readable(self.inner.open_json::<EventDetails>(TEMPLATE, account, id, &row.template).await)?
        {
            alone = details.message.recipients.len() <= 1;
            if let Some(address) = &address
                && scrub(&mut details, address)
            {
                let key = self.inner.keyring.event_key(account, time(row.created_at).day()).await?;
                template = Some(self.inner.seal_json(&key, TEMPLATE, account, id, &details)?);
            }
        }
        let mut events = Vec::new();
        for other in self.events_of(account, told, id).await? {
            if other.recipient_hash.as_deref().is_none_or(|other| other == hash) {
                continue;
            }
            alone = false;
            if let (Some(address), Some(mut details)) = (&address, self.details_of(account, &other).await?)
                && scrub(&mut details, address)
            {
                events.push((other.seq, self.seal_details(account, &other, &details).await?));
            }
        }
        Ok(Plan { message: id.to_vec(), alone, events, template, answer })
    }

    /// The keys of the idempotency results that would give these messages away.
    pub(super) async fn answers_of(
        &self,
        account: AccountId,
        plans: &[Plan],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let wanted: Vec<&String> =
            plans.iter().filter(|plan| plan.alone).filter_map(|plan| plan.answer.as_ref()).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let rows = idempotency_key::Entity::find()
            .filter(idempotency_key::Column::Account.eq(account.to_row()))
            .all(&self.inner.readers)
            .await?;
        let mut keys = Vec::new();
        for row in rows {
            let answer = self.inner.open_text(ANSWER, account, &row.key_hash, &row.answer).await;
            if readable(answer)?.is_some_and(|answer| wanted.contains(&&answer)) {
                keys.push(row.key_hash);
            }
        }
        Ok(keys)
    }

    /// All events of the message; those without a Message-ID cannot be others'.
    async fn events_of(
        &self,
        account: AccountId,
        told: &event::Model,
        id: &[u8],
    ) -> Result<Vec<event::Model>, StoreError> {
        let Some(header) = told.header_hash.clone() else { return Ok(Vec::new()) };
        Ok(event::Entity::find()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::HeaderHash.eq(header))
            .filter(event::Column::Message.eq(id.to_vec()))
            .all(&self.inner.readers)
            .await?)
    }

    async fn details_of(
        &self,
        account: AccountId,
        row: &event::Model,
    ) -> Result<Option<EventDetails>, StoreError> {
        readable(self.inner.open_json(DETAILS, account, &row.id, &row.details).await)
    }

    async fn seal_details(
        &self,
        account: AccountId,
        row: &event::Model,
        details: &EventDetails,
    ) -> Result<Vec<u8>, StoreError> {
        let day: Day = time(row.at).day();
        let key = self.inner.keyring.event_key(account, day).await?;
        self.inner.seal_json(&key, DETAILS, account, &row.id, details)
    }
}

/// A value, unless nobody can read it any more.
fn readable<T>(value: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Erased | StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

//! Settling: how attempts ended, with everything that follows from it, in one transaction.

mod apply;

pub(crate) use apply::{Ended, count_down};

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use waxseal_model::{AccountId, InboxId, Purpose, Timestamp, event::EventKind};

use super::{Outcome, Settled, Settlement, lease::ENVELOPE};
use crate::{
    entity::{event, inbox_item, queue_entry},
    error::StoreError,
    inbox,
    message::Envelope,
    open::Store,
    rows::{RowId, time},
    suppression::{Admitted, address_hash},
    vault::Slot,
    writer::Effects,
};

pub(super) const LAST_REPLY: Slot = Slot::new("queue_entries", "last_reply");

/// A settlement whose values are sealed: the writer only checks and writes.
struct Prepared {
    entry: Vec<u8>,
    lease: Option<Vec<u8>>,
    step: Step,
    /// Whether the recipient got the message.
    delivered: bool,
    events: Vec<event::ActiveModel>,
}

/// What becomes of the entry.
enum Step {
    Done {
        suppress: Option<Admitted>,
    },
    Deferred {
        next_attempt_at: Timestamp,
        first_attempt_at: Timestamp,
        last_reply: Vec<u8>,
    },
    Captured {
        item: inbox_item::Model,
    },
    PutOff {
        until: Timestamp,
        why: Vec<u8>,
    },
    Released,
    /// Set aside in a round.
    Paused(i64),
    /// The entry was gone before we began.
    Gone,
}

impl Store {
    /// Commits how attempts ended, with their events, suppressions and inbox items, in one
    /// transaction. When a message's last entry goes, its body goes too unless `keep_until` is later.
    /// Answers in the order of `settlements`.
    ///
    /// An entry that was cleared meanwhile ends here, unless it is done: it is neither tried again nor captured.
    pub async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        let entries: Vec<_> = settlements.iter().map(|settlement| settlement.entry).collect();
        let settled = self.settle_as_asked(settlements).await?;
        if self.inner.cleared.settled(&entries)
            && let Err(error) = self.end_cleared().await
        {
            // What was asked is done; the rest is made up for.
            tracing::error!(%error, "cleared entries cannot be ended now");
        }
        Ok(settled)
    }

    /// Settles without ending anything else.
    pub(super) async fn settle_as_asked(
        &self,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, StoreError> {
        let entries = self.entries_to_read(&settlements).await?;
        let mut paused = None;
        let mut prepared = Vec::with_capacity(settlements.len());
        let mut effects = Effects { weight: settlements.len() * 2048, ..Effects::default() };
        for Settlement { entry, lease, outcome, events } in settlements {
            let entry = entry.to_row();
            effects.log |= !events.is_empty();
            // Whoever puts something off knows when it is due.
            effects.queue |= matches!(outcome, Outcome::Released);
            effects.suppressions |= matches!(outcome, Outcome::Done { suppress: Some(_) });
            if let Outcome::Paused(hold) = &outcome {
                paused = Some(hold.round.min(paused.unwrap_or(hold.round)));
            }
            let step = self.step(entries.get(&entry), outcome).await?;
            let delivered = events.iter().any(|event| event.kind == EventKind::Delivered);
            let events = self.event_rows(events).await?;
            prepared.push(Prepared { entry, lease: lease.map(RowId::to_row), step, delivered, events });
        }
        let now = self.inner.clock.now();
        let (settled, archives) = self
            .inner
            .writer
            .write(effects, move |tx| Box::pin(async move { apply::settle(tx, prepared, now).await }))
            .await?;
        if let Some(round) = paused {
            self.after_setting_aside(round);
        }
        if archives {
            self.inner.archive_changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        Ok(settled)
    }

    /// The entries from which something must be read before the writer's turn: whose they are, and the
    /// addresses of captured messages.
    async fn entries_to_read(
        &self,
        settlements: &[Settlement],
    ) -> Result<HashMap<Vec<u8>, queue_entry::Model>, StoreError> {
        let ids: Vec<Vec<u8>> = settlements
            .iter()
            .filter(|settlement| {
                matches!(
                    settlement.outcome,
                    Outcome::Deferred { .. } | Outcome::PutOff { .. } | Outcome::Captured { .. }
                )
            })
            .map(|settlement| settlement.entry.to_row())
            .collect();
        let mut entries = HashMap::new();
        for chunk in ids.chunks(256) {
            let rows = queue_entry::Entity::find()
                .filter(queue_entry::Column::Id.is_in(chunk.to_vec()))
                .all(self.read_for(Purpose::Delivery))
                .await?;
            entries.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        }
        Ok(entries)
    }

    async fn step(&self, entry: Option<&queue_entry::Model>, outcome: Outcome) -> Result<Step, StoreError> {
        match (outcome, entry) {
            (Outcome::Done { suppress: None }, _) => Ok(Step::Done { suppress: None }),
            (Outcome::Done { suppress: Some(new) }, _) => {
                Ok(Step::Done { suppress: Some(self.suppression_row(new).await?) })
            }
            (Outcome::Released, _) => Ok(Step::Released),
            (Outcome::Paused(hold), _) => Ok(Step::Paused(hold.round)),
            (Outcome::Deferred { next_attempt_at, first_attempt_at, last_reply }, Some(entry)) => {
                let last_reply = self.seal_reply(entry, &last_reply).await?;
                Ok(Step::Deferred { next_attempt_at, first_attempt_at, last_reply })
            }
            (Outcome::PutOff { until, why }, Some(entry)) => {
                Ok(Step::PutOff { until, why: self.seal_reply(entry, &why).await? })
            }
            (Outcome::Captured { expires_at }, Some(entry)) => {
                Ok(Step::Captured { item: self.captured_item(entry, expires_at).await? })
            }
            (Outcome::Deferred { .. } | Outcome::PutOff { .. } | Outcome::Captured { .. }, None) => {
                Ok(Step::Gone)
            }
        }
    }

    async fn seal_reply(&self, entry: &queue_entry::Model, reply: &str) -> Result<Vec<u8>, StoreError> {
        let account = AccountId::from_row(&entry.account, "queue_entries", "account")?;
        let key = self.inner.keyring.event_key(account, time(entry.accepted_at).day()).await?;
        self.inner.seal(&key, LAST_REPLY, account, &entry.id, reply.as_bytes())
    }

    async fn captured_item(
        &self,
        entry: &queue_entry::Model,
        expires_at: Timestamp,
    ) -> Result<inbox_item::Model, StoreError> {
        let account = AccountId::from_row(&entry.account, "queue_entries", "account")?;
        let envelope: Envelope = self.inner.open_json(ENVELOPE, account, &entry.id, &entry.envelope).await?;
        let key = self.inner.keyring.content_key(account, time(entry.accepted_at).day()).await?;
        let pepper = self.inner.keyring.pepper(account).await?;
        let id = InboxId::new(self.inner.clock.as_ref(), self.inner.random.as_ref());
        Ok(inbox_item::Model {
            account: entry.account.clone(),
            id: id.to_row(),
            domain: entry.domain.clone(),
            message: entry.message.clone(),
            recipient_hash: address_hash(&pepper, &envelope.recipient),
            envelope: self.inner.seal_json(&key, inbox::ENVELOPE, account, &id.to_bytes(), &envelope)?,
            captured_at: self.inner.clock.now().as_micros(),
            expires_at: expires_at.as_micros(),
        })
    }
}

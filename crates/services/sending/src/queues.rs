//! The queues of a domain: their state, and emptying them.

use std::collections::HashMap;

use waxseal_model::{
    Access, AccountId, Actor, EventId, MessageId, Purpose,
    event::{DeliveryStatus, EventDetails, EventKind, Severity},
};
use waxseal_store::{
    StoreError,
    domain::{Domain, DomainState},
    message::NewEvent,
    queue::{Outcome, QueueEntry, QueueFilter, Settled, Settlement},
};

use crate::send::Sending;

/// The two queues of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingQueues {
    /// Mail that is due.
    pub regular: QueueState,
    /// Mail that waits for its time.
    pub scheduled: QueueState,
}

/// Whether a queue moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Why it does not, if it does not.
    pub disabled_because: Option<String>,
}

impl Sending {
    /// The state of a domain's queues.
    pub fn queues(&self, domain: &Domain) -> SendingQueues {
        let disabled_because = match domain.state {
            DomainState::Active => None,
            DomainState::Unverified => Some("the domain is unverified".into()),
            DomainState::Disabled => Some("the domain is disabled".into()),
        };
        let state = QueueState { disabled_because };
        SendingQueues { regular: state.clone(), scheduled: state }
    }

    /// Drops all scheduled and undelivered mail of a domain; how many recipients. Each gets one terminal
    /// event. Those that are being delivered at this moment are left to end by themselves.
    pub async fn clear_queue(&self, domain: &Domain) -> Result<u64, StoreError> {
        let store = &self.inner.store;
        let (account, id) = (Some(domain.account), Some(domain.id));
        let mut filter = QueueFilter { account, domain: id, message: None, after: None };
        let mut dropped = 0;
        let mut templates = HashMap::new();
        loop {
            let entries = store.queue_entries(&filter, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(dropped) };
            filter.after = Some(last.id);
            let mut settlements = Vec::with_capacity(entries.len());
            for entry in entries.into_iter().filter(|entry| !entry.in_flight) {
                let template = self.template(&mut templates, domain.account, entry.message).await?;
                settlements.push(self.drop_entry(entry, template));
            }
            if settlements.is_empty() {
                continue;
            }
            let settled = store.settle(settlements).await?;
            dropped += settled.iter().filter(|settled| **settled == Settled::Yes).count() as u64;
        }
    }

    fn drop_entry(&self, entry: QueueEntry, template: EventDetails) -> Settlement {
        let access = Access::new(Actor::Customer, Purpose::Delivery);
        let recipient = entry.envelope.open(&access).recipient.clone();
        let mut details = template;
        if let Some(envelope) = &mut details.envelope {
            envelope.targets.clone_from(&recipient);
        }
        details.message.recipients.clear();
        details.recipient = Some(recipient);
        details.reason = Some("generic".into());
        details.delivery_status = Some(DeliveryStatus {
            code: DROPPED,
            description: "Dropped: the sending queue of the domain was cleared".into(),
            attempt_no: entry.attempts,
            ..DeliveryStatus::default()
        });
        let event = NewEvent {
            id: EventId::new(&*self.inner.clock, &*self.inner.random),
            at: self.inner.clock.now(),
            kind: EventKind::Failed,
            severity: Some(Severity::Permanent),
            account: entry.account,
            domain: entry.domain,
            message: Some(entry.message),
            details,
        };
        Settlement {
            entry: entry.id,
            lease: None,
            outcome: Outcome::Done { suppress: None },
            events: vec![event],
        }
    }

    /// What every event of a message repeats; the last one read is kept, as entries come by message.
    async fn template(
        &self,
        known: &mut HashMap<MessageId, EventDetails>,
        account: AccountId,
        id: MessageId,
    ) -> Result<EventDetails, StoreError> {
        if let Some(template) = known.get(&id) {
            return Ok(template.clone());
        }
        let access = Access::new(Actor::Customer, Purpose::Delivery);
        let message = self.inner.store.message(account, id).await?;
        let template = message.map(|message| message.template.into_open(&access)).unwrap_or_default();
        known.clear();
        known.insert(id, template.clone());
        Ok(template)
    }
}

/// Entries per step.
const PAGE: u64 = 200;
/// Our own code for a recipient that was dropped by its sender.
const DROPPED: u16 = 600;

//! The queues of a domain: their state, and emptying them.

use waxseal_store::{
    StoreError,
    domain::{Domain, DomainState},
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

    /// Drops all scheduled and undelivered mail of a domain; how many recipients. Each gets one terminal event: at
    /// once, or as soon as who delivers it has given it back. Content that has begun to go out finishes; if the
    /// recipient's server does not take it then, it is not tried again.
    ///
    /// # Errors
    /// The store does not answer: part of it may be dropped.
    pub async fn clear_queue(&self, domain: &Domain) -> Result<u64, StoreError> {
        self.inner.store.clear_queue(domain.account, domain.id).await
    }
}

//! The event log: append-only, ordered; queries for the customer and cursors for readers.

use tokio::sync::watch;
use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, Sealed, Timestamp,
    event::{EventDetails, EventKind, Severity},
};

use crate::{error::StoreError, message::NewEvent, open::Store};

/// An event as it was stored.
pub struct StoredEvent {
    /// Place in the log: strictly increasing in the order of commits.
    pub seq: u64,
    /// Id.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Kind.
    pub kind: EventKind,
    /// Severity of a failure.
    pub severity: Option<Severity>,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// The stored message it tells of.
    pub message: Option<MessageId>,
    /// All the rest.
    pub details: Sealed<EventDetails>,
}

/// A place between events in the order of (`at`, `seq`): where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPosition {
    /// Time of the event.
    pub at: Timestamp,
    /// Its place in the log.
    pub seq: u64,
}

/// Which events, in which order. Conditions are joined by "and".
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Account.
    pub account: AccountId,
    /// Domain; all of the account's otherwise.
    pub domain: Option<DomainId>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Only events beyond this position in the direction of reading.
    pub beyond: Option<EventPosition>,
    /// Oldest first.
    pub ascending: bool,
    /// Of one of these kinds; any if empty.
    pub kinds: Vec<EventKind>,
    /// Of this recipient (found by keyed hash).
    pub recipient: Option<String>,
    /// Of the message with this Message-ID, without angle brackets (found by keyed hash).
    pub header_message_id: Option<String>,
    /// At most this many.
    pub limit: u64,
}

impl Store {
    /// Events by time.
    pub async fn events(&self, _query: &EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(Vec::new())
    }

    /// Appends events that come with no other change.
    pub async fn append_events(&self, _events: Vec<NewEvent>) -> Result<(), StoreError> {
        Err(StoreError::Erased)
    }

    /// Events of all accounts after `cursor`, in the order of the log: for readers. Never skips an
    /// event that is committed later.
    pub async fn read_log(&self, _cursor: u64, _limit: u64) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(Vec::new())
    }

    /// Where a reader stopped; 0 at first.
    pub async fn cursor(&self, _reader: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Notes where a reader stopped.
    pub async fn save_cursor(&self, _reader: &str, _seq: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Changes whenever events were appended: wakes readers.
    pub fn log_changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

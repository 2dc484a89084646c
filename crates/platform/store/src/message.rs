//! Accepting messages durably, and getting them back while they are kept.

use waxseal_model::{
    AccountId, DomainId, EventId, MessageId, RecipientId, Sealed, Timestamp, category,
    event::{EventDetails, EventKind, Severity},
    options::{DeliveryOptions, Schedule, SourceWish},
};

mod accept;
mod retrieve;

pub(crate) use retrieve::{ANSWER, MIME, TEMPLATE, end_retrieval, settled_keep};

/// Everything that one call accepts: committed as one durable step or not at all.
pub struct Accept {
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// The messages: one, or one for each recipient of a batch.
    pub messages: Vec<NewMessage>,
    /// Events: `accepted` of each recipient, and `failed` of those that are suppressed.
    pub events: Vec<NewEvent>,
    /// The caller's idempotency key, if it gave one.
    pub idempotency: Option<Idempotency>,
}

/// One MIME body with the recipients that get it.
pub struct NewMessage {
    /// Id; also the storage key.
    pub id: MessageId,
    /// Time of acceptance.
    pub created_at: Timestamp,
    /// Message-ID header without angle brackets.
    pub header_message_id: String,
    /// The signed MIME as it will leave, CRLF line endings.
    pub body: Vec<u8>,
    /// What every event of this message repeats.
    pub template: EventDetails,
    /// Options until the last recipient is settled.
    pub options: DeliveryOptions,
    /// When it may leave and when it is given up.
    pub schedule: Schedule,
    /// Kept in the sandbox inbox instead of leaving.
    pub capture: bool,
    /// Retrievable at least until then, settled or not; equal to `created_at`: gone when settled.
    pub keep_until: Timestamp,
    /// Where a copy goes once somebody got it (`o:archive-to`).
    pub archive_to: Option<String>,
    /// Those to deliver to; may be empty (all suppressed).
    pub entries: Vec<NewQueueEntry>,
}

/// One recipient to deliver to.
pub struct NewQueueEntry {
    /// Id. The return path names it, or that of another recipient at the domain.
    pub id: RecipientId,
    /// Addresses.
    pub envelope: Envelope,
}

/// The two addresses of an SMTP transaction.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    /// MAIL FROM, without angle brackets.
    pub reverse_path: String,
    /// RCPT TO, without angle brackets; its domain in lower-case A-labels.
    pub recipient: String,
    /// What it asked to leave from: so whoever takes it from the queue knows without asking for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceWish>,
}

impl Envelope {
    /// The recipient's domain: what the queue groups by.
    pub fn recipient_domain(&self) -> &str {
        self.recipient.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// An entry for the event log.
#[derive(Clone)]
pub struct NewEvent {
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
    /// All the rest; sealed at rest.
    pub details: EventDetails,
}

/// What makes a repeated call the same call.
#[derive(Clone)]
pub struct Idempotency {
    /// SHA-256 of the caller's key.
    pub key_hash: [u8; 32],
    /// SHA-256 of the request: the same key with another request is an error.
    pub request_hash: [u8; 32],
    /// The answer to give again: the Message-ID with angle brackets.
    pub answer: String,
    /// Forgotten at this time.
    pub expires_at: Timestamp,
}

/// What became of an [`Accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Durably stored.
    New,
    /// The same call was accepted before; this is its answer.
    Replayed {
        /// The answer of the first call.
        answer: String,
    },
    /// The idempotency key was used for another request. Nothing was stored.
    KeyReused,
}

/// A stored message without its body.
pub struct StoredMessage {
    /// Id.
    pub id: MessageId,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Time of acceptance.
    pub created_at: Timestamp,
    /// Size of the MIME in bytes.
    pub size: u64,
    /// Recipients not settled yet.
    pub pending: u32,
    /// What every event of this message repeats.
    pub template: Sealed<EventDetails, category::Email>,
    /// Options.
    pub options: DeliveryOptions,
    /// Schedule.
    pub schedule: Schedule,
    /// Kept in the sandbox inbox instead of leaving.
    pub capture: bool,
    /// Retrievable at least until then.
    pub keep_until: Timestamp,
    /// Whether the body is still there.
    pub has_body: bool,
}

impl StoredMessage {
    /// Whether its customer can still have its content: it waits for somebody, or its time of keeping is not over,
    /// whether or not the purge has come by since.
    pub fn retrievable(&self, now: Timestamp) -> bool {
        self.has_body && (self.pending > 0 || self.keep_until > now)
    }
}

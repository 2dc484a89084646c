//! The queue: what waits, who works on it, and how it ended.

use std::time::Duration;

use waxseal_model::{
    AccountId, DomainId, MessageId, RecipientId, Sealed, Timestamp, category, options::Schedule,
};

use crate::{
    message::{Envelope, NewEvent},
    suppression::NewSuppression,
};

mod bulk;
mod clear;
mod filter;
mod handover;
mod lease;
mod noted;
mod overdue;
mod overview;
mod pause;
mod settle;
mod unsent;

pub use bulk::{Batch, Bulk};
pub use handover::{Handed, HandedMessage, HandedOver, HandoverLimits, ListsAsOf};
pub use pause::{Hold, Leaving, MOST_PAUSES, Pause, PauseOf};

pub(crate) use clear::{CLEARED, Cleared, mark_cleared};
pub(crate) use handover::{Handover, Ticket};
pub(crate) use lease::{ENVELOPE, Stranded, Unlisted, Walk, not_of};
pub(crate) use pause::{FIRST_ROUND, Pauses};
pub(crate) use settle::{Ended, count_down};

/// Due time of entries that wait until somebody asks for another try: no clock gets there.
pub(crate) const HELD: Timestamp = Timestamp::from_secs(250_000_000_000);

/// Marks who holds an entry; an entry is held by one lease at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub u128);

/// A request for work.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// Entries due at this time or before.
    pub now: Timestamp,
    /// At most this many.
    pub limit: u32,
    /// How long the entries are ours; after it anybody may take them.
    pub hold_for: Duration,
    /// Whose entries stay.
    pub pass_over: PassedOver,
}

/// What one account has for one recipient's domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The account.
    pub account: AccountId,
    /// The recipients' domain.
    pub recipient_domain: String,
}

/// Who has enough for now: others go first, and new ones of theirs wait in the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// These accounts, wherever they send.
    pub accounts: Vec<AccountId>,
    /// These sending domains of these accounts, whoever gets it.
    pub domains: Vec<(AccountId, DomainId)>,
    /// These accounts at these domains.
    pub flows: Vec<Flow>,
}

impl PassedOver {
    /// Whether there is nobody.
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.domains.is_empty() && self.flows.is_empty()
    }
}

/// A queue entry in our hands.
pub struct LeasedEntry {
    /// Id.
    pub id: RecipientId,
    /// Proof that it is ours.
    pub lease: LeaseId,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Message.
    pub message: MessageId,
    /// The recipient's domain.
    pub recipient_domain: String,
    /// Addresses.
    pub envelope: Sealed<Envelope, category::Email>,
    /// Attempts made before this one.
    pub attempts: u32,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// When the first attempt was made.
    pub first_attempt_at: Option<Timestamp>,
    /// When it may leave and when it is given up.
    pub schedule: Schedule,
    /// Kept in the sandbox inbox instead of leaving.
    pub capture: bool,
    /// That the recipient was on no suppression list when it was taken.
    pub(crate) unlisted: Option<Unlisted>,
}

/// How an attempt ended for one recipient. Its events are committed with it.
#[derive(Clone)]
pub struct Settlement {
    /// The entry.
    pub entry: RecipientId,
    /// Our lease; `None` takes only entries that nobody holds.
    pub lease: Option<LeaseId>,
    /// Outcome.
    pub outcome: Outcome,
    /// Events: exactly one terminal event unless deferred.
    pub events: Vec<NewEvent>,
}

/// What becomes of the entry.
#[derive(Clone)]
pub enum Outcome {
    /// It is done: delivered, failed or dropped. The entry goes.
    Done {
        /// Put on a suppression list, unless the address is on the domain's allow list.
        suppress: Option<NewSuppression>,
    },
    /// It stays for another attempt.
    Deferred {
        /// When.
        next_attempt_at: Timestamp,
        /// When the first attempt was made.
        first_attempt_at: Timestamp,
        /// The last reply, for `queue why`: code, text scrubbed of addresses.
        last_reply: String,
    },
    /// It is kept in the sandbox inbox and the entry goes.
    Captured {
        /// When the inbox forgets it.
        expires_at: Timestamp,
    },
    /// It was not tried (shutdown, no slot): the entry is free again as it was.
    Released,
    /// It was not tried, because nothing of the kind may leave before a time: it is free again then, as it was.
    PutOff {
        /// That time.
        until: Timestamp,
        /// Why, in place of the last reply.
        why: String,
    },
    /// It was not tried, because it is paused: it is free again and waits for the end of the pause.
    Paused(Hold),
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Committed.
    Yes,
    /// The entry is gone or somebody else's: nothing was written, no event either.
    NotOurs,
}

/// A queue entry as `queue list` and `queue why` show it.
pub struct QueueEntry {
    /// Id.
    pub id: RecipientId,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Message.
    pub message: MessageId,
    /// The recipient's domain.
    pub recipient_domain: String,
    /// Addresses.
    pub envelope: Sealed<Envelope, category::Email>,
    /// Attempts made.
    pub attempts: u32,
    /// Due at this time; see also [`QueueEntry::is_held`] and [`QueueEntry::is_cleared`].
    pub next_attempt_at: Timestamp,
    /// Given up at this time.
    pub give_up_at: Timestamp,
    /// Time of acceptance.
    pub accepted_at: Timestamp,
    /// Whether somebody works on it now.
    pub in_flight: bool,
    /// Last reply, scrubbed.
    pub last_reply: Option<String>,
    /// Its data was sent and no outcome of that is on record: the next try may bring a second copy.
    pub reply_unknown: bool,
    /// It waits for the end of a pause.
    pub paused: bool,
    /// Kept in the sandbox inbox instead of leaving.
    pub capture: bool,
}

/// Which entries.
#[derive(Clone, Default)]
pub struct QueueFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this domain.
    pub domain: Option<DomainId>,
    /// Of this message.
    pub message: Option<MessageId>,
    /// To these recipients' domains.
    pub to: Option<Vec<String>>,
    /// To this recipient: each entry has to be opened, because the queue has no hash of recipients.
    pub recipient: Option<String>,
    /// Accepted at this time or before.
    pub accepted_until: Option<Timestamp>,
    /// After this entry (paging; ordered by id).
    pub after: Option<RecipientId>,
}

/// How many entries there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Waiting for their time.
    pub waiting: u64,
    /// Being worked on.
    pub in_flight: u64,
}

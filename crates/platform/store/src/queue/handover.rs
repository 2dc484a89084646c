//! Handing over: what is accepted goes to delivery with its content, without being taken from the queue first.
//!
//! Its entries are written as leased already, so the store is asked neither for them again nor for what belongs to them. A
//! process that dies leaves leases behind like any other, which the next start frees.
//!
//! Nothing is handed over past what waits: the gate is open only while the queue, when it was looked at last, had nothing due but of those who have
//! enough. What is paused is not handed over either. And nobody fills the room behind it for all: see [`room`].

mod room;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;
use waxseal_model::{AccountId, DomainId, Sealed, Timestamp};

use self::room::{Room, Rooms};
use super::{LeaseId, LeasedEntry, PassedOver, Unlisted};
use crate::{
    content::Content,
    message::{NewMessage, NewQueueEntry, StoredMessage},
    open::Store,
};

/// How much is handed over and not done with, at most. No account gets all of it: alone seven eighths, and less the more
/// others want; and of that no domain of recipients gets more than three quarters.
#[derive(Debug, Clone)]
pub struct HandoverLimits {
    /// Recipients.
    pub recipients: usize,
    /// Bytes of content.
    pub bytes: usize,
    /// How long entries are delivery's; after it anybody may take them.
    pub hold_for: Duration,
}

/// A message with entries that were leased as they were written.
pub struct Handed {
    /// Entries.
    pub entries: Vec<LeasedEntry>,
    /// The message.
    pub message: Arc<HandedMessage>,
    /// When the lease ends: from then on the queue gives them to whoever asks.
    pub until: Timestamp,
}

/// What delivery would ask the store for.
pub struct HandedMessage {
    /// All but its content.
    pub stored: StoredMessage,
    /// The MIME.
    pub content: Content,
    /// Given back when nobody has the message any more.
    _room: Room,
}

/// That nobody of those who were asked about was on a suppression list, and as of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListsAsOf(pub(crate) Unlisted);

/// Whoever gets what is handed over.
pub struct HandedOver {
    handed: mpsc::UnboundedReceiver<Handed>,
    gate: Arc<Gate>,
}

/// The way to whoever gets it, if there is anybody.
#[derive(Default)]
pub(crate) struct Handover(Mutex<Option<Arc<Gate>>>);

/// Lets messages through while there is room behind it.
struct Gate {
    out: mpsc::UnboundedSender<Handed>,
    /// `None`: it is shut. Else whom it is shut for.
    open_but: Mutex<Option<ShutFor>>,
    rooms: Arc<Rooms>,
    hold_for: Duration,
}

/// Whom an open gate is shut for.
struct ShutFor {
    accounts: HashSet<AccountId>,
    /// Sending domains.
    domains: HashSet<(AccountId, DomainId)>,
    /// Recipients' domains by account.
    flows: HashMap<AccountId, HashSet<String>>,
}

/// What one call hands over, once it is on stable storage.
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    pub(crate) lease: LeaseId,
    pub(crate) until: Timestamp,
    as_of: Unlisted,
    messages: Vec<Handed>,
}

impl Store {
    /// From now on what is accepted and may leave is handed over, once the gate is opened. Who was asked for it before
    /// gets nothing more.
    pub fn hand_over(&self, limits: HandoverLimits) -> HandedOver {
        let (out, handed) = mpsc::unbounded_channel();
        let gate = Arc::new(Gate {
            out,
            open_but: Mutex::default(),
            rooms: Arc::new(Rooms::new(&limits)),
            hold_for: limits.hold_for,
        });
        *self.inner.handover.place() = Some(Arc::clone(&gate));
        HandedOver { handed, gate }
    }

    /// What handed-over recipients are held against: taken before the suppression lists are asked about them.
    pub fn lists_as_of_now(&self) -> ListsAsOf {
        ListsAsOf(self.as_of_now())
    }

    /// Whether what was handed over may still be used: the keys of its day are there.
    pub async fn is_readable(&self, message: &HandedMessage) -> bool {
        let StoredMessage { account, created_at, .. } = message.stored;
        self.inner.keyring.content_key(account, created_at.day()).await.is_ok()
    }

    /// A ticket for a call, if anything can be handed over now.
    pub(crate) fn ticket(&self, as_of: Option<ListsAsOf>) -> Option<Ticket> {
        let as_of = as_of?.0;
        let gate = self.inner.handover.place().clone()?;
        gate.shut_for().as_ref()?;
        let until = self.inner.clock.now() + gate.hold_for;
        Some(Ticket { gate, lease: self.new_lease(), until, as_of, messages: Vec::new() })
    }
}

impl Handover {
    fn place(&self) -> MutexGuard<'_, Option<Arc<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    fn shut_for(&self) -> MutexGuard<'_, Option<ShutFor>> {
        self.open_but.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a message of the account's domain, if it may pass now.
    fn admit(&self, whose: (AccountId, DomainId), message: &NewMessage) -> Option<Room> {
        let is_open = self.shut_for().as_ref().is_some_and(|shut| !shut.holds_up(whose, &message.entries));
        if !is_open {
            return None;
        }
        let domains = message.entries.iter().map(|entry| entry.envelope.recipient_domain());
        self.rooms.take(whose.0, domains, message.body.len())
    }
}

impl ShutFor {
    fn new(passed_over: PassedOver) -> Self {
        let mut flows: HashMap<_, HashSet<_>> = HashMap::new();
        for flow in passed_over.flows {
            flows.entry(flow.account).or_default().insert(flow.recipient_domain);
        }
        let accounts = passed_over.accounts.into_iter().collect();
        Self { accounts, domains: passed_over.domains.into_iter().collect(), flows }
    }

    fn holds_up(&self, (account, sender): (AccountId, DomainId), entries: &[NewQueueEntry]) -> bool {
        let domain = |domains: &HashSet<String>| {
            entries.iter().any(|entry| domains.contains(entry.envelope.recipient_domain()))
        };
        self.accounts.contains(&account)
            || self.domains.contains(&(account, sender))
            || self.flows.get(&account).is_some_and(domain)
    }
}

impl Ticket {
    /// Room for this message of the account's domain, if it is to be handed over.
    pub(crate) fn admit(
        &self,
        whose: (AccountId, DomainId),
        message: &NewMessage,
        now: Timestamp,
        is_paused: bool,
    ) -> Option<Room> {
        if message.entries.is_empty() || message.schedule.not_before > now || is_paused {
            return None;
        }
        self.gate.admit(whose, message)
    }

    /// Adds a message that got room; its entries are written under the lease.
    pub(crate) fn add(
        &mut self,
        entries: Vec<NewQueueEntry>,
        stored: StoredMessage,
        content: Content,
        room: Room,
    ) {
        let entry = |new: NewQueueEntry| LeasedEntry {
            id: new.id,
            lease: self.lease,
            account: stored.account,
            domain: stored.domain,
            message: stored.id,
            recipient_domain: new.envelope.recipient_domain().to_owned(),
            envelope: Sealed::new(new.envelope),
            attempts: 0,
            accepted_at: stored.created_at,
            first_attempt_at: None,
            schedule: stored.schedule,
            capture: stored.capture,
            unlisted: Some(self.as_of),
        };
        let entries = entries.into_iter().map(entry).collect();
        let message = Arc::new(HandedMessage { stored, content, _room: room });
        self.messages.push(Handed { entries, message, until: self.until });
    }

    /// Whether nothing is handed over after all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Hands over what is on stable storage. Where that is not known, and where nobody takes it, its lease is freed by
    /// whoever takes from the queue next, and they are told that there is something.
    pub(crate) fn settle(self, is_written: bool, store: &Store) {
        let Self { gate, lease, until, messages, .. } = self;
        let handed = is_written && messages.into_iter().all(|message| gate.out.send(message).is_ok());
        if !handed {
            store.inner.stranded.add(lease, until);
            store.inner.writer.changes().queue.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

impl HandedOver {
    /// Waits for the next message.
    pub async fn next(&mut self) -> Option<Handed> {
        self.handed.recv().await
    }

    /// The next message that is there already.
    pub fn try_next(&mut self) -> Option<Handed> {
        self.handed.try_recv().ok()
    }

    /// Nothing is due in the queue, but of these: what is accepted of others may pass.
    pub fn open(&self, but: PassedOver) {
        *self.gate.shut_for() = Some(ShutFor::new(but));
    }

    /// Something is due, or nothing more can be taken: everybody waits their turn in the queue.
    pub fn shut(&self) {
        *self.gate.shut_for() = None;
    }
}

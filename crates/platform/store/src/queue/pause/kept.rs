//! The pauses as everybody who lets something leave asks them: in memory.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Mutex, MutexGuard, watch};
use waxseal_model::{Access, AccountId, DomainId, Timestamp, actor, purpose};

use super::Pause;
use crate::{
    entity::{queue_entry, queue_pause},
    erasure::recipient::canonical,
    keyring::Keyring,
    open::Store,
    queue::{HELD, LeasedEntry},
    rows::RowId,
    seal::Pepper,
    suppression::address_hash,
};

/// When what is set aside in the first round is ready: after all that is held or cleared, before what is parked.
pub(crate) const FIRST_ROUND: i64 = HELD.as_micros() + 1_000;

/// A pause of a recipient is held against who is written to.
const STORE: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// What is about to leave.
#[derive(Clone, Copy)]
pub struct Leaving<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// The domain it is sent from.
    pub domain: DomainId,
    /// The domain of its recipient.
    pub to: &'a str,
    /// Its recipient.
    pub recipient: &'a str,
    /// Whose mail servers take it, if that is known.
    pub provider: Option<&'a str>,
}

/// That something is paused: what it is set aside by.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Which pause it is.
    pub pause: Pause,
    pub(crate) round: i64,
}

/// A pause, and what is compared.
pub(super) struct Kept {
    pause: Pause,
    destination: Option<Vec<u8>>,
    recipient: Option<(Option<Arc<Pepper>>, Vec<u8>)>,
}

/// Pauses as of a moment.
pub(crate) struct Current {
    kept: Vec<Kept>,
    /// When what is set aside now is ready.
    pub(crate) round: i64,
}

/// All of them.
pub(crate) struct Pauses {
    current: RwLock<Arc<Current>>,
    /// Something may be set aside from an earlier round.
    left: AtomicBool,
    changes: watch::Sender<u64>,
    turn: Mutex<()>,
}

impl Default for Pauses {
    fn default() -> Self {
        let current = Arc::new(Current { kept: Vec::new(), round: FIRST_ROUND });
        Self {
            current: RwLock::new(current),
            left: AtomicBool::new(false),
            changes: watch::channel(0).0,
            turn: Mutex::default(),
        }
    }
}

impl Store {
    /// Whether this may not leave now, and why. Costs nothing as long as nothing is paused.
    pub fn pause_on(&self, leaving: &Leaving<'_>) -> Option<Hold> {
        let current = self.inner.pauses.current();
        let now = self.inner.clock.now();
        let kept = current.kept.iter().find(|kept| kept.fits(&self.inner.keyring, leaving, now))?;
        Some(Hold { pause: kept.pause.clone(), round: current.round })
    }

    /// Whether anything is paused.
    pub fn is_paused(&self) -> bool {
        !self.inner.pauses.current().kept.is_empty()
    }

    /// Changes whenever something is paused or goes on.
    pub fn pause_changes(&self) -> watch::Receiver<u64> {
        self.inner.pauses.changes.subscribe()
    }
}

impl Pauses {
    /// One at a time changes them.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, kept: Vec<Kept>, ended: bool) {
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(Current { kept, round: current.round + i64::from(ended) });
        }
        if ended {
            self.set_left();
        }
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Something is set aside since a round before.
    pub(super) fn begin_after(&self, round: i64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Current { kept: Vec::new(), round: round + 1 });
        drop(current);
        self.set_left();
    }

    pub(super) fn set_left(&self) {
        self.left.store(true, Ordering::Release);
    }

    pub(super) fn take_left(&self) -> bool {
        self.left.swap(false, Ordering::AcqRel)
    }
}

impl Current {
    pub(super) fn pauses(&self) -> impl Iterator<Item = &Pause> {
        self.kept.iter().map(|kept| &kept.pause)
    }

    /// Whether a row is paused, as far as can be told without opening it.
    pub(crate) fn holds_row(&self, row: &queue_entry::Model, now: Timestamp) -> bool {
        self.kept.iter().any(|kept| {
            let Pause { account, domain, provider: None, recipient: false, .. } = &kept.pause else {
                return false;
            };
            kept.pause.holds(now)
                && account.is_none_or(|account| account.to_row() == row.account)
                && domain.is_none_or(|domain| domain.to_row() == row.domain)
                && kept.destination.as_ref().is_none_or(|destination| *destination == row.destination)
        })
    }

    /// When the next pause ends by itself.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.pauses().filter_map(|pause| pause.until).min()
    }

    /// Whether an entry that is open is paused, as far as the store can tell.
    pub(crate) fn holds(&self, store: &Store, entry: &LeasedEntry) -> bool {
        let envelope = entry.envelope.open(&STORE);
        let leaving = Leaving {
            account: entry.account,
            domain: entry.domain,
            to: &entry.recipient_domain,
            recipient: &envelope.recipient,
            provider: None,
        };
        let now = store.inner.clock.now();
        self.kept.iter().any(|kept| kept.fits(&store.inner.keyring, &leaving, now))
    }

    /// Whether somebody's address has to be compared.
    pub(crate) fn names_recipients(&self) -> bool {
        self.kept.iter().any(|kept| kept.recipient.is_some())
    }
}

impl Kept {
    pub(super) fn new(pause: Pause, row: &queue_pause::Model, pepper: Option<Arc<Pepper>>) -> Self {
        Self {
            pause,
            destination: row.destination.clone(),
            recipient: row.recipient_hash.clone().map(|hash| (pepper, hash)),
        }
    }

    fn fits(&self, keyring: &Keyring, leaving: &Leaving<'_>, now: Timestamp) -> bool {
        let Pause { account, domain, provider, .. } = &self.pause;
        let is_the_recipient = |(pepper, hash): &(Option<Arc<Pepper>>, Vec<u8>)| match pepper {
            Some(pepper) => address_hash(pepper, leaving.recipient) == *hash,
            None => keyring.destination_hash(&canonical(leaving.recipient)) == *hash,
        };
        self.pause.holds(now)
            && account.is_none_or(|account| account == leaving.account)
            && domain.is_none_or(|domain| domain == leaving.domain)
            && provider.as_ref().is_none_or(|provider| Some(provider.as_str()) == leaving.provider)
            && self.destination.as_ref().is_none_or(|hash| keyring.destination_hash(leaving.to) == *hash)
            && self.recipient.as_ref().is_none_or(is_the_recipient)
    }
}

//! Asking what delivery does, and having it let go of what waits: for operators' commands and for the API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::task::JoinSet;
use waxseal_model::{RecipientId, Timestamp};
use waxseal_store::{
    StoreError,
    queue::{Batch, Bulk, LeaseId, LeasedEntry, QueueEntry, QueueFilter},
    sources::Counted,
};

use crate::{
    board::{Full, Route, Standing},
    open::mail_hosts,
    outcome::release,
    relays::Going,
    service::Shared,
    under_way::Attempted,
    warm_up::OTHERS,
};

/// Destinations that are asked about at most when somebody names a provider.
const DESTINATIONS: usize = 20_000;
/// Questions to the DNS at once.
const AT_ONCE: usize = 32;
/// How long that may take.
const WITHIN: Duration = Duration::from_secs(60);

/// A way to running delivery. Cheap to clone; does not keep it running.
#[derive(Clone)]
pub struct View(Weak<Shared>);

/// Which of the recipients' domains that something waits for are a provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Providers {
    /// These.
    Domains(Vec<String>),
    /// No provider of the table is called like this.
    Unknown,
    /// Something waits for so many domains that they cannot all be asked about now.
    TooMany,
    /// Nothing is delivered here.
    Stopped,
}

/// Whether it waits for a relay.
pub(crate) type ByRelay = bool;

/// What an entry is to delivery.
pub(crate) enum Seen {
    /// It is being attempted.
    Attempted(Attempted),
    /// It waits here, or for a place here, with others to the same destination.
    Waits(Standing, ByRelay),
    /// There is no place for more in memory.
    Full(Full),
    /// It is taken from the store next.
    Next,
    /// It was taken, and nobody here has it.
    Strange,
}

/// What was found of a provider last, for those who go on.
#[derive(Default)]
pub(crate) struct SortedOut(Mutex<Option<(String, Vec<String>)>>);

impl SortedOut {
    fn known(&self, provider: &str) -> Option<Vec<String>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(of, _)| of == provider).map(|(_, domains)| domains.clone())
    }

    fn keep(&self, provider: &str, domains: &[String]) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((provider.to_owned(), domains.to_vec()));
    }
}

impl View {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.0.upgrade().filter(|shared| !shared.stopping.is_cancelled())
    }

    /// What addresses that warm up sent today, if something is delivered.
    pub fn sent_today(&self) -> Option<Vec<Counted>> {
        let shared = self.shared()?;
        Some(shared.counts.of_day(shared.clock.now().day()))
    }

    /// Whether something is delivered.
    pub fn is_running(&self) -> bool {
        self.shared().is_some()
    }

    /// Does something to the next entries of a selection, as [`waxseal_store::Store::bulk`]; those that wait here for a
    /// connection are given up for it. `None`: nothing is delivered here.
    ///
    /// # Errors
    /// The store does not answer: nothing was done to this page, or all of it.
    pub async fn bulk(&self, what: Bulk, filter: &QueueFilter) -> Option<Result<Batch, StoreError>> {
        let shared = self.shared()?;
        let given: Mutex<Vec<LeasedEntry>> = Mutex::default();
        let back = |entries: &[RecipientId]| give_back(&shared, entries, &given);
        let batch = shared.store.bulk(what, filter, back).await;
        // Whatever came of it: they are nobody's here any more, and those that are still there are free.
        let given = given.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !given.is_empty() {
            shared.settler.settle(given.iter().map(release).collect()).await;
        }
        Some(batch)
    }

    /// The recipients' domains with something in the queue that are this provider's: the DNS is asked about each, anew
    /// unless it `goes_on` with what was asked before.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn domains_of(&self, provider: &str, goes_on: bool) -> Result<Providers, StoreError> {
        let Some(shared) = self.shared() else { return Ok(Providers::Stopped) };
        if let Some(known) = shared.sorted_out.known(provider).filter(|_| goes_on) {
            return Ok(Providers::Domains(known));
        }
        if !shared.config.shaping.entries().any(|entry| &*entry.name == provider) {
            return Ok(Providers::Unknown);
        }
        let Some(domains) = shared.store.queue_destinations(DESTINATIONS).await? else {
            return Ok(Providers::TooMany);
        };
        let asked = tokio::time::timeout(WITHIN, sort_out(&shared, domains, provider)).await;
        let Ok(domains) = asked else { return Ok(Providers::TooMany) };
        shared.sorted_out.keep(provider, &domains);
        Ok(Providers::Domains(domains))
    }

    /// What an entry is to delivery now; `None`: nothing is delivered here.
    pub(crate) fn see(&self, entry: &QueueEntry, now: Timestamp) -> Option<Seen> {
        let shared = self.shared()?;
        if let Some(attempted) = shared.under_way.of(entry.id) {
            return Some(Seen::Attempted(attempted));
        }
        let board = shared.board();
        let ours = board.lease(entry.id).is_some();
        let known = board.provider_of(&entry.recipient_domain, now);
        let (name, by_relay) = destination(&shared, entry, known.as_ref(), now);
        // It may have been put elsewhere since.
        let name = board.destination(entry.id).unwrap_or(name);
        Some(match (board.standing(&name, entry.account, now), board.is_full(entry.account)) {
            (_, Some(full)) if !ours && !entry.in_flight => Seen::Full(full),
            (Some(standing), _) if ours || !entry.in_flight => Seen::Waits(standing, by_relay),
            (None, _) if !ours && !entry.in_flight => Seen::Next,
            // It has just been taken, or has just been done with.
            (None, _) if ours => Seen::Next,
            _ => Seen::Strange,
        })
    }

    /// The provider that an entry goes to, if that is known.
    pub(crate) fn provider(&self, entry: &QueueEntry, now: Timestamp) -> Option<Arc<str>> {
        let shared = self.shared()?;
        let known = shared.board().provider_of(&entry.recipient_domain, now);
        let (_, by_relay) = destination(&shared, entry, known.as_ref(), now);
        known.flatten().filter(|_| !by_relay)
    }
}

/// The name under which entries like this one wait, and whether that is a relay. `known`: whose servers they go to.
fn destination(
    shared: &Shared,
    entry: &QueueEntry,
    known: Option<&Option<Arc<str>>>,
    now: Timestamp,
) -> (Arc<str>, ByRelay) {
    let to = known.map(|provider| provider.as_deref().unwrap_or(OTHERS));
    match shared.relays.last().route(&Going::waiting(entry), to, (&shared.counts, now)) {
        Ok(route) => (route.name().into(), matches!(route, Route::Relay(_))),
        Err(_) => (entry.recipient_domain.as_str().into(), false),
    }
}

/// Takes those of these entries back that wait for a connection; with the leases that prove that they are ours.
fn give_back(
    shared: &Shared,
    entries: &[RecipientId],
    given: &Mutex<Vec<LeasedEntry>>,
) -> Vec<(RecipientId, LeaseId)> {
    let mut board = shared.board();
    let mut wanted: HashMap<RecipientId, LeaseId> =
        entries.iter().filter_map(|entry| Some((*entry, board.lease(*entry)?))).collect();
    let recalled = board.recall(|entry, _| wanted.contains_key(&entry.id));
    drop(board);
    wanted.retain(|id, _| recalled.iter().any(|entry| entry.id == *id));
    given.lock().unwrap_or_else(PoisonError::into_inner).extend(recalled);
    wanted.into_iter().collect()
}

/// Those of these domains whose mail servers are all the provider's.
async fn sort_out(shared: &Arc<Shared>, domains: Vec<String>, provider: &str) -> Vec<String> {
    let (mut asking, mut found) = (JoinSet::new(), Vec::new());
    let mut domains = domains.into_iter();
    loop {
        while asking.len() < AT_ONCE
            && let Some(domain) = domains.next()
        {
            let shared = Arc::clone(shared);
            asking.spawn(async move {
                let hosts = mail_hosts(&shared, &domain).await.unwrap_or_default();
                let entry = shared.config.shaping.find(hosts.iter().map(|host| host.name.as_str()));
                let name = entry.filter(|_| !hosts.is_empty()).map(|entry| Arc::clone(&entry.name));
                (domain, name)
            });
        }
        match asking.join_next().await {
            None => return found,
            Some(Ok((domain, Some(name)))) if &*name == provider => found.push(domain),
            Some(_) => {}
        }
    }
}

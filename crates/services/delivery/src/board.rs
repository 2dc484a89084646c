//! What is in memory: entries by destination, waiting or under way, and the connections for them.
//!
//! Only names and leases live here, never content. A destination that is slow fills its own place and
//! no other: what does not fit goes back to the store.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use tokio::sync::Notify;
use waxseal_model::{MessageId, RecipientId, Timestamp};
use waxseal_smtp::client::Credentials;
use waxseal_store::queue::{LeaseId, LeasedEntry};

use crate::{
    config::Limits,
    open::{NoLine, TlsNeed},
    relay::Relay,
};

/// Where entries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the mail servers of a domain.
    Domain(String),
    /// To the relay.
    Relay(Relay),
    /// Into the inbox of a sandbox domain.
    Captured,
}

impl Route {
    /// The name under which entries of this route wait.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Domain(domain) => domain,
            // No domain is called like these.
            Self::Relay(_) => "(relay)",
            Self::Captured => "(inbox)",
        }
    }

    pub(crate) const fn port(&self, port: u16) -> u16 {
        match self {
            Self::Relay(relay) => relay.port,
            Self::Domain(_) | Self::Captured => port,
        }
    }

    pub(crate) const fn implicit_tls(&self) -> bool {
        matches!(self, Self::Relay(Relay { implicit_tls: true, .. }))
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        match self {
            Self::Relay(relay) => relay.credentials.clone(),
            Self::Domain(_) | Self::Captured => None,
        }
    }

    /// What the route itself asks of TLS: credentials leave this machine only to a server that has
    /// proved its name.
    pub(crate) fn tls_need(&self, address: IpAddr) -> TlsNeed {
        match self {
            Self::Relay(relay) if relay.credentials.is_some() && !address.is_loopback() => TlsNeed::Verified,
            Self::Relay(relay) if relay.implicit_tls => TlsNeed::Encrypted,
            Self::Relay(_) | Self::Domain(_) | Self::Captured => TlsNeed::Opportunistic,
        }
    }
}

/// Entries of one message that go out in one transaction. Its addresses stay sealed.
pub(crate) struct Job {
    pub(crate) message: MessageId,
    pub(crate) entries: Vec<LeasedEntry>,
    /// Fingerprint of the reverse path: only entries with the same one share a transaction.
    reverse_path: String,
}

/// One destination.
struct Destination {
    route: Route,
    waiting: VecDeque<Job>,
    /// Recipients in `waiting`.
    recipients: usize,
    connections: usize,
    idle: usize,
    /// Connections that are planned and have not asked for work yet.
    fresh: usize,
    /// It had so much waiting that the scheduler passed it over.
    skipped: bool,
    work: Arc<Notify>,
    /// It could not be reached just now: everybody shares that until this time.
    down: Option<(Timestamp, NoLine)>,
    /// The last try to connect failed: one connection at a time until one succeeds.
    troubled: bool,
}

/// All destinations.
pub(crate) struct Board {
    destinations: HashMap<String, Destination>,
    /// Entries that are ours, with the lease that proves it.
    held: HashMap<RecipientId, LeaseId>,
    connections: usize,
    /// There was no room for anything more.
    full: bool,
    limits: Limits,
}

/// What a worker finds when it asks for work.
pub(crate) enum Work {
    /// A message to send.
    Job(Job),
    /// A message that need not be tried: the destination was found unreachable a moment ago.
    Hopeless(Job, NoLine),
    /// Nothing now.
    Nothing,
}

impl Board {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { destinations: HashMap::new(), held: HashMap::new(), connections: 0, full: false, limits }
    }

    /// How many more entries may be taken from the store.
    pub(crate) fn room(&mut self) -> usize {
        let room = self.limits.leased.saturating_sub(self.held.len());
        self.full = room == 0;
        room
    }

    /// How many entries are ours.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// How many connections there are.
    pub(crate) const fn connections(&self) -> usize {
        self.connections
    }

    /// Destinations with enough waiting: no more of them for now.
    pub(crate) fn saturated(&mut self) -> Vec<String> {
        let enough = self.limits.waiting_per_destination.min(self.fair_share());
        let full =
            |place: &&mut Destination| matches!(place.route, Route::Domain(_)) && place.recipients >= enough;
        let skip = |place: &mut Destination| {
            place.skipped = true;
            place.route.name().into()
        };
        self.destinations.values_mut().filter(full).map(skip).collect()
    }

    /// What every destination may hold when many hold a lot.
    fn fair_share(&self) -> usize {
        (self.limits.leased / 2 / self.destinations.len().max(1)).max(self.limits.per_destination)
    }

    /// Takes in an entry; gives it back if its destination has no room. An entry that we hold already
    /// (its lease ran out, or the clock jumped) only renews its lease.
    pub(crate) fn add(
        &mut self,
        route: Route,
        entry: LeasedEntry,
        reverse_path: &str,
    ) -> Option<LeasedEntry> {
        if let Some(lease) = self.held.get_mut(&entry.id) {
            *lease = entry.lease;
            return None;
        }
        let fair_share = self.fair_share();
        let limits = &self.limits;
        let bounded = matches!(route, Route::Domain(_));
        let place = self.destinations.entry(route.name().into()).or_insert_with(|| Destination::new(route));
        if bounded && place.recipients >= fair_share {
            return Some(entry);
        }
        self.held.insert(entry.id, entry.lease);
        place.recipients += 1;
        if let Some(job) = place.waiting.back_mut()
            && job.message == entry.message
            && job.reverse_path == reverse_path
            && job.entries.len() < limits.recipients_per_transaction
        {
            job.entries.push(entry);
            return None;
        }
        let job = Job { message: entry.message, entries: vec![entry], reverse_path: reverse_path.into() };
        place.waiting.push_back(job);
        place.work.notify_one();
        None
    }

    /// The lease under which an entry is ours.
    pub(crate) fn lease(&self, entry: RecipientId) -> Option<LeaseId> {
        self.held.get(&entry).copied()
    }

    /// Entries are settled, or nobody's business any more. Whether there is room again.
    pub(crate) fn forget(&mut self, entries: impl IntoIterator<Item = RecipientId>) -> bool {
        for entry in entries {
            self.held.remove(&entry);
        }
        self.full && self.held.len() <= self.limits.leased / 2
    }

    /// Destinations that get another connection now, counted as made. Those without any come first.
    pub(crate) fn plan(&mut self) -> Vec<Route> {
        let mut planned = Vec::new();
        for round in 0..self.limits.per_destination {
            let free = self.limits.connections.saturating_sub(self.connections);
            // The last quarter is for destinations that have no connection yet.
            let free = if round == 0 { free } else { free.saturating_sub(self.limits.connections / 4) };
            let mut troubled_free = self.troubled_room();
            let per_destination = self.limits.per_destination;
            let wanting =
                self.destinations.values_mut().filter(|place| place.wants_more(round, per_destination));
            let mut added = 0;
            for place in wanting {
                if added == free {
                    break;
                }
                if place.troubled {
                    if troubled_free == 0 {
                        continue;
                    }
                    troubled_free -= 1;
                }
                place.connections += 1;
                place.fresh += 1;
                added += 1;
                planned.push(place.route.clone());
            }
            self.connections += added;
        }
        planned
    }

    /// Half of the connections at most are spent on destinations that do not answer.
    fn troubled_room(&self) -> usize {
        let used: usize =
            self.destinations.values().filter(|place| place.troubled).map(|place| place.connections).sum();
        (self.limits.connections / 2).max(1).saturating_sub(used)
    }

    /// Whether work waits that no connection is free for.
    pub(crate) fn is_starved(&self) -> bool {
        self.connections >= self.limits.connections
            && self.destinations.values().any(|place| place.connections == 0 && !place.waiting.is_empty())
    }

    /// The next work for a connection to `route` (`fresh`: it asks for the first time), and whether
    /// the destination wants more from the store.
    pub(crate) fn take(&mut self, route: &Route, fresh: bool, now: Timestamp) -> (Work, bool) {
        let Some(place) = self.destinations.get_mut(route.name()) else { return (Work::Nothing, false) };
        place.fresh = place.fresh.saturating_sub(usize::from(fresh));
        let Some(job) = place.waiting.pop_front() else { return (Work::Nothing, false) };
        place.recipients = place.recipients.saturating_sub(job.entries.len());
        let refill = place.skipped && place.recipients <= self.limits.waiting_per_destination / 2;
        if refill {
            place.skipped = false;
        }
        let work = match &place.down {
            Some((until, no_line)) if now < *until => Work::Hopeless(job, no_line.clone()),
            _ => Work::Job(job),
        };
        (work, refill)
    }

    /// A connection has nothing to do (`true`) or something again.
    pub(crate) fn idle(&mut self, route: &Route, idle: bool) -> Arc<Notify> {
        let place =
            self.destinations.entry(route.name().into()).or_insert_with(|| Destination::new(route.clone()));
        place.idle = if idle { place.idle + 1 } else { place.idle.saturating_sub(1) };
        Arc::clone(&place.work)
    }

    /// A try to connect succeeded (`None`) or failed, for everybody until a time.
    pub(crate) fn reached(&mut self, route: &Route, failed: Option<(Timestamp, NoLine)>) {
        if let Some(place) = self.destinations.get_mut(route.name()) {
            place.troubled = failed.is_some();
            place.down = failed;
        }
    }

    /// A connection is gone.
    pub(crate) fn hang_up(&mut self, route: &Route) {
        self.connections = self.connections.saturating_sub(1);
        if let Some(place) = self.destinations.get_mut(route.name()) {
            place.connections = place.connections.saturating_sub(1);
            if place.connections == 0 && place.waiting.is_empty() && !place.troubled {
                self.destinations.remove(route.name());
            }
        }
    }

    /// Forgets destinations with nothing to do.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        let down = |place: &Destination| place.down.as_ref().is_some_and(|(until, _)| now < *until);
        self.destinations
            .retain(|_, place| place.connections > 0 || !place.waiting.is_empty() || down(place));
    }

    /// Takes back entries that wait, as asked.
    pub(crate) fn recall(&mut self, mut asked: impl FnMut(RecipientId) -> bool) -> Vec<LeasedEntry> {
        let mut recalled = Vec::new();
        for place in self.destinations.values_mut() {
            for job in &mut place.waiting {
                recalled.extend(job.entries.extract_if(.., |entry| asked(entry.id)));
            }
            place.waiting.retain(|job| !job.entries.is_empty());
            place.recipients = place.waiting.iter().map(|job| job.entries.len()).sum();
        }
        recalled
    }

    /// Everything that still waits.
    pub(crate) fn drain(&mut self) -> Vec<LeasedEntry> {
        let jobs = self.destinations.values_mut().flat_map(|place| std::mem::take(&mut place.waiting));
        jobs.flat_map(|job| job.entries).collect()
    }
}

impl Destination {
    fn new(route: Route) -> Self {
        Self {
            route,
            waiting: VecDeque::new(),
            recipients: 0,
            connections: 0,
            idle: 0,
            fresh: 0,
            skipped: false,
            work: Arc::default(),
            down: None,
            troubled: false,
        }
    }

    /// Whether it wants another connection, having `round` or fewer of them.
    fn wants_more(&self, round: usize, per_destination: usize) -> bool {
        let limit = if self.troubled { 1 } else { per_destination };
        self.connections <= round && self.connections < limit && self.waiting.len() > self.idle + self.fresh
    }
}

//! What is in memory: entries by destination, waiting or under way, and the connections for them.
//!
//! Names and leases live here, and what came along with a message just accepted. Who shares connections and limits is in
//! [`lane`].
//!
//! What one account has for one destination is a flow. One that is slow fills its own place and no other: what does not
//! fit goes back to the store. Within a lane accounts take turns, an account's flows take turns among themselves, and
//! within a flow its sending domains do; so whoever has little waits for one message of each other account, not for all
//! that they have. What an account may have of the board is in [`shares`].

mod back;
mod bounds;
mod elsewhere;
mod heard;
mod lane;
mod pace;
mod rate;
mod route;
mod shares;
mod standing;
#[cfg(test)]
mod tests;
mod tokens;
mod turns;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use tokio::sync::Notify;
use waxseal_model::{AccountId, DomainId, MessageId, RecipientId, Timestamp};
use waxseal_store::queue::{Flow as FlowName, HandedMessage, LeaseId, LeasedEntry, PassedOver};

use self::{
    bounds::Overrides,
    lane::{Known, Lane, Provider, ProviderKey},
    pace::Pace,
    rate::Rate,
    shares::{Rounds, Shares},
    turns::Turns,
};
pub(crate) use self::{
    heard::{Follows, Said},
    lane::LaneKey,
    route::{Route, Target},
    standing::{Full, Standing, Whose},
};
use crate::{
    config::Limits,
    open::NoLine,
    shaping::{Bounds, Place},
    sources::{LeavesFrom, Origin},
};

/// How long what the DNS said about a domain's mail servers decides whom it shares connections with.
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// Messages that a connection carries before it makes room for others that have none.
const TURN: u32 = 20;

/// Entries of one message that go out in one transaction. Its addresses stay sealed.
pub(crate) struct Job {
    pub(crate) message: MessageId,
    pub(crate) entries: Vec<LeasedEntry>,
    /// What would be asked of the store, if it came along.
    pub(crate) handed: Option<Arc<HandedMessage>>,
    /// Fingerprint of the reverse path: only entries with the same one share a transaction.
    reverse_path: String,
}

impl Job {
    /// One entry by itself.
    pub(crate) fn alone(entry: LeasedEntry) -> Self {
        let reverse_path = entry.envelope.open(&crate::outcome::ACCESS).reverse_path.clone();
        Self { message: entry.message, entries: vec![entry], handed: None, reverse_path }
    }

    /// Whether an entry goes along in the same transaction, of so many recipients at most.
    fn takes(&self, entry: &LeasedEntry, reverse_path: &str, most: usize) -> bool {
        // What was tried is tried alone: it may have been refused for what went along.
        let is_first_try = |entry: &LeasedEntry| entry.attempts == 0;
        is_first_try(entry)
            && self.entries.first().is_some_and(is_first_try)
            // Notifications are for one: widely used servers refuse one for several at DATA, for all of them.
            && !reverse_path.is_empty()
            && self.message == entry.message
            && self.reverse_path == reverse_path
            && self.entries.len() < most
    }
}

/// One destination that has something to do.
struct Destination {
    name: Arc<str>,
    route: Route,
    lane: LaneKey,
    flows: BTreeMap<AccountId, Flow>,
}

/// What one account has for one destination: its sending domains take turns.
#[derive(Default)]
struct Flow {
    waiting: Turns<DomainId, Job>,
    /// Recipients in `waiting`.
    recipients: usize,
    /// It had so much waiting that the scheduler passed it over.
    skipped: bool,
}

/// That an entry is ours.
struct Hold {
    lease: LeaseId,
    account: AccountId,
    /// The destination that it was put to.
    name: Arc<str>,
}

/// All destinations. What is gone through is kept in order, so that equals take the same turns each time.
pub(crate) struct Board {
    destinations: BTreeMap<String, Destination>,
    lanes: BTreeMap<LaneKey, Lane>,
    providers: BTreeMap<ProviderKey, Provider>,
    known: Known,
    /// What operators changed of the limits of providers.
    overrides: Overrides,
    /// Flows of all destinations.
    flows: usize,
    /// Entries that are ours.
    held: HashMap<RecipientId, Hold>,
    /// What each account has of them.
    shares: Shares,
    connections: usize,
    /// Lanes that wait without a connection and could have one, as of the last plan.
    starved: usize,
    /// Counts connections that were planned, so that lanes get them in turn.
    planned: u64,
    /// Counts messages that were taken, so that lanes of a provider with a rate get them in turn.
    taken: u64,
    /// When somebody wakes the lanes that wait for their provider's rate.
    rate_due: Option<Timestamp>,
    /// There was no room for anything more.
    full: bool,
    limits: Limits,
}

/// What a worker finds when it asks for work.
pub(crate) enum Work {
    /// A message to send there; the connection may be one that carried so many messages at most.
    Job(Job, Route, u32),
    /// A message that need not be tried: the destination was found unreachable a moment ago.
    Hopeless(Job, Route, NoLine),
    /// Nothing now.
    Nothing,
    /// The connection is one too many.
    Leave,
}

/// What the scheduler is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    /// To plan connections anew.
    Plan,
    /// To look into the queue for more, and to plan.
    Refill,
}

/// Whom an idle connection listens to.
pub(crate) struct Calls {
    /// There is work.
    pub(crate) work: Arc<Notify>,
    /// Others of the provider want its place.
    pub(crate) spare: Arc<Notify>,
}

impl Board {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            destinations: BTreeMap::new(),
            lanes: BTreeMap::new(),
            providers: BTreeMap::new(),
            known: Known::default(),
            overrides: Overrides::default(),
            flows: 0,
            held: HashMap::new(),
            shares: Shares::default(),
            connections: 0,
            starved: 0,
            planned: 0,
            taken: 0,
            rate_due: None,
            full: false,
            limits,
        }
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

    /// Who has enough: no more of them for now. Where a domain's own relay has, all of the domain waits; where an account's
    /// has, all of the account.
    pub(crate) fn saturated(&mut self) -> PassedOver {
        let enough = self.limits.waiting_per_destination.min(self.fair_share());
        let (mut flows, mut accounts) = (Vec::new(), self.shares.full(self.free()));
        let mut domains = Vec::new();
        for place in self.destinations.values_mut().filter(|place| place.route.is_bounded()) {
            for (account, flow) in place.flows.iter_mut().filter(|(_, flow)| flow.recipients >= enough) {
                flow.skipped = true;
                match &place.route {
                    Route::Domain(target) => {
                        flows.push(FlowName { account: *account, recipient_domain: target.domain.clone() });
                    }
                    Route::Relay(relay) => match relay.owner.and_then(|owner| owner.domain) {
                        Some(domain) => domains.push((*account, domain)),
                        None => accounts.push(*account),
                    },
                    Route::Captured => {}
                }
            }
        }
        PassedOver { accounts, domains, flows }
    }

    /// What every flow may hold when many hold a lot.
    fn fair_share(&self) -> usize {
        (self.limits.leased / 2 / self.flows.max(1)).max(self.limits.per_destination)
    }

    /// How many more entries have room.
    fn free(&self) -> usize {
        self.limits.leased.saturating_sub(self.held.len())
    }

    /// An entry that we hold already (its lease ran out, or the clock jumped) goes on under the new lease; whether it is one.
    pub(crate) fn renew(&mut self, entry: RecipientId, lease: LeaseId) -> bool {
        self.held.get_mut(&entry).map(|hold| hold.lease = lease).is_some()
    }

    /// Whether an entry is ours.
    pub(crate) fn holds(&self, entry: RecipientId) -> bool {
        self.held.contains_key(&entry)
    }

    /// Takes in an entry; gives it back if its flow has no room.
    pub(crate) fn add(
        &mut self,
        route: Route,
        (entry, handed): (LeasedEntry, Option<&Arc<HandedMessage>>),
        reverse_path: &str,
        now: Timestamp,
    ) -> Option<LeasedEntry> {
        if self.renew(entry.id, entry.lease) {
            return None;
        }
        let (account, domain) = (entry.account, entry.domain);
        let bounded = route.is_bounded();
        let name = route.name().to_owned();
        let flow = self.destinations.get(&name).and_then(|place| place.flows.get(&account));
        if bounded && flow.is_some_and(|flow| flow.recipients >= self.fair_share()) {
            return Some(entry);
        }
        self.shares.hold(account);
        if !self.destinations.contains_key(&name) {
            let lane = self.enter_lane(&route, now);
            let flows = BTreeMap::new();
            let place = Destination { name: name.as_str().into(), route, lane, flows };
            self.destinations.insert(name.clone(), place);
        }
        // It was just put there.
        let Some(place) = self.destinations.get_mut(&name) else { return Some(entry) };
        self.held.insert(entry.id, Hold { lease: entry.lease, account, name: Arc::clone(&place.name) });
        let lane = self.lanes.get_mut(&place.lane);
        let flow = place.flows.entry(account).or_default();
        flow.recipients += 1;
        let most = self.limits.recipients_per_transaction;
        if let Some(job) = flow.waiting.youngest(domain).filter(|job| job.takes(&entry, reverse_path, most)) {
            job.entries.push(entry);
            return None;
        }
        let is_new = flow.waiting.is_empty();
        let job = Job {
            message: entry.message,
            entries: vec![entry],
            handed: handed.cloned(),
            reverse_path: reverse_path.into(),
        };
        flow.waiting.push(domain, job);
        self.flows += usize::from(is_new);
        if let Some(lane) = lane {
            if is_new {
                lane.turn.push(account, name);
            }
            lane.jobs += 1;
            lane.work.notify_one();
        }
        None
    }

    /// The lane of a destination that gets something to do.
    fn enter_lane(&mut self, route: &Route, now: Timestamp) -> LaneKey {
        let (name, from) = match route {
            Route::Domain(target) => (&*target.domain, target.from.clone()),
            Route::Relay(_) | Route::Captured => (route.name(), None),
        };
        let known = self.known.lane(name, &from, now).filter(|lane| self.lanes.contains_key(lane));
        let key = known.unwrap_or_else(|| LaneKey::Alone(name.to_owned(), from));
        if !self.lanes.contains_key(&key) {
            let provider = ProviderKey::Lane(key.clone());
            let bounds = match route {
                Route::Relay(_) => Bounds { connections: Some(self.limits.per_relay), ..Bounds::default() },
                Route::Domain(_) | Route::Captured => Bounds::default(),
            };
            let unknown = matches!(route, Route::Domain(_));
            self.add_lane(key.clone(), provider, (unknown, bounds), now);
        }
        key
    }

    fn add_lane(
        &mut self,
        key: LaneKey,
        provider: ProviderKey,
        (unknown, table): (bool, Bounds),
        now: Timestamp,
    ) {
        let limits = &self.limits;
        let bounds = self.overrides.over(table, &provider, now);
        let most = bounds.connections.map_or(limits.per_destination, |most| most as usize);
        self.providers.entry(provider.clone()).or_insert_with(|| Provider {
            table,
            pace: Pace::new(most),
            rate: bounds.messages_per_minute.map(Rate::new),
            messages_per_connection: bounds.messages_per_connection.unwrap_or(limits.messages_per_connection),
            connections: 0,
            leaving: 0,
            starved: 0,
            spare: Arc::default(),
        });
        self.lanes.insert(key, Lane::new(provider, unknown));
    }

    /// The domain that a connection has to ask the DNS about before anything else.
    pub(crate) fn unknown(&self, lane: &LaneKey) -> Option<String> {
        match lane {
            LaneKey::Alone(domain, _) if self.lanes.get(lane)?.unknown => Some(domain.clone()),
            LaneKey::Alone(..) | LaneKey::Servers(..) => None,
        }
    }

    /// The mail servers of the domain of a lane are known: what waits for it, and the connection that found out, go over to
    /// the lane of those servers. Which that is.
    pub(crate) fn found(&mut self, alone: &LaneKey, place: Place, now: Timestamp) -> LaneKey {
        let LaneKey::Alone(domain, from) = alone else { return alone.clone() };
        let key = LaneKey::Servers(Arc::clone(&place.servers), from.clone());
        let servers = (place.servers, place.provider.clone());
        if !self.lanes.contains_key(&key) {
            let provider = match place.provider {
                Some(entry) => ProviderKey::Entry(entry, address(from)),
                None => ProviderKey::Lane(LaneKey::Servers(Arc::clone(&servers.0), alone_from(from))),
            };
            self.add_lane(key.clone(), provider, (false, place.bounds), now);
        }
        self.known.note(domain.to_owned(), servers, now + KNOWN_FOR, now);
        let Some(left) = self.lanes.remove(alone) else { return key };
        self.count_provider(&left.provider, |provider| provider.connections -= left.connections);
        let Some(lane) = self.lanes.get_mut(&key) else { return key };
        lane.connections += left.connections;
        lane.fresh += left.fresh;
        lane.jobs += left.jobs;
        lane.turn.append(left.turn);
        (0..left.jobs).for_each(|_| lane.work.notify_one());
        let provider = lane.provider.clone();
        self.count_provider(&provider, |provider| provider.connections += left.connections);
        if let Some(place) = self.destinations.get_mut(&Target::name_of(domain, from)) {
            place.lane = key.clone();
        }
        key
    }

    fn count_provider(&mut self, name: &ProviderKey, count: impl FnOnce(&mut Provider)) {
        if let Some(provider) = self.providers.get_mut(name) {
            count(provider);
        }
    }

    /// The lease under which an entry is ours.
    pub(crate) fn lease(&self, entry: RecipientId) -> Option<LeaseId> {
        self.held.get(&entry).map(|hold| hold.lease)
    }

    /// The destination that an entry was put to, if it is ours.
    pub(crate) fn destination(&self, entry: RecipientId) -> Option<Arc<str>> {
        self.held.get(&entry).map(|hold| Arc::clone(&hold.name))
    }

    /// Entries are settled, or nobody's business any more. Whether there is room again, for all or for an account.
    pub(crate) fn forget(&mut self, entries: impl IntoIterator<Item = RecipientId>) -> bool {
        let mut again = false;
        for entry in entries {
            if let Some(hold) = self.held.remove(&entry) {
                again |= self.shares.release(hold.account, self.free());
            }
        }
        again || self.full && self.held.len() <= self.limits.leased / 2
    }

    /// Lanes that get another connection now, counted as made. Who has fewest comes first; of those with as many,
    /// accounts take turns; then who got one longest ago.
    pub(crate) fn plan(&mut self, now: Timestamp) -> Vec<LaneKey> {
        self.end_overrides(now);
        self.share_tokens(now);
        let mut planned = Vec::new();
        let mut free = self.limits.connections.saturating_sub(self.connections);
        let mut troubled_free = self.troubled_room();
        if free > 0 {
            let wanting = self.lanes.iter_mut().filter(|(_, lane)| lane.wants_more());
            let mut wanting: Vec<(&LaneKey, &mut Lane)> = wanting.collect();
            let (shares, mut rounds) = (&mut self.shares, Rounds::default());
            if !shares.is_one() {
                wanting.sort_unstable_by_key(|(_, lane)| (lane.connections, lane.planned));
            }
            let mut place = |index: usize, lane: &Lane, shares: &Shares| {
                let owners = lane.turn.owners();
                let (turn, account) = match shares.is_one() {
                    true => ((0, 0), None),
                    false => rounds.next(owners, |account| shares.planned(account)),
                };
                Reverse((lane.connections, turn, lane.planned, index, account))
            };
            let mut turn: BinaryHeap<_> =
                wanting.iter().enumerate().map(|(index, (_, lane))| place(index, lane, shares)).collect();
            while let Some(Reverse((connections, _, _, index, account))) = turn.pop() {
                // The last quarter is for lanes that have no connection yet.
                let kept = if connections == 0 { 0 } else { self.limits.connections / 4 };
                if free <= kept {
                    break;
                }
                let (key, lane) = &mut wanting[index];
                let Some(provider) = self.providers.get_mut(&lane.provider) else { continue };
                let troubled = usize::from(lane.troubled);
                if provider.room() == 0 || troubled > troubled_free {
                    continue;
                }
                troubled_free -= troubled;
                free -= 1;
                self.planned += 1;
                self.connections += 1;
                provider.connections += 1;
                lane.planned = self.planned;
                if let Some(account) = account {
                    shares.note_planned(account, self.planned);
                }
                lane.connections += 1;
                lane.fresh += 1;
                planned.push((*key).clone());
                if lane.wants_more() {
                    turn.push(place(index, lane, shares));
                }
            }
        }
        self.count_starved();
        planned
    }

    /// Counts the lanes that wait for a place of their provider, and asks connections that idle for theirs.
    fn count_starved(&mut self) {
        self.starved = 0;
        for provider in self.providers.values_mut() {
            provider.starved = 0;
        }
        for lane in self.lanes.values().filter(|lane| lane.is_starved()) {
            if let Some(provider) = self.providers.get_mut(&lane.provider) {
                provider.starved += 1;
                if provider.room() == 0 {
                    provider.spare.notify_one();
                } else if !lane.troubled {
                    self.starved += 1;
                }
            }
        }
        // Some are on their way out already.
        for provider in self.providers.values_mut() {
            provider.starved = provider.starved.saturating_sub(provider.leaving);
            self.starved = self.starved.saturating_sub(provider.leaving);
        }
    }

    /// Half of the connections at most are spent on lanes that do not answer.
    fn troubled_room(&self) -> usize {
        let used: usize = self.lanes.values().filter(|lane| lane.troubled).map(|lane| lane.connections).sum();
        (self.limits.connections / 2).max(1).saturating_sub(used)
    }

    /// Whether work waits that no connection is free for.
    pub(crate) fn is_starved(&self) -> bool {
        self.connections >= self.limits.connections && self.lanes.values().any(Lane::is_starved)
    }

    /// The next work for a connection of a lane that carried so many messages, and whether the scheduler is wanted: to take
    /// more from the store, or to wake others sooner than it would.
    pub(crate) fn take(&mut self, key: &LaneKey, carried: u32, now: Timestamp) -> (Work, Wanted) {
        let Some(lane) = self.lanes.get_mut(key) else { return (Work::Leave, Wanted::Nothing) };
        let fresh = carried == 0;
        lane.fresh = lane.fresh.saturating_sub(usize::from(fresh));
        let Some(provider) = self.providers.get_mut(&lane.provider) else {
            return (Work::Leave, Wanted::Nothing);
        };
        // A connection takes a while to end: those that do so count for what is left to be done, but make no room for one that
        // is not made yet.
        let leaving = if fresh { 0 } else { provider.leaving };
        let too_many = provider.connections > provider.pace.allowed() + leaving;
        let needless = fresh && lane.idle > 0 && lane.idle >= lane.jobs;
        let one_is_enough =
            lane.takes_nothing() && lane.connections > 1 + if fresh { 0 } else { lane.leaving };
        // Others of the provider have none: whoever had a turn, or has nothing to do, makes room.
        let had_turn = carried >= TURN || lane.jobs == 0;
        let owed = provider.starved > 0 && provider.room() == 0 && had_turn;
        // The same where all connections there may be are taken.
        let owed_to_any = self.starved > 0 && self.connections >= self.limits.connections && had_turn;
        if too_many || needless || one_is_enough || owed || owed_to_any {
            provider.starved = provider.starved.saturating_sub(usize::from(owed));
            self.starved = self.starved.saturating_sub(usize::from(owed_to_any));
            provider.leaving += 1;
            lane.leaving += 1;
            if lane.jobs > 0 && lane.idle > 0 {
                // It was woken for work that is another's now.
                lane.work.notify_one();
            }
            return (Work::Leave, Wanted::Nothing);
        }
        let is_down = lane.down.as_ref().is_some_and(|(until, _)| now < *until);
        // What is not sent costs nothing.
        let mut token = provider.rate.as_mut().filter(|_| lane.jobs > 0 && !is_down);
        // Tokens are others' where the last plan gave them to others.
        let waits = token.as_mut().is_some_and(|rate| lane.rated || !rate.take(now));
        let is_last = token.is_some() && lane.jobs == 1;
        let due = token.and_then(|rate| rate.due(now));
        let wakes_others = is_last || due.is_some_and(|due| self.rate_due.is_none_or(|before| due < before));
        if waits {
            return (Work::Nothing, if wakes_others { Wanted::Plan } else { Wanted::Nothing });
        }
        while let Some((account, name)) = lane.turn.pop() {
            let Some(place) = self.destinations.get_mut(&name).filter(|place| place.lane == *key) else {
                continue;
            };
            let Some(flow) = place.flows.get_mut(&account) else { continue };
            let Some((_, job)) = flow.waiting.pop() else { continue };
            lane.jobs = lane.jobs.saturating_sub(1);
            self.taken += 1;
            lane.taken = self.taken;
            self.shares.note_taken(account, self.taken);
            flow.recipients = flow.recipients.saturating_sub(job.entries.len());
            let refill = flow.skipped && flow.recipients <= self.limits.waiting_per_destination / 2;
            if refill {
                flow.skipped = false;
            }
            let route = place.route.clone();
            if !flow.waiting.is_empty() {
                lane.turn.push(account, name);
            } else {
                place.flows.remove(&account);
                self.flows = self.flows.saturating_sub(1);
                if place.flows.is_empty() {
                    self.destinations.remove(&name);
                }
            }
            let work = match &lane.down {
                Some((_, no_line)) if is_down => Work::Hopeless(job, route, no_line.clone()),
                _ => Work::Job(job, route, provider.messages_per_connection),
            };
            let wanted = match (refill, wakes_others) {
                (true, _) => Wanted::Refill,
                (false, true) => Wanted::Plan,
                (false, false) => Wanted::Nothing,
            };
            return (work, wanted);
        }
        (Work::Nothing, Wanted::Nothing)
    }

    /// A connection has nothing to do (`true`) or something again; `None` if its lane is gone.
    pub(crate) fn idle(&mut self, key: &LaneKey, idle: bool, now: Timestamp) -> Option<Calls> {
        let lane = self.lanes.get_mut(key)?;
        lane.idle = if idle { lane.idle + 1 } else { lane.idle.saturating_sub(1) };
        let provider = self.providers.get(&lane.provider)?;
        // Since it asked, tokens were given out.
        if idle
            && lane.jobs > 0
            && !lane.rated
            && provider.rate.as_ref().is_some_and(|rate| rate.tokens(now) > 0)
        {
            lane.work.notify_one();
        }
        Some(Calls { work: Arc::clone(&lane.work), spare: Arc::clone(&provider.spare) })
    }

    /// A connection is gone, as it was asked to ([`Work::Leave`]) or not.
    pub(crate) fn hang_up(&mut self, key: &LaneKey, asked: bool) {
        self.connections = self.connections.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.connections = lane.connections.saturating_sub(1);
        lane.leaving = lane.leaving.saturating_sub(usize::from(asked));
        let is_over = lane.connections == 0 && lane.jobs == 0 && !lane.troubled;
        if let Some(provider) = self.providers.get_mut(&lane.provider) {
            provider.connections = provider.connections.saturating_sub(1);
            provider.leaving = provider.leaving.saturating_sub(usize::from(asked));
        }
        if is_over {
            self.lanes.remove(key);
        }
    }

    /// Forgets lanes and providers with nothing to do, and what the DNS said too long ago.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        let down = |lane: &Lane| lane.down.as_ref().is_some_and(|(until, _)| now < *until);
        self.lanes.retain(|_, lane| lane.connections > 0 || lane.jobs > 0 || down(lane));
        let forgotten = self.known.forget(now);
        if !forgotten.is_empty() {
            let of = |place: &Destination| match &place.route {
                Route::Domain(target) => forgotten.contains(&target.domain),
                Route::Relay(_) | Route::Captured => false,
            };
            let again = self.destinations.values().filter(|place| of(place));
            let again: Vec<Arc<str>> = again.map(|place| Arc::clone(&place.name)).collect();
            for name in again {
                self.ask_again(&name, now);
            }
        }
        let (lanes, providers) = (&self.lanes, &mut self.providers);
        let used: HashSet<&ProviderKey> = lanes.values().map(|lane| &lane.provider).collect();
        providers.retain(|name, provider| used.contains(name) || provider.pace.is_remembered(now));
    }

    /// Has a destination that waits find its mail servers anew.
    fn ask_again(&mut self, name: &str, now: Timestamp) {
        let Some(mut place) = self.destinations.remove(name) else { return };
        let jobs = place.jobs();
        if let Some(lane) = self.lanes.get_mut(&place.lane) {
            lane.turn.retain(|waiting| waiting != name);
            lane.jobs = lane.jobs.saturating_sub(jobs);
        }
        place.lane = self.enter_lane(&place.route, now);
        if let Some(lane) = self.lanes.get_mut(&place.lane) {
            lane.jobs += jobs;
            place.flows.keys().for_each(|account| lane.turn.push(*account, name.to_owned()));
        }
        self.destinations.insert(name.to_owned(), place);
    }
}

/// Whose limits hold, of those of one provider: each address of ours has its own.
fn address(from: &LeavesFrom) -> Option<IpAddr> {
    from.as_ref().map(|origin| origin.main.address)
}

/// The same for a provider by itself.
fn alone_from(from: &LeavesFrom) -> LeavesFrom {
    from.as_ref().map(|origin| Arc::new(Origin::of(origin.main.clone())))
}

impl Destination {
    /// Jobs of all accounts.
    fn jobs(&self) -> usize {
        self.flows.values().map(|flow| flow.waiting.len()).sum()
    }
}

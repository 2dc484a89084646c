//! Lanes and providers: who shares connections, and who shares limits.
//!
//! Domains with the same mail servers in the same order share a lane, so that a connection carries mail for all of
//! them. Lanes of one provider share its limits. A domain whose mail servers are not known yet has a lane of its own,
//! with one connection, which begins by asking the DNS. All of this holds for each address that mail leaves from: what
//! leaves from another shares neither connections nor limits.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use tokio::sync::Notify;
use waxseal_model::{AccountId, Timestamp};

use super::{pace::Pace, rate::Rate, turns::Turns};
use crate::{open::NoLine, shaping::Bounds, sources::LeavesFrom};

/// Messages in a row that are put off before a lane is taken to put off all of them.
const LATER: u32 = 20;

/// Whose connections are shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LaneKey {
    /// One destination by itself: a relay, the inbox, or a domain whose mail servers are not known.
    Alone(String, LeavesFrom),
    /// All domains with these mail servers.
    Servers(Arc<str>, LeavesFrom),
}

/// Whose limits hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ProviderKey {
    /// Those of an entry of the table, for an address of ours.
    Entry(Arc<str>, Option<IpAddr>),
    /// Its own: a lane that is nobody's, whatever it is called.
    Lane(LaneKey),
}

/// Destinations that share connections.
pub(super) struct Lane {
    pub(super) provider: ProviderKey,
    /// Destinations with something to do, for each account that has something for them: accounts in turn.
    pub(super) turn: Turns<AccountId, String>,
    /// Jobs of all of them.
    pub(super) jobs: usize,
    pub(super) connections: usize,
    pub(super) idle: usize,
    /// Connections that are planned and have not asked for work yet.
    pub(super) fresh: usize,
    pub(super) work: Arc<Notify>,
    /// It could not be reached just now: everybody shares that until this time.
    pub(super) down: Option<(Timestamp, NoLine)>,
    /// The last try to connect failed: one connection at a time until one succeeds.
    pub(super) troubled: bool,
    /// It is not known yet where it leads: one connection finds out.
    pub(super) unknown: bool,
    /// Messages in a row to which it said "later".
    pub(super) put_off: u32,
    /// Connections that were told to leave and have not ended yet.
    pub(super) leaving: usize,
    /// Which connection of all that were planned was its last.
    pub(super) planned: u64,
    /// Which message of all that were taken was its last.
    pub(super) taken: u64,
    /// Its provider gets nothing more for now, or others of it come first: as of the last plan.
    pub(super) rated: bool,
}

impl Lane {
    pub(super) fn new(provider: ProviderKey, unknown: bool) -> Self {
        Self {
            provider,
            turn: Turns::default(),
            jobs: 0,
            connections: 0,
            idle: 0,
            fresh: 0,
            work: Arc::default(),
            down: None,
            troubled: false,
            unknown,
            put_off: 0,
            leaving: 0,
            planned: 0,
            taken: 0,
            rated: false,
        }
    }

    /// Whether it waits for a connection, and nobody sees to it.
    pub(super) const fn is_starved(&self) -> bool {
        self.connections == 0 && self.jobs > 0 && !self.rated
    }

    /// Whether it takes nothing for now: one connection at a time goes on asking. More of them would hear the same sooner,
    /// at the cost of whatever else there is to do.
    pub(super) const fn takes_nothing(&self) -> bool {
        self.put_off >= LATER
    }

    /// Whether it wants another connection.
    pub(super) const fn wants_more(&self) -> bool {
        let single = self.troubled || self.unknown || self.takes_nothing();
        (!single || self.connections == 0) && self.jobs > self.idle + self.fresh && !self.rated
    }
}

/// Lanes that share limits.
pub(super) struct Provider {
    /// What the table says.
    pub(super) table: Bounds,
    pub(super) pace: Pace,
    pub(super) rate: Option<Rate>,
    pub(super) messages_per_connection: u32,
    pub(super) connections: usize,
    /// Of those, connections that were told to leave and have not ended yet.
    pub(super) leaving: usize,
    /// Lanes of it that wait without a connection, as of the last plan.
    pub(super) starved: usize,
    /// Asks an idle connection to make room for another lane.
    pub(super) spare: Arc<Notify>,
}

impl Provider {
    /// How many more connections it takes.
    pub(super) const fn room(&self) -> usize {
        self.pace.allowed().saturating_sub(self.connections)
    }
}

/// Where domains were found to lead, for a while.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, (Servers, Timestamp)>);

/// Mail servers, and the entry of the table that they belong to.
pub(super) type Servers = (Arc<str>, Option<Arc<str>>);

impl Known {
    /// Domains remembered.
    const MOST: usize = 20_000;

    fn servers(&self, domain: &str, now: Timestamp) -> Option<&Servers> {
        self.0.get(domain).filter(|(_, until)| now < *until).map(|(servers, _)| servers)
    }

    pub(super) fn lane(&self, domain: &str, from: &LeavesFrom, now: Timestamp) -> Option<LaneKey> {
        self.servers(domain, now).map(|(servers, _)| LaneKey::Servers(Arc::clone(servers), from.clone()))
    }

    /// The provider of a domain whose servers are known, if it has one.
    pub(super) fn provider(&self, domain: &str, now: Timestamp) -> Option<Option<Arc<str>>> {
        self.servers(domain, now).map(|(_, provider)| provider.clone())
    }

    pub(super) fn note(&mut self, domain: String, servers: Servers, until: Timestamp, now: Timestamp) {
        if self.0.len() >= Self::MOST {
            self.forget(now);
            if self.0.len() >= Self::MOST {
                self.0.clear();
            }
        }
        self.0.insert(domain, (servers, until));
    }

    /// Forgets what is too old to rely on; which.
    pub(super) fn forget(&mut self, now: Timestamp) -> HashSet<String> {
        self.0.extract_if(.., |_, (_, until)| *until <= now).map(|(domain, _)| domain).collect()
    }
}

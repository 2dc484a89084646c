//! Whose mail goes by which relay: that of the domain that sends, else that of its account, else that of the instance.
//!
//! All of it is in memory, and read anew only when something changed. A relay that is set anew is another destination: what
//! waits for the one from before, and the connections that were let in there, have nothing to do with it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use waxseal_model::{
    Access, AccountId, DomainId, RecipientId, Timestamp, actor, options::SourceWish, purpose,
};
use waxseal_store::{
    Store, StoreError,
    queue::{LeasedEntry, QueueEntry},
    relay::{RelayOwner, RelayRule, RelayWay},
    sources::Sources,
};

use crate::{
    board::{Route, Target},
    config::DeliveryConfig,
    relay::Relay,
    sources::{Asking, Choice, Outbound, Wait, mixed},
    warm_up::Counts,
};

const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

/// The relay of the instance waits under this name; others have a number in it.
const OF_INSTANCE: &str = "(relay)";

/// A relay as a destination.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RelayRoute {
    /// The name of the destination: no other relay has it, nor has this one with another login.
    pub(crate) name: String,
    pub(crate) relay: Relay,
    /// Whose it is; `None`: the instance's.
    pub(crate) owner: Option<RelayOwner>,
}

/// Where mail goes.
#[derive(Debug, Clone)]
enum Way {
    Direct,
    Relay {
        route: Arc<RelayRoute>,
        /// In percent.
        share: u8,
    },
}

/// Where everybody's mail goes.
pub(crate) struct Ways {
    of_instance: Way,
    others: HashMap<RelayOwner, Way>,
    /// Where mail leaves from that goes by no relay.
    pub(crate) outbound: Arc<Outbound>,
}

/// The ways, as of the latest change.
pub(crate) struct Relays(Mutex<Known>);

struct Known {
    ways: Arc<Ways>,
    /// The store's count of changes when they were about to be read; `None`: never.
    changes: Option<u64>,
    /// Numbers that names were made of.
    named: u64,
    /// Our name and addresses, as configured.
    hostname: String,
    addresses: Vec<IpAddr>,
}

impl Relays {
    pub(crate) fn new(config: &DeliveryConfig, addresses: &[IpAddr]) -> Self {
        let of_instance = config.relay.clone().map_or(Way::Direct, |relay| Way::Relay {
            route: Arc::new(RelayRoute { name: OF_INSTANCE.into(), relay, owner: None }),
            share: config.relay_share,
        });
        let outbound = Arc::new(Outbound::new(&config.hostname, addresses, Sources::default()));
        let ways = Arc::new(Ways { of_instance, others: HashMap::new(), outbound });
        let (hostname, addresses) = (config.hostname.clone(), addresses.to_vec());
        Self(Mutex::new(Known { ways, changes: None, named: 0, hostname, addresses }))
    }

    /// The ways as they are now. The store is asked only if something changed.
    pub(crate) async fn current(&self, store: &Store) -> Result<Arc<Ways>, StoreError> {
        // Before they are read: what changes meanwhile is read again.
        let changes = store.relay_changes();
        if let Some(ways) = self.known().as_of(changes) {
            return Ok(ways);
        }
        let (rules, sources) = (store.relay_rules().await?, store.sources().await?);
        Ok(self.known().learn(rules, sources, changes))
    }

    /// The ways as they were when the store was asked last.
    pub(crate) fn last(&self) -> Arc<Ways> {
        Arc::clone(&self.known().ways)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn as_of(&self, changes: u64) -> Option<Arc<Ways>> {
        (self.changes == Some(changes)).then(|| Arc::clone(&self.ways))
    }

    /// Puts what was read in the place of what was known. A relay that is as it was stays the same destination.
    fn learn(&mut self, rules: Vec<RelayRule>, sources: Sources, changes: u64) -> Arc<Ways> {
        let mut others = HashMap::with_capacity(rules.len());
        for RelayRule { owner, way } in rules {
            let way = match read(way) {
                None => Way::Direct,
                Some((relay, share)) => Way::Relay { route: self.route(owner, relay), share },
            };
            others.insert(owner, way);
        }
        let outbound = Arc::new(Outbound::new(&self.hostname, &self.addresses, sources));
        self.ways = Arc::new(Ways { of_instance: self.ways.of_instance.clone(), others, outbound });
        self.changes = Some(changes);
        Arc::clone(&self.ways)
    }

    fn route(&mut self, owner: RelayOwner, relay: Relay) -> Arc<RelayRoute> {
        if let Some(Way::Relay { route, .. }) = self.ways.others.get(&owner)
            && route.relay == relay
        {
            return Arc::clone(route);
        }
        self.named += 1;
        let name = format!("(relay {})", self.named);
        Arc::new(RelayRoute { name, relay, owner: Some(owner) })
    }
}

/// The relay of a rule, and its share; `None` if mail goes to the recipients' servers.
fn read(way: RelayWay) -> Option<(Relay, u8)> {
    let RelayWay::Server { url, login, share } = way else {
        return (!matches!(way, RelayWay::Direct)).then(|| (Relay::nowhere(), 100));
    };
    let relay = url.open(&ACCESS).parse().unwrap_or_else(|_| Relay::nowhere());
    let login = login.map(|login| login.into_open(&ACCESS));
    Some((login.map_or(relay.clone(), |login| relay.with_login(login.user, login.password)), share))
}

impl Ways {
    /// Where an entry goes now; an error: nowhere, as no address may take it. Budgets of addresses count where it is known
    /// whose servers it goes to (`to`).
    pub(crate) fn route(
        &self,
        entry: &Going<'_>,
        to: Option<&str>,
        (counts, now): (&Counts, Timestamp),
    ) -> Result<Route, Wait> {
        if entry.capture {
            return Ok(Route::Captured);
        }
        let way = self.way(entry.whose.0, entry.whose.1);
        if let Way::Relay { route, share } = way
            && goes_by_relay(entry.id, *share)
        {
            return Ok(Route::Relay(Arc::clone(route)));
        }
        let asking = Asking { id: entry.id, whose: entry.whose, wish: entry.wish, to, now };
        match (self.outbound.choose(&asking, counts), way) {
            (Choice::From(from), _) => Ok(Route::Domain(Target::new(entry.recipient_domain, from))),
            (Choice::Relay, Way::Relay { route, .. }) => Ok(Route::Relay(Arc::clone(route))),
            (Choice::Relay, Way::Direct) => Err(Wait::no_relay()),
            (Choice::Wait(wait), _) => Err(wait),
        }
    }

    fn way(&self, account: AccountId, domain: DomainId) -> &Way {
        if self.others.is_empty() {
            return &self.of_instance;
        }
        let of = |domain| self.others.get(&RelayOwner { account, domain });
        of(Some(domain)).or_else(|| of(None)).unwrap_or(&self.of_instance)
    }
}

/// An entry, as far as it decides where it goes.
pub(crate) struct Going<'a> {
    id: RecipientId,
    whose: (AccountId, DomainId),
    wish: Option<&'a SourceWish>,
    capture: bool,
    recipient_domain: &'a str,
}

impl<'a> Going<'a> {
    /// One that is taken for an attempt.
    pub(crate) fn taken(entry: &'a LeasedEntry) -> Self {
        Self {
            id: entry.id,
            whose: (entry.account, entry.domain),
            wish: entry.envelope.open(&ACCESS).source.as_ref(),
            capture: entry.capture,
            recipient_domain: &entry.recipient_domain,
        }
    }

    /// One that nobody has taken.
    pub(crate) fn waiting(entry: &'a QueueEntry) -> Self {
        Self {
            id: entry.id,
            whose: (entry.account, entry.domain),
            wish: entry.envelope.open(&ACCESS).source.as_ref(),
            capture: entry.capture,
            recipient_domain: &entry.recipient_domain,
        }
    }
}

/// Whether an entry is among the share (in percent) that goes by a relay. Its id decides: another try goes the same way,
/// and a larger share has all of a smaller one.
fn goes_by_relay(entry: RecipientId, share: u8) -> bool {
    mixed(entry.as_u128()) % 100 < u64::from(share)
}

#[cfg(test)]
mod tests {
    use waxseal_model::{ManualClock, Sealed, SeededRandom, Timestamp};
    use waxseal_store::relay::RelayLogin;

    use super::*;

    fn server(url: &str, password: &str) -> RelayWay {
        let login = RelayLogin { user: "me".into(), password: password.into() };
        RelayWay::Server { url: Sealed::new(url.into()), login: Some(Sealed::new(login)), share: 100 }
    }

    fn known() -> Known {
        let mut config = DeliveryConfig::new("mail.example");
        config.relay = Some("smtp://instance.example".parse().expect("a relay"));
        Relays::new(&config, &[]).0.into_inner().expect("whole")
    }

    fn name(ways: &Ways, account: u128, domain: u128) -> &str {
        match ways.way(AccountId::from_u128(account), DomainId::from_u128(domain)) {
            Way::Relay { route, .. } => &route.name,
            Way::Direct => "direct",
        }
    }

    fn owner(account: u128, domain: Option<u128>) -> RelayOwner {
        RelayOwner { account: AccountId::from_u128(account), domain: domain.map(DomainId::from_u128) }
    }

    #[test]
    fn a_quarter_is_a_quarter_and_more_is_all_of_it_and_more() {
        let clock = ManualClock::at(Timestamp::from_secs(1_795_000_000));
        let random = SeededRandom::new(5);
        let by_chance: Vec<_> = (0..10_000).map(|_| RecipientId::new(&clock, &random)).collect();
        let in_turn: Vec<_> = (0..10_000).map(|number| RecipientId::from_u128(7 << 80 | number)).collect();
        for ids in [by_chance, in_turn] {
            for share in [1, 25, 50, 99] {
                let count = ids.iter().filter(|id| goes_by_relay(**id, share)).count();
                assert!(count.abs_diff(usize::from(share) * 100) <= 200, "{share} %: {count} of 10,000");
            }
            for id in ids {
                assert!(goes_by_relay(id, 100) && !goes_by_relay(id, 0));
                let turns =
                    (0..100).filter(|share| goes_by_relay(id, *share) != goes_by_relay(id, share + 1));
                assert_eq!(turns.count(), 1, "once by relay, it stays there");
            }
        }
    }

    #[test]
    fn the_nearest_relay_counts() {
        let mut known = known();
        let rules = vec![
            RelayRule { owner: owner(1, None), way: server("smtp://one.example", "p") },
            RelayRule { owner: owner(1, Some(11)), way: server("smtp://eleven.example", "p") },
            RelayRule { owner: owner(1, Some(12)), way: RelayWay::Direct },
        ];
        let ways = known.learn(rules, Sources::default(), 1);
        let names =
            [(1, 10), (1, 11), (1, 12), (2, 20)].map(|(account, domain)| name(&ways, account, domain));
        assert_eq!(names, ["(relay 1)", "(relay 2)", "direct", OF_INSTANCE]);
    }

    #[test]
    fn a_relay_with_another_login_is_another_destination_and_an_unchanged_one_is_not() {
        let mut known = known();
        let one = |password| RelayRule { owner: owner(1, None), way: server("smtp://one.example", password) };
        let two = || RelayRule { owner: owner(2, None), way: server("smtp://one.example", "old") };
        let before = known.learn(vec![one("old"), two()], Sources::default(), 1);
        assert_ne!(name(&before, 1, 1), name(&before, 2, 2), "two accounts are two destinations");
        let after = known.learn(vec![one("new"), two()], Sources::default(), 2);
        assert_ne!(name(&before, 1, 1), name(&after, 1, 1));
        assert_eq!(name(&before, 2, 2), name(&after, 2, 2));
    }

    #[test]
    fn what_cannot_be_read_is_no_way_to_somebody_else() {
        let mut known = known();
        let broken = RelayWay::Server { url: Sealed::new("?".into()), login: None, share: 1 };
        let rules = [RelayWay::Unreadable, broken].into_iter().zip(1..);
        let rules = rules.map(|(way, account)| RelayRule { owner: owner(account, None), way }).collect();
        let ways = known.learn(rules, Sources::default(), 1);
        for account in [1, 2] {
            let Way::Relay { route, .. } = ways.way(AccountId::from_u128(account), DomainId::from_u128(1))
            else {
                panic!("direct")
            };
            assert_eq!(route.relay, Relay::nowhere());
        }
    }
}

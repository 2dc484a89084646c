//! Which of our addresses mail leaves from: that which it asked for, or one of the pool of its domain, its account, or
//! everybody.
//!
//! An entry's id ranks the addresses of a pool, each as often first as its weight says. So another try leaves from the same
//! address, a pool that changes moves no more than it has to, and where the first may not take a message today the next in
//! rank does.

mod rank;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use waxseal_model::{AccountId, DomainId, RecipientId, Timestamp, options::SourceWish, time::Day};
use waxseal_store::{
    relay::RelayOwner,
    sources::{Member, Overflow, Source, Sources, WarmUp},
};

pub(crate) use self::rank::mixed;
use crate::warm_up::{self, Counts, Spent};

/// The pool of everybody whose mail has no other.
pub const DEFAULT_POOL: &str = "default";
/// Pools that are asked one after the other.
const MOST_POOLS: usize = 16;

/// An address of ours as servers see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sender {
    pub(crate) address: IpAddr,
    /// What it says in EHLO.
    pub(crate) hello: Arc<str>,
}

/// Where connections of a destination begin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) main: Sender,
    /// For servers that have no address of its kind (IPv4, IPv6).
    other: Option<Sender>,
    /// Where there is no other either, the system chooses.
    or_any: bool,
}

/// A destination's origin; `None`: the system chooses.
pub(crate) type LeavesFrom = Option<Arc<Origin>>;

/// Where a connection begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// `None`: the system chooses.
    pub(crate) address: Option<IpAddr>,
    pub(crate) hello: Arc<str>,
}

/// Where an entry may leave from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    From(LeavesFrom),
    /// By the relay that counts for its sender.
    Relay,
    /// Nowhere for now.
    Wait(Wait),
}

/// Nothing may leave for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The budget that is spent; `None`: every address of the pool is paused, or it has none.
    pub(crate) spent: Option<Spent>,
    pub(crate) pool: String,
}

/// How the reason begins of what waits for an address.
const NO_ADDRESS: &str = "no address of ";
/// When whatever waits for an address is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);

impl Wait {
    /// More than a pool may take is to go by a relay, and there is none.
    pub(crate) fn no_relay() -> Self {
        Self { spent: None, pool: "the relay".into() }
    }

    /// When it is tried again: with the next day's budget.
    pub(crate) fn until(&self, now: Timestamp) -> Timestamp {
        if self.spent.is_some() { now.day().end() } else { now + LOOK_AGAIN }
    }

    /// Why, in the place of a last reply.
    pub(crate) fn reason(&self) -> String {
        match &self.spent {
            Some(spent) => spent.to_string(),
            None => format!("{NO_ADDRESS}{} may be used", self.pool),
        }
    }

    /// The pool in such a reason.
    pub(crate) fn pool_in(reason: &str) -> Option<&str> {
        reason.strip_prefix(NO_ADDRESS)?.strip_suffix(" may be used")
    }
}

impl Origin {
    /// This address and no other.
    pub(crate) const fn of(main: Sender) -> Self {
        Self { main, other: None, or_any: false }
    }
}

/// What tells it from all others.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { main, other, or_any } = self;
        write!(f, "{main}")?;
        if let Some(other) = other {
            write!(f, " or {other}")?;
        }
        if *or_any { f.write_str(" or any") } else { Ok(()) }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.address, self.hello)
    }
}

/// Who asks.
pub(crate) struct Asking<'a> {
    pub(crate) id: RecipientId,
    pub(crate) whose: (AccountId, DomainId),
    pub(crate) wish: Option<&'a SourceWish>,
    /// The provider that it goes to, if that is known: only then budgets count.
    pub(crate) to: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// Addresses, pools, and whose mail leaves by which.
#[derive(Debug)]
pub(crate) struct Outbound {
    hostname: Arc<str>,
    known: HashMap<IpAddr, Known>,
    pools: HashMap<String, Pool>,
    assigned: HashMap<RelayOwner, String>,
    /// What servers must not call themselves.
    pub(crate) own_names: Arc<[String]>,
}

#[derive(Debug)]
struct Known {
    hello: Arc<str>,
    paused: bool,
    warm_up: Option<WarmUp>,
}

#[derive(Debug)]
struct Pool {
    members: Vec<Member>,
    overflow: Overflow,
    /// It is the list of the configuration: where it has no address of a server's kind, the system chooses.
    of_configuration: bool,
}

impl Outbound {
    /// What operators set, and the addresses of the configuration: they are the pool `default` unless there is one.
    pub(crate) fn new(hostname: &str, configured: &[IpAddr], set: Sources) -> Self {
        let hostname: Arc<str> = hostname.into();
        let plain = || Known { hello: Arc::clone(&hostname), paused: false, warm_up: None };
        let mut known: HashMap<_, _> = configured.iter().map(|address| (*address, plain())).collect();
        for Source { address, hello, paused, warm_up, .. } in set.sources {
            let hello = hello.map_or_else(|| Arc::clone(&hostname), Arc::from);
            known.insert(address, Known { hello, paused, warm_up });
        }
        let pool = |pool: waxseal_store::sources::Pool| {
            let (members, overflow) = (pool.members, pool.overflow);
            (pool.name, Pool { members, overflow, of_configuration: false })
        };
        let mut pools: HashMap<_, _> = set.pools.into_iter().map(pool).collect();
        if !configured.is_empty() {
            pools.entry(DEFAULT_POOL.into()).or_insert_with(|| Pool {
                members: configured.iter().map(|address| Member { address: *address, weight: 1 }).collect(),
                overflow: Overflow::Wait,
                of_configuration: true,
            });
        }
        let names: HashSet<&str> = known.values().map(|known| &*known.hello).chain([&*hostname]).collect();
        let own_names = names.into_iter().map(str::to_owned).collect();
        let assigned = set.assignments.into_iter().map(|it| (it.owner, it.pool)).collect();
        Self { known, pools, assigned, own_names, hostname }
    }

    /// Where an entry may leave from now.
    pub(crate) fn choose(&self, asking: &Asking<'_>, counts: &Counts) -> Choice {
        match asking.wish {
            Some(SourceWish::Address(address)) => self.exactly(*address, asking, counts),
            Some(SourceWish::Pool(pool)) => self.by_pool(pool, asking, counts),
            None => match self.pool_of(asking.whose) {
                Some(pool) => self.by_pool(pool, asking, counts),
                None => Choice::From(None),
            },
        }
    }

    /// The pool of a domain's mail.
    fn pool_of(&self, (account, domain): (AccountId, DomainId)) -> Option<&str> {
        if self.pools.is_empty() && self.assigned.is_empty() {
            return None;
        }
        let of = |domain| self.assigned.get(&RelayOwner { account, domain }).map(String::as_str);
        let default = || self.pools.contains_key(DEFAULT_POOL).then_some(DEFAULT_POOL);
        of(Some(domain)).or_else(|| of(None)).or_else(default)
    }

    /// An address that is none of ours any more is told by the attempt.
    fn exactly(&self, address: IpAddr, asking: &Asking<'_>, counts: &Counts) -> Choice {
        let wait = |spent| Choice::Wait(Wait { spent, pool: address.to_string() });
        if self.known.get(&address).is_some_and(|known| known.paused) {
            return wait(None);
        }
        match self.spent(address, asking.to, asking.now.day(), counts) {
            Some(spent) => wait(Some(spent)),
            None => Choice::From(Some(Arc::new(Origin::of(self.sender(address))))),
        }
    }

    fn by_pool(&self, name: &str, asking: &Asking<'_>, counts: &Counts) -> Choice {
        let mut next = name;
        let mut wait = Wait { spent: None, pool: name.to_owned() };
        for _ in 0..MOST_POOLS {
            let Some(pool) = self.pools.get(next) else { break };
            match self.among(pool, asking, counts) {
                Ok(origin) => return Choice::From(Some(Arc::new(origin))),
                Err(spent) => wait.spent = wait.spent.or(spent),
            }
            match &pool.overflow {
                Overflow::Wait => break,
                Overflow::Relay => return Choice::Relay,
                Overflow::Pool(other) => next = other,
            }
        }
        Choice::Wait(wait)
    }

    /// The first address of a pool that may take it; else a budget that is spent, if that is why.
    fn among(&self, pool: &Pool, asking: &Asking<'_>, counts: &Counts) -> Result<Origin, Option<Spent>> {
        let awake = |member: &&Member| {
            self.known.get(&member.address).is_some_and(|known| !known.paused) && member.weight > 0
        };
        let (four, six): (Vec<&Member>, Vec<&Member>) =
            pool.members.iter().filter(awake).partition(|member| member.address.is_ipv4());
        // Servers have IPv4 addresses first; an address of the other kind could not reach most of them.
        let (main, other) = if four.is_empty() { (six, four) } else { (four, six) };
        let mut spent = None;
        for address in rank::ranked(asking.id.as_u128(), &main) {
            match self.spent(address, asking.to, asking.now.day(), counts) {
                Some(why) => spent = spent.or(Some(why)),
                None => {
                    let warm = |member: &&Member| {
                        self.known.get(&member.address).is_some_and(|known| known.warm_up.is_none())
                    };
                    let other: Vec<&Member> = other.into_iter().filter(warm).collect();
                    // The same for everybody who leaves from this one, so that they share connections.
                    let other = rank::ranked(rank::number(address), &other).into_iter().next();
                    return Ok(Origin {
                        main: self.sender(address),
                        other: other.map(|address| self.sender(address)),
                        or_any: pool.of_configuration,
                    });
                }
            }
        }
        Err(spent)
    }

    /// The budget of an address that is spent.
    fn spent(&self, address: IpAddr, to: Option<&str>, today: Day, counts: &Counts) -> Option<Spent> {
        let plan = self.known.get(&address)?.warm_up.as_ref()?;
        let of_day = |to: &str| warm_up::budget(plan, to, today);
        // Where nobody knows whose servers it goes to, whoever has the connection asks again: unless it may go to nobody.
        let (to, budget) = match to {
            Some(to) => (to, of_day(to)?),
            None if plan.providers.keys().any(|provider| of_day(provider) != Some(0)) => return None,
            None => (warm_up::OTHERS, of_day(warm_up::OTHERS).filter(|budget| *budget == 0)?),
        };
        let used = counts.used(address, to, today);
        (used >= budget).then(|| Spent { address, provider: to.to_owned(), used, budget })
    }

    /// What an address may send to a provider today; `None`: as much as it takes.
    pub(crate) fn budget(&self, address: IpAddr, provider: &str, today: Day) -> Option<u32> {
        warm_up::budget(self.known.get(&address)?.warm_up.as_ref()?, provider, today)
    }

    /// Whether nothing leaves from there for now.
    pub(crate) fn is_paused(&self, address: IpAddr) -> bool {
        self.known.get(&address).is_some_and(|known| known.paused)
    }

    fn sender(&self, address: IpAddr) -> Sender {
        let hello = self.known.get(&address).map_or(&self.hostname, |known| &known.hello);
        Sender { address, hello: Arc::clone(hello) }
    }

    /// Where a connection to `to` begins, of a message that asked for an address or of a destination.
    pub(crate) fn leaving(
        &self,
        wish: Option<IpAddr>,
        origin: &LeavesFrom,
        to: IpAddr,
    ) -> Result<Leaving, &'static str> {
        let fits = |sender: &&Sender| sender.address.is_ipv4() == to.is_ipv4();
        let anywhere = || Leaving { address: None, hello: Arc::clone(&self.hostname) };
        let from =
            |sender: &Sender| Leaving { address: Some(sender.address), hello: Arc::clone(&sender.hello) };
        let asked = wish.map(|address| self.sender(address));
        let (candidates, or_any) = match (&asked, origin) {
            (Some(asked), _) => (vec![asked], false),
            (None, Some(origin)) => {
                ([&origin.main].into_iter().chain(&origin.other).collect(), origin.or_any)
            }
            (None, None) => return Ok(anywhere()),
        };
        let is_ours = |sender: &Sender| self.known.contains_key(&sender.address);
        if !candidates.first().is_some_and(|sender| is_ours(sender)) {
            return Err("the sending address is not among the source addresses");
        }
        match candidates.into_iter().find(fits) {
            Some(sender) => Ok(from(sender)),
            None if or_any => Ok(anywhere()),
            None => Err("no address of the kind of the sending address"),
        }
    }

    /// Where a connection to a relay begins: at an address of the pool of everybody, by turns.
    pub(crate) fn to_relay(&self, to: IpAddr, turn: u64) -> Leaving {
        let members = self.pools.get(DEFAULT_POOL).map_or(&[][..], |pool| &pool.members);
        let fitting: Vec<_> = members
            .iter()
            .filter(|member| member.address.is_ipv4() == to.is_ipv4() && !self.is_paused(member.address))
            .collect();
        let index = turn.checked_rem(fitting.len() as u64).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| fitting.get(index)) {
            Some(member) => {
                let sender = self.sender(member.address);
                Leaving { address: Some(sender.address), hello: sender.hello }
            }
            None => Leaving { address: None, hello: Arc::clone(&self.hostname) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Route, Target};

    #[test]
    fn what_leaves_in_another_way_waits_under_another_name() {
        let sender = |address: &str, hello: &str| Sender {
            address: address.parse().expect("an address"),
            hello: hello.into(),
        };
        let mut names = HashSet::new();
        for main in [sender("192.0.2.1", "a.example"), sender("192.0.2.1", "b.example")] {
            for other in
                [None, Some(sender("2001:db8::1", "a.example")), Some(sender("2001:db8::1", "b.example"))]
            {
                for or_any in [false, true] {
                    let origin = Origin { main: main.clone(), other: other.clone(), or_any };
                    let route = Route::Domain(Target::new("d.example", Some(Arc::new(origin))));
                    names.insert(route.name().to_owned());
                }
            }
        }
        assert_eq!(names.len(), 12);
    }
}

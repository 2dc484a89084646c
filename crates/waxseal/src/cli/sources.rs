//! The words of `waxseal source` and `waxseal pool`.

use std::net::IpAddr;

use clap::Subcommand;

use super::relay::Whose;
use crate::admin::{Request, pool, source};

/// What can be done with addresses.
#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// List the addresses, the pools they are in, and what they sent today where they warm up.
    List,
    /// Add an address of this server, or change its name.
    ///
    /// Mail leaves from it once it is in a pool, or a message asks for it with `o:sending-ip`. The addresses of
    /// `delivery.source_addresses` are there already.
    Set {
        /// An IPv4 or IPv6 address of this machine.
        address: IpAddr,
        /// What it says in EHLO, as its reverse DNS has it; without it `hostname`.
        #[arg(long, value_name = "NAME")]
        hello: Option<String>,
    },
    /// Let nothing leave from an address for now: its pools use others, and what asks for it waits.
    Pause {
        /// The address.
        address: IpAddr,
    },
    /// Let mail leave from an address again.
    Resume {
        /// The address.
        address: IpAddr,
    },
    /// Bound what an address may send to each provider in a day, more from day to day.
    ///
    /// Days are days of UTC. After the last day of the plan there is no bound. What is over the bound goes from another address of
    /// the pool, then where the pool's overflow says.
    WarmUp {
        /// The address.
        address: IpAddr,
        /// The first day, such as 2026-05-01; without it today, or the day on which a plan that there is began.
        #[arg(long, value_name = "DAY", conflicts_with = "stop")]
        start: Option<String>,
        /// Recipients on the first day, the second, and so on; without it 50, then twice as many each day up to 102,400.
        #[arg(long, value_name = "N,N,…", value_delimiter = ',', conflicts_with = "stop")]
        daily: Vec<u32>,
        /// Other numbers for a provider of `waxseal shaping show`, or for `others`; more than once for more of them.
        #[arg(long, value_name = "NAME=N,N,…", conflicts_with = "stop")]
        provider: Vec<String>,
        /// End the warm-up: no bound from now on.
        #[arg(long)]
        stop: bool,
    },
    /// Remove an address that is in no pool.
    Remove {
        /// The address.
        address: IpAddr,
    },
}

/// What can be done with pools.
#[derive(Debug, Subcommand)]
pub(crate) enum Pool {
    /// List the pools, and whose mail leaves by which.
    List,
    /// Make a pool, or change it.
    ///
    /// The pool `default` is for everybody who has no other; without it that is `delivery.source_addresses`, in equal parts.
    Set {
        /// Its name: letters, digits and hyphens.
        name: String,
        /// An address, and its weight in proportion to the others (1 unless given); all members, each once.
        #[arg(long = "member", value_name = "ADDRESS[=WEIGHT]", required = true)]
        members: Vec<String>,
        /// Where mail goes that no address of it may take today: `wait`, `relay`, or another pool.
        #[arg(long, value_name = "WHERE", default_value = "wait")]
        overflow: String,
    },
    /// Have mail of an account or a domain leave by a pool. The domain's counts before the account's.
    Assign {
        /// The pool.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Take that back: the account's pool counts, or the one for everybody.
    Unassign {
        #[command(flatten)]
        whose: Whose,
    },
    /// Remove a pool that nobody's mail leaves by.
    Remove {
        /// Its name.
        name: String,
    },
}

impl Source {
    /// What is asked.
    pub(crate) fn request(self) -> Request {
        use source::What;
        let (address, what) = match self {
            Self::List => return Request::SourceList,
            Self::Set { address, hello } => (address, What::Set { hello }),
            Self::Pause { address } => (address, What::Pause),
            Self::Resume { address } => (address, What::Resume),
            Self::WarmUp { address, stop: true, .. } => (address, What::StopWarmUp),
            Self::WarmUp { address, start, daily, provider, stop: false } => {
                (address, What::WarmUp { start, daily, providers: provider })
            }
            Self::Remove { address } => (address, What::Remove),
        };
        Request::SourceChange(source::Change { address, what })
    }
}

impl Pool {
    /// What is asked.
    pub(crate) fn request(self) -> Request {
        match self {
            Self::List => Request::PoolList,
            Self::Set { name, members, overflow } => {
                Request::PoolChange(pool::Change { name, set: Some(pool::Wanted { members, overflow }) })
            }
            Self::Assign { name, whose: Whose { account, domain } } => {
                Request::PoolAssign { account, domain, pool: Some(name) }
            }
            Self::Unassign { whose: Whose { account, domain } } => {
                Request::PoolAssign { account, domain, pool: None }
            }
            Self::Remove { name } => Request::PoolChange(pool::Change { name, set: None }),
        }
    }
}

//! Where entries go: to the servers of a domain from an address of ours, to a relay, or into an inbox.

use std::{net::IpAddr, sync::Arc};

use waxseal_smtp::client::Credentials;

use crate::{open::TlsNeed, relays::RelayRoute, sources::LeavesFrom};

/// Where entries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the mail servers of a domain.
    Domain(Target),
    /// To a relay.
    Relay(Arc<RelayRoute>),
    /// Into the inbox of a sandbox domain.
    Captured,
}

/// A recipients' domain, and where mail for it leaves from. What leaves from elsewhere is another destination, with
/// connections and limits of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name of the destination.
    name: String,
    pub(crate) domain: String,
    pub(crate) from: LeavesFrom,
}

impl Target {
    pub(crate) fn new(domain: &str, from: LeavesFrom) -> Self {
        Self { name: Self::name_of(domain, &from), domain: domain.to_owned(), from }
    }

    /// It tells everything in which destinations may differ: entries of one name wait together and leave as the first of them
    /// does. No domain has a space in it.
    pub(super) fn name_of(domain: &str, from: &LeavesFrom) -> String {
        match from {
            None => domain.to_owned(),
            Some(origin) => format!("{domain} from {origin}"),
        }
    }
}

impl Route {
    /// Where connections begin.
    pub(crate) const fn from(&self) -> &LeavesFrom {
        match self {
            Self::Domain(target) => &target.from,
            Self::Relay(_) | Self::Captured => &None,
        }
    }

    /// The name under which entries of this route wait.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Domain(target) => &target.name,
            // No domain is called like these.
            Self::Relay(route) => &route.name,
            Self::Captured => "(inbox)",
        }
    }

    /// What it is called in events.
    pub(crate) fn told(&self) -> &str {
        match self {
            Self::Relay(_) => "(relay)",
            Self::Domain(target) => &target.domain,
            Self::Captured => self.name(),
        }
    }

    /// Whether so much waits for it that it would take others' room, and then stays in the store: by recipients' domain, or
    /// by whose relay it is. What everybody shares has no such bound.
    pub(super) fn is_bounded(&self) -> bool {
        match self {
            Self::Domain(_) => true,
            Self::Relay(route) => route.owner.is_some(),
            Self::Captured => false,
        }
    }

    pub(crate) fn port(&self, port: u16) -> u16 {
        match self {
            Self::Relay(route) => route.relay.port,
            Self::Domain(_) | Self::Captured => port,
        }
    }

    pub(crate) fn implicit_tls(&self) -> bool {
        matches!(self, Self::Relay(route) if route.relay.implicit_tls)
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        match self {
            Self::Relay(route) => route.relay.credentials.clone(),
            Self::Domain(_) | Self::Captured => None,
        }
    }

    /// What the route itself asks of TLS: credentials leave this machine only to a server that has
    /// proved its name.
    pub(crate) fn tls_need(&self, address: IpAddr) -> TlsNeed {
        match self {
            Self::Relay(to) if to.relay.credentials.is_some() && !address.is_loopback() => TlsNeed::Verified,
            Self::Relay(to) if to.relay.implicit_tls => TlsNeed::Encrypted,
            Self::Relay(_) | Self::Domain(_) | Self::Captured => TlsNeed::Opportunistic,
        }
    }
}

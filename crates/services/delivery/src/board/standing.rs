//! What a destination waits for, asked by whoever wants to know why a message is where it is.

use std::{net::IpAddr, sync::Arc};

use waxseal_model::{AccountId, Timestamp};

use super::{
    Board, address,
    lane::{LaneKey, ProviderKey},
};

/// Whose limits hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A provider of the table, for one of our addresses.
    Provider(Arc<str>, Option<IpAddr>),
    /// The destination's own mail servers, for one of our addresses, or the relay.
    Destination(Option<IpAddr>),
}

/// What a destination with something to do waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It could not be reached a moment ago.
    Unreachable { until: Timestamp, words: String },
    /// It could not be reached: one connection tries.
    Trying,
    /// Its mail servers put everything off: one connection asks.
    PutOff,
    /// Its mail servers are being looked up.
    LookedUp,
    /// Its provider got all messages of this minute so far.
    Rate { whose: Whose, per_minute: u32, next: Timestamp },
    /// Others of its provider have the tokens that there are.
    RateTurn { whose: Whose, per_minute: u32 },
    /// Its provider has as many connections as it gets.
    Connections { whose: Whose, open: usize, allowed: usize, most: usize, slowed_until: Option<Timestamp> },
    /// There are as many connections as there may be.
    AllConnections { open: usize, most: usize },
    /// A connection takes it when it has its turn.
    Turn { ahead: usize },
}

/// Memory has no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// Recipients in it.
    pub(crate) most: usize,
    /// They are the account's own, whose share that is.
    pub(crate) of_account: bool,
}

impl Board {
    /// The provider of a lane.
    pub(crate) fn provider(&self, lane: &LaneKey) -> Option<Arc<str>> {
        match &self.lanes.get(lane)?.provider {
            ProviderKey::Entry(name, _) => Some(Arc::clone(name)),
            ProviderKey::Lane(_) => None,
        }
    }

    /// The provider of a domain, if it is known whose servers it has; `Some(None)`: nobody's of the table.
    pub(crate) fn provider_of(&self, domain: &str, now: Timestamp) -> Option<Option<Arc<str>>> {
        self.known.provider(domain, now)
    }

    /// What holds up an account's entries that are not here, if there may be no more of them.
    pub(crate) fn is_full(&self, account: AccountId) -> Option<Full> {
        if self.held.len() >= self.limits.leased {
            return Some(Full { most: self.limits.leased, of_account: false });
        }
        let most = self.shares.full_of(account, self.free())?;
        Some(Full { most, of_account: true })
    }

    /// What an account's entries for a destination wait for; `None` if the destination has nothing to do. It tells nothing of
    /// other accounts.
    pub(crate) fn standing(&self, name: &str, account: AccountId, now: Timestamp) -> Option<Standing> {
        let place = self.destinations.get(name)?;
        let lane = self.lanes.get(&place.lane)?;
        let provider = self.providers.get(&lane.provider)?;
        let whose = match &lane.provider {
            ProviderKey::Entry(name, from) => Whose::Provider(Arc::clone(name), *from),
            ProviderKey::Lane(LaneKey::Alone(_, from) | LaneKey::Servers(_, from)) => {
                Whose::Destination(address(from))
            }
        };
        if let Some((until, no_line)) = lane.down.as_ref().filter(|(until, _)| now < *until) {
            // Whoever found out may have been of another domain.
            let words = no_line.report.clone().about(place.route.told()).description;
            return Some(Standing::Unreachable { until: *until, words });
        }
        if let Some(rate) = &provider.rate {
            let per_minute = rate.per_minute();
            match rate.due(now) {
                Some(next) => return Some(Standing::Rate { whose, per_minute, next }),
                None if lane.rated => return Some(Standing::RateTurn { whose, per_minute }),
                None => {}
            }
        }
        let room = provider.room();
        if room == 0 && lane.idle == 0 {
            let (pace, open) = (&provider.pace, provider.connections);
            let slowed_until = pace.is_slowed().then(|| pace.wave_until()).flatten();
            let (allowed, most) = (pace.allowed(), pace.most());
            return Some(Standing::Connections { whose, open, allowed, most, slowed_until });
        }
        if lane.connections == 0 && self.connections >= self.limits.connections {
            return Some(Standing::AllConnections { open: self.connections, most: self.limits.connections });
        }
        if lane.unknown {
            return Some(Standing::LookedUp);
        }
        if lane.troubled {
            return Some(Standing::Trying);
        }
        if lane.takes_nothing() {
            return Some(Standing::PutOff);
        }
        let own = place.flows.get(&account).map_or(0, |flow| flow.waiting.len());
        Some(Standing::Turn { ahead: own.saturating_sub(1) })
    }
}

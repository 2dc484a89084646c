//! Whose turn it is where a provider has a rate.

use std::collections::HashMap;

use waxseal_model::Timestamp;

use super::{
    Board,
    lane::{Lane, ProviderKey},
    shares::Rounds,
};

impl Board {
    /// Gives the tokens of providers with a rate to their lanes, one each, accounts in turn and then to whoever got one
    /// longest ago; the others wait until [`Self::rate_due`].
    pub(super) fn share_tokens(&mut self, now: Timestamp) {
        self.rate_due = None;
        if !self.providers.values().any(|provider| provider.rate.is_some()) {
            return;
        }
        let rated = |lane: &Lane| self.providers.get(&lane.provider).is_some_and(|of| of.rate.is_some());
        let mut lanes: Vec<&mut Lane> =
            self.lanes.values_mut().filter(|lane| lane.jobs > 0 && rated(lane)).collect();
        lanes.sort_unstable_by_key(|lane| lane.taken);
        if !self.shares.is_one() {
            let mut rounds = Rounds::default();
            lanes.sort_by_cached_key(|lane| {
                rounds.next(lane.turn.owners(), |account| self.shares.taken(account)).0
            });
        }
        let mut shared: HashMap<&ProviderKey, u32> = HashMap::new();
        for lane in lanes {
            let Some(provider) = self.providers.get(&lane.provider) else { continue };
            let Some(rate) = &provider.rate else { continue };
            let given = shared.entry(&lane.provider).or_default();
            lane.rated = *given >= rate.tokens(now);
            // Where all connections are busy the next that is not takes one by itself.
            *given += u32::from(lane.idle > 0 || lane.connections == 0 || provider.room() > 0);
            if !lane.rated && lane.idle > 0 {
                lane.work.notify_one();
            }
            self.rate_due = earlier(self.rate_due, rate.due(now));
        }
    }

    /// When lanes that wait for the rate of their provider go on, if any do.
    pub(crate) const fn rate_due(&self) -> Option<Timestamp> {
        self.rate_due
    }
}

/// The earlier of two times that may not come.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

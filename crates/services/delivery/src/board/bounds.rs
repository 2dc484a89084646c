//! What operators change of providers' limits while delivery runs, and what can be seen of providers.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use waxseal_model::Timestamp;
use waxseal_store::shaping::ShapingOverride;

use super::{
    Board,
    lane::{Provider, ProviderKey},
    rate::Rate,
};
use crate::shaping::{Bounds, ProviderState};

/// What operators said, by provider.
#[derive(Default)]
pub(super) struct Overrides(BTreeMap<Arc<str>, ShapingOverride>);

impl Overrides {
    /// What a provider gets now; `None` is a provider that no table names.
    pub(super) fn over(&self, table: Bounds, provider: &ProviderKey, now: Timestamp) -> Bounds {
        let ProviderKey::Entry(name, _) = provider else { return table };
        let said = self.0.get(name).filter(|said| said.until.is_none_or(|until| now < until));
        said.map_or(table, |said| table.under(said))
    }

    /// When the first of them is over.
    fn next_end(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|said| said.until).min()
    }
}

impl Board {
    /// Takes what an operator says of a provider; `None`: the table counts again.
    pub(crate) fn bound(&mut self, provider: &str, said: Option<ShapingOverride>, now: Timestamp) {
        let name: Arc<str> = provider.into();
        match said {
            Some(said) => self.overrides.0.insert(Arc::clone(&name), said),
            None => self.overrides.0.remove(&name),
        };
        self.apply(&name, now);
    }

    /// Lets the table count again where an operator's time is over.
    pub(super) fn end_overrides(&mut self, now: Timestamp) {
        if self.overrides.next_end().is_none_or(|end| now < end) {
            return;
        }
        let over = |_: &Arc<str>, said: &mut ShapingOverride| said.until.is_some_and(|until| until <= now);
        let ended: Vec<_> = self.overrides.0.extract_if(.., over).collect();
        for (name, _) in ended {
            self.apply(&name, now);
        }
    }

    /// For each address that mail leaves from.
    fn apply(&mut self, name: &Arc<str>, now: Timestamp) {
        let is_its = |key: &&ProviderKey| matches!(key, ProviderKey::Entry(of, _) if of == name);
        let keys: Vec<ProviderKey> = self.providers.keys().filter(is_its).cloned().collect();
        keys.iter().for_each(|key| self.apply_to(key, now));
    }

    fn apply_to(&mut self, key: &ProviderKey, now: Timestamp) {
        let Some(provider) = self.providers.get_mut(key) else { return };
        let bounds = self.overrides.over(provider.table, key, now);
        let limits = &self.limits;
        provider.pace.bound(bounds.connections.map_or(limits.per_destination, |most| most as usize));
        let per_minute = provider.rate.as_ref().map(Rate::per_minute);
        if per_minute != bounds.messages_per_minute {
            provider.rate = bounds.messages_per_minute.map(Rate::new);
        }
        provider.messages_per_connection =
            bounds.messages_per_connection.unwrap_or(limits.messages_per_connection);
        // Lanes that waited for the rate before ask anew.
        for lane in self.lanes.values_mut().filter(|lane| lane.provider == *key) {
            lane.rated = false;
            (0..lane.idle).for_each(|_| lane.work.notify_one());
        }
    }

    /// Providers of the table that have something to do or are slowed down, for each address that mail leaves from.
    pub(crate) fn provider_states(&mut self, now: Timestamp) -> Vec<ProviderState> {
        self.end_overrides(now);
        let named = |(key, provider): (&ProviderKey, &Provider)| match key {
            ProviderKey::Entry(name, from) => Some(((Arc::clone(name), *from), state(provider))),
            ProviderKey::Lane(_) => None,
        };
        let mut states: BTreeMap<(Arc<str>, Option<IpAddr>), ProviderState> =
            self.providers.iter().filter_map(named).collect();
        for lane in self.lanes.values() {
            if let ProviderKey::Entry(name, from) = &lane.provider
                && let Some(state) = states.get_mut(&(Arc::clone(name), *from))
            {
                state.waiting += lane.jobs;
            }
        }
        let named = |((name, from), state)| ProviderState { provider: name, from, ..state };
        states.into_iter().map(named).collect()
    }
}

fn state(provider: &Provider) -> ProviderState {
    ProviderState {
        provider: Arc::default(),
        from: None,
        open: provider.connections,
        allowed: provider.pace.allowed(),
        slowed_since: provider.pace.slowed_since(),
        waiting: 0,
    }
}

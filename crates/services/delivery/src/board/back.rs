//! Giving back what waits.

use waxseal_store::queue::LeasedEntry;

use super::{Board, ProviderKey};

impl Board {
    /// Takes back entries that wait, as asked: about each, and the provider it goes to if that is known.
    pub(crate) fn recall(
        &mut self,
        mut asked: impl FnMut(&LeasedEntry, Option<&str>) -> bool,
    ) -> Vec<LeasedEntry> {
        let mut recalled = Vec::new();
        for place in self.destinations.values_mut() {
            let before = place.jobs();
            let provider = match self.lanes.get(&place.lane).map(|lane| &lane.provider) {
                Some(ProviderKey::Entry(name, _)) => Some(&**name),
                Some(ProviderKey::Lane(_)) | None => None,
            };
            for flow in place.flows.values_mut() {
                let among = recalled.len();
                flow.waiting.retain(|job| {
                    recalled.extend(job.entries.extract_if(.., |entry| asked(entry, provider)));
                    !job.entries.is_empty()
                });
                flow.recipients = flow.recipients.saturating_sub(recalled.len() - among);
            }
            // Its name in the lane's turn is passed over.
            place.flows.retain(|_, flow| !flow.waiting.is_empty());
            if let Some(lane) = self.lanes.get_mut(&place.lane) {
                lane.jobs = lane.jobs.saturating_sub(before - place.jobs());
            }
        }
        self.destinations.retain(|_, place| !place.flows.is_empty());
        self.flows = self.destinations.values().map(|place| place.flows.len()).sum();
        recalled
    }

    /// Everything that still waits.
    pub(crate) fn drain(&mut self) -> Vec<LeasedEntry> {
        for lane in self.lanes.values_mut() {
            lane.turn.clear();
            lane.jobs = 0;
        }
        self.flows = 0;
        let flows =
            std::mem::take(&mut self.destinations).into_values().flat_map(|place| place.flows.into_values());
        flows.flat_map(|flow| flow.waiting.into_values()).flat_map(|job| job.entries).collect()
    }
}

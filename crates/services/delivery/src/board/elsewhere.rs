//! Taking out what waits in a lane, to be put elsewhere: its address may take no more for now.

use super::{Board, Job, LaneKey};

impl Board {
    /// Everything that waits in a lane. It is nobody's here any more: whoever asks puts it back, or gives it up.
    pub(crate) fn take_out(&mut self, key: &LaneKey) -> Vec<Job> {
        let Some(lane) = self.lanes.get_mut(key) else { return Vec::new() };
        lane.turn.clear();
        lane.jobs = 0;
        let mut jobs = Vec::new();
        for (_, place) in self.destinations.extract_if(.., |_, place| place.lane == *key) {
            self.flows = self.flows.saturating_sub(place.flows.len());
            jobs.extend(place.flows.into_values().flat_map(|flow| flow.waiting.into_values()));
        }
        for entry in jobs.iter_mut().flat_map(|job| &mut job.entries) {
            self.let_go(entry);
        }
        jobs
    }

    /// An entry that was taken is nobody's here any more; it keeps the lease that it is ours by.
    pub(crate) fn let_go(&mut self, entry: &mut waxseal_store::queue::LeasedEntry) {
        if let Some(hold) = self.held.remove(&entry.id) {
            entry.lease = hold.lease;
            let free = self.free();
            self.shares.release(hold.account, free);
        }
    }
}

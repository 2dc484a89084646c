//! What is paused is not attempted: who is about to attempt something asks, and what waits here goes back to the store.

use waxseal_store::queue::{Hold, LeasedEntry, Leaving};

use crate::{
    board::{Job, LaneKey},
    outcome::ACCESS,
    service::Shared,
    settler::{Decided, Decision},
};

/// Sets aside those of a message that are paused. What is left may go out.
pub(crate) async fn set_aside(shared: &Shared, lane: &LaneKey, job: &mut Job) {
    if !shared.store.is_paused() {
        return;
    }
    let provider = shared.board().provider(lane);
    let mut paused = Vec::new();
    let entries = std::mem::take(&mut job.entries);
    for entry in entries {
        match hold(shared, &entry, provider.as_deref()) {
            Some(hold) => paused.push(decision(&entry, hold)),
            None => job.entries.push(entry),
        }
    }
    if !paused.is_empty() {
        shared.settler.settle(paused).await;
    }
}

/// Gives back what waits for a connection and is paused now.
pub(crate) async fn give_back(shared: &Shared) {
    if !shared.store.is_paused() {
        return;
    }
    let mut holds = Vec::new();
    let recalled = shared.board().recall(|entry, provider| {
        let hold = hold(shared, entry, provider);
        let is_paused = hold.is_some();
        holds.extend(hold);
        is_paused
    });
    if !recalled.is_empty() {
        let decisions = recalled.iter().zip(holds).map(|(entry, hold)| decision(entry, hold));
        shared.settler.settle(decisions.collect()).await;
    }
}

fn hold(shared: &Shared, entry: &LeasedEntry, provider: Option<&str>) -> Option<Hold> {
    let recipient = &entry.envelope.open(&ACCESS).recipient;
    let to = &entry.recipient_domain;
    shared.store.pause_on(&Leaving { account: entry.account, domain: entry.domain, to, recipient, provider })
}

fn decision(entry: &LeasedEntry, hold: Hold) -> Decision {
    Decision {
        entry: entry.id,
        lease: entry.lease,
        attempts: entry.attempts,
        ending: Decided::Paused(hold),
        events: Vec::new(),
    }
}

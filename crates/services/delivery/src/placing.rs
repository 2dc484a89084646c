//! Puts entries where they go: onto the board, elsewhere when their address may take no more, or back into the queue when no
//! address may take them.

use std::sync::Arc;

use waxseal_model::Timestamp;
use waxseal_store::queue::{HandedMessage, LeasedEntry};

use crate::{
    attempt::give_up,
    board::{Job, LaneKey, Route, Target},
    line::Contact,
    open::NoLine,
    outcome::{ACCESS, release},
    relays::{Going, Ways},
    report::Report,
    service::Shared,
    settler::{Decided, Decision},
    sources::Wait,
    warm_up::{OTHERS, Share},
};

/// What did not go onto the board.
#[derive(Default)]
pub(crate) struct Left {
    /// There is no room for these.
    pub(crate) surplus: Vec<LeasedEntry>,
    /// No address may take these.
    waiting: Vec<(LeasedEntry, Wait)>,
}

/// Whether a message may leave from the address of its lane.
pub(crate) enum Allowed<'a> {
    /// It may; its part of the address's budget, if that has one.
    Yes(Option<Share<'a>>),
    /// It may not, and was put elsewhere.
    No,
}

/// Puts entries on the board.
pub(crate) fn place(
    shared: &Shared,
    ways: &Ways,
    entries: Vec<LeasedEntry>,
    handed: Option<&Arc<HandedMessage>>,
) -> Left {
    let mut left = Left::default();
    place_as(shared, ways, entries, handed, None, &mut left);
    left
}

/// The same, where it is known that all of them go to one provider.
fn place_as(
    shared: &Shared,
    ways: &Ways,
    entries: Vec<LeasedEntry>,
    handed: Option<&Arc<HandedMessage>>,
    to: Option<&str>,
    left: &mut Left,
) {
    let now = shared.clock.now();
    let mut board = shared.board();
    for entry in entries {
        // What the queue gave out meanwhile has a newer lease than what was handed over.
        let is_known = match handed {
            Some(_) => board.holds(entry.id),
            None => board.renew(entry.id, entry.lease),
        };
        if is_known {
            continue;
        }
        let known = board.provider_of(&entry.recipient_domain, now);
        let found = known.as_ref().map(|provider| provider.as_deref().unwrap_or(OTHERS));
        match ways.route(&Going::taken(&entry), to.or(found), (&shared.counts, now)) {
            Ok(route) => {
                let reverse_path = entry.envelope.open(&ACCESS).reverse_path.clone();
                left.surplus.extend(board.add(route, (entry, handed), &reverse_path, now));
            }
            Err(wait) => left.waiting.push((entry, wait)),
        }
    }
}

impl Left {
    /// Gives back what has no room, and puts off what no address may take.
    pub(crate) async fn settle(self, shared: &Shared) {
        let now = shared.clock.now();
        let mut decisions: Vec<_> = self.surplus.iter().map(release).collect();
        for (entry, wait) in self.waiting {
            if now < entry.schedule.give_up_at {
                decisions.push(put_off(&entry, &wait, now));
            } else {
                end(shared, entry, &wait).await;
            }
        }
        if !decisions.is_empty() {
            shared.settler.settle(decisions).await;
        }
    }

    /// Takes in what another left.
    pub(crate) fn extend(&mut self, other: Self) {
        self.surplus.extend(other.surplus);
        self.waiting.extend(other.waiting);
    }
}

fn put_off(entry: &LeasedEntry, wait: &Wait, now: Timestamp) -> Decision {
    let ending =
        Decided::PutOff { until: wait.until(now).min(entry.schedule.give_up_at), why: wait.reason() };
    Decision { entry: entry.id, lease: entry.lease, attempts: entry.attempts, ending, events: Vec::new() }
}

/// Ends what waited for an address until its time was over.
async fn end(shared: &Shared, entry: LeasedEntry, wait: &Wait) {
    let route = Route::Domain(Target::new(&entry.recipient_domain, None));
    let no_line = NoLine {
        report: Report::unreachable(&entry.recipient_domain, &wait.reason()),
        contact: Contact::default(),
        of_servers: false,
        of_policy: false,
    };
    give_up(shared, &route, &Job::alone(entry), no_line).await;
}

/// Asks whether a message may leave from the address of its lane. If not, it and all that waits there go elsewhere; if only to some
/// of its recipients, the others do.
pub(crate) async fn allow<'a>(
    shared: &'a Shared,
    (lane, route): (&LaneKey, &Route),
    job: &mut Job,
) -> Allowed<'a> {
    let Some(origin) = route.from() else { return Allowed::Yes(None) };
    let ways = shared.relays.last();
    let (address, today) = (origin.main.address, shared.clock.now().day());
    let provider = shared.board().provider(lane);
    let provider = provider.as_deref().unwrap_or(OTHERS);
    let mut share = None;
    if !ways.outbound.is_paused(address) {
        let Some(budget) = ways.outbound.budget(address, provider, today) else { return Allowed::Yes(None) };
        let recipients = u32::try_from(job.entries.len()).unwrap_or(u32::MAX);
        let taken = shared.counts.take(&shared.store, (address, provider, today), (recipients, budget)).await;
        match taken {
            Ok(taken) => share = taken,
            Err(error) => {
                // What cannot be counted does not go.
                tracing::error!(%error, "what warms up cannot be counted now");
                shared.settler.settle(job.entries.iter().map(release).collect()).await;
                job.entries.clear();
                return Allowed::No;
            }
        }
    }
    let allowed = share.as_ref().map_or(0, Share::recipients);
    if allowed < job.entries.len() {
        let rest = job.entries.split_off(allowed);
        elsewhere(shared, (&ways, lane, provider), rest, job.handed.as_ref()).await;
    }
    match share {
        Some(share) => Allowed::Yes(Some(share)),
        None => Allowed::No,
    }
}

/// Places entries of a job, and all that waits for its lane, where the address of the lane is not wanted.
async fn elsewhere(
    shared: &Shared,
    (ways, lane, provider): (&Ways, &LaneKey, &str),
    mut entries: Vec<LeasedEntry>,
    handed: Option<&Arc<HandedMessage>>,
) {
    let mut left = Left::default();
    {
        let mut board = shared.board();
        entries.iter_mut().for_each(|entry| board.let_go(entry));
        let waiting = board.take_out(lane);
        drop(board);
        let own = (entries, handed.cloned());
        let waiting = waiting.into_iter().map(|job| (job.entries, job.handed));
        for (entries, handed) in [own].into_iter().chain(waiting) {
            place_as(shared, ways, entries, handed.as_ref(), Some(provider), &mut left);
        }
    }
    metrics::counter!("waxseal_warm_up_overflows_total").increment(1);
    // Somebody has to go for it.
    shared.replan.notify_one();
    left.settle(shared).await;
}

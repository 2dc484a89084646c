//! A worker: one connection, and the messages it carries for the domains that share it.

use std::sync::Arc;

use waxseal_net::RouteError;
use waxseal_store::queue::LeasedEntry;

use crate::{
    attempt::{Way, attempt, give_up},
    board::{Job, LaneKey, Wanted, Work},
    line::Line,
    open::mail_hosts,
    outcome::postpone,
    pauses,
    placing::{self, Allowed},
    service::Shared,
};

/// Works until there is nothing to do for the lane any more, or others want its place.
pub(crate) async fn work(shared: Arc<Shared>, lane: LaneKey) {
    let mut slot = Slot { shared, lane, told_to_leave: false, no_route: None };
    slot.find_lane().await;
    let mut line = None;
    let mut carried = 0;
    loop {
        if line.is_some() || slot.no_route.is_some() {
            // If the DNS was silent before, it is not any more.
            slot.find_lane().await;
        }
        let (shared, lane) = (&slot.shared, &slot.lane);
        let (work, wanted) = shared.board().take(lane, carried, shared.clock.now());
        carried += 1;
        match wanted {
            Wanted::Nothing => {}
            Wanted::Plan => shared.replan.notify_one(),
            Wanted::Refill => shared.wake.notify_one(),
        }
        match work {
            Work::Job(mut job, route, most) => {
                pauses::set_aside(shared, lane, &mut job).await;
                let allowed = match job.entries.is_empty() {
                    true => Allowed::No,
                    false => placing::allow(shared, (lane, &route), &mut job).await,
                };
                if let Allowed::Yes(share) = allowed {
                    let held = Held::new(shared, &job);
                    let turn = shared.under_way.begin(&job, shared.clock.now());
                    let (share, no_route) = (share.as_ref(), slot.no_route);
                    let way = Way { lane, route: &route, most, share, no_route, turn: &turn };
                    attempt(shared, way, &mut line, &job).await;
                    drop(turn);
                    held.settled();
                }
            }
            Work::Hopeless(mut job, route, no_line) => {
                pauses::set_aside(shared, lane, &mut job).await;
                let held = Held::new(shared, &job);
                give_up(shared, &route, &job, no_line).await;
                held.settled();
            }
            Work::Nothing => {
                if !wait_for_work(shared, lane, &mut line).await {
                    break;
                }
            }
            Work::Leave => {
                slot.told_to_leave = true;
                break;
            }
        }
        if shared.stopping.is_cancelled() {
            break;
        }
    }
    if let Some(line) = line {
        line.quit().await;
    }
}

/// Keeps the connection open for a while; whether there may be work for it.
async fn wait_for_work(shared: &Shared, lane: &LaneKey, line: &mut Option<Line>) -> bool {
    let Some(kept) = line else { return false };
    let Some(calls) = shared.board().idle(lane, true, shared.clock.now()) else { return false };
    let found = tokio::select! {
        biased;
        () = calls.work.notified() => true,
        () = kept.disturbed() => {
            *line = None;
            false
        }
        () = tokio::time::sleep(shared.config.timeouts.idle) => false,
        () = shared.spare.notified() => false,
        () = calls.spare.notified() => false,
        () = shared.stopping.cancelled() => false,
    };
    shared.board().idle(lane, false, shared.clock.now());
    found
}

/// A place among the connections; free again when the worker ends, however it ends.
struct Slot {
    shared: Arc<Shared>,
    lane: LaneKey,
    told_to_leave: bool,
    /// Why it is not known where the lane leads.
    no_route: Option<RouteError>,
}

impl Slot {
    /// Asks the DNS where the lane leads, if nobody knows. Where there is no answer, the attempts say why, and do not ask
    /// again: what they would connect to then is some provider's, whose limits this place was not counted for.
    async fn find_lane(&mut self) {
        self.no_route = None;
        let Some(domain) = self.shared.board().unknown(&self.lane) else { return };
        let hosts = mail_hosts(&self.shared, &domain).await;
        self.no_route = hosts.as_ref().err().copied();
        if let Ok(hosts) = hosts {
            self.shared.policies.look(&self.shared, &domain).await;
            let place = self.shared.config.shaping.place(&hosts);
            self.lane = self.shared.board().found(&self.lane, place, self.shared.clock.now());
            // It may have more than one connection from now on.
            self.shared.replan.notify_one();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.board().hang_up(&self.lane, self.told_to_leave);
        self.shared.replan.notify_one();
    }
}

/// Entries under way. If the worker dies over them they are tried again later: not at once, since the next
/// worker might die of the same.
struct Held<'a> {
    shared: &'a Shared,
    entries: &'a [LeasedEntry],
}

impl<'a> Held<'a> {
    const fn new(shared: &'a Shared, job: &'a Job) -> Self {
        Self { shared, entries: job.entries.as_slice() }
    }

    fn settled(mut self) {
        self.entries = &[];
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.entries.is_empty() {
            let now = self.shared.clock.now();
            self.shared.abandon(self.entries.iter().map(|entry| postpone(entry, now)));
        }
    }
}

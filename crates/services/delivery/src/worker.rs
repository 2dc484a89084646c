//! A worker: one connection to one destination, and the messages it carries.

use std::sync::Arc;

use waxseal_store::queue::LeasedEntry;

use crate::{
    attempt::{attempt, give_up},
    board::{Job, Route, Work},
    line::Line,
    outcome::postpone,
    service::Shared,
};

/// Works until there is nothing to do for the destination any more.
pub(crate) async fn work(shared: Arc<Shared>, route: Route) {
    let slot = Slot { shared, route };
    let (shared, route) = (&slot.shared, &slot.route);
    let mut line = None;
    let mut fresh = true;
    loop {
        let (work, refill) = shared.board().take(route, fresh, shared.clock.now());
        fresh = false;
        if refill {
            shared.wake.notify_one();
        }
        match work {
            Work::Job(job) => {
                let held = Held::new(shared, &job);
                attempt(shared, route, &mut line, &job).await;
                held.settled();
            }
            Work::Hopeless(job, no_line) => {
                let held = Held::new(shared, &job);
                give_up(shared, &job, &no_line).await;
                held.settled();
            }
            Work::Nothing => {
                if !wait_for_work(shared, route, &mut line).await {
                    break;
                }
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
async fn wait_for_work(shared: &Shared, route: &Route, line: &mut Option<Line>) -> bool {
    let Some(kept) = line else { return false };
    let work = shared.board().idle(route, true);
    let found = tokio::select! {
        () = work.notified() => true,
        () = kept.disturbed() => {
            *line = None;
            false
        }
        () = tokio::time::sleep(shared.config.timeouts.idle) => false,
        () = shared.spare.notified() => false,
        () = shared.stopping.cancelled() => false,
    };
    shared.board().idle(route, false);
    found
}

/// A place among the connections; free again when the worker ends, however it ends.
struct Slot {
    shared: Arc<Shared>,
    route: Route,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.board().hang_up(&self.route);
        self.shared.wake.notify_one();
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

//! Takes due entries out of the store, sorts them by destination and sends workers for them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use waxseal_model::Timestamp;
use waxseal_store::{
    StoreError,
    queue::{Handed, HandedOver, LeaseRequest},
};

use crate::{
    outcome::release,
    pauses,
    placing::{self, Left},
    recall,
    relays::Ways,
    rested::Rested,
    service::Shared,
    worker,
};

/// Entries taken from the store at once.
const BATCH: usize = 200;
/// How long entries are ours; the board renews them, so this only matters after a panic.
pub(crate) const HOLD_FOR: Duration = Duration::from_secs(2 * 3_600);

/// The board is tidied at each look into the queue, and at least so often while nobody has to look.
const TIDIED: Duration = Duration::from_secs(1);

/// When to look at the queue again, if nothing wakes us before.
#[derive(Clone, Copy)]
enum Next {
    Now,
    After(Instant),
    /// What is due may well belong to somebody who is passed over.
    PassedOver(Instant),
    At(Timestamp),
    WhenWoken,
}

impl Next {
    fn after_pause(shared: &Shared) -> Self {
        Self::After(soon(shared))
    }
}

/// When to look again at the latest while something is due.
fn soon(shared: &Shared) -> Instant {
    Instant::now() + shared.config.timeouts.look_again
}

/// What ended a wait.
enum Woken {
    /// The queue may have something.
    Queue,
    /// A message was handed over: the queue need not be asked.
    Handed(Option<Handed>),
    /// Lanes may go on that waited for a connection, or for the rate of their provider.
    Plan,
}

/// Runs until delivery stops; then waits for the workers.
pub(crate) async fn run(shared: Arc<Shared>, mut changes: watch::Receiver<u64>, mut handed_over: HandedOver) {
    let mut workers = JoinSet::new();
    let (mut woken, mut next) = (Woken::Queue, Next::Now);
    let (mut planning, mut tidying, mut looking) = (Rested::default(), Rested::default(), Rested::default());
    let (mut clearings, mut paused) = (shared.store.clearings(), shared.store.pause_changes());
    while !shared.stopping.is_cancelled() {
        clearings.borrow_and_update();
        recall::give_back(&shared).await;
        if paused.has_changed().unwrap_or(false) {
            paused.borrow_and_update();
            pauses::give_back(&shared).await;
        }
        let abandoned = shared.take_abandoned();
        if !abandoned.is_empty() {
            shared.settler.settle(abandoned).await;
        }
        let is_asking = matches!(woken, Woken::Queue);
        if tidying.is_due() && (is_asking || tidying.is_overdue(TIDIED)) {
            tidying.run(|| shared.board().tidy(shared.clock.now()));
        }
        match woken {
            Woken::Queue => {
                changes.borrow_and_update();
                shared.soonest.forget();
                let began = Instant::now();
                next = take_due(&shared, &handed_over).await;
                if matches!(next, Next::PassedOver(_)) {
                    // There may be thousands of it, and each look reads some.
                    looking.rest_after(began.elapsed());
                } else {
                    looking = Rested::default();
                }
                take_handed(&shared, None, &mut handed_over).await;
            }
            Woken::Handed(first) => take_handed(&shared, first, &mut handed_over).await,
            Woken::Plan => {}
        }
        if planning.is_due() {
            for lane in planning.run(|| shared.plan()) {
                workers.spawn(worker::work(Arc::clone(&shared), lane));
            }
        } else {
            shared.replan.notify_one();
        }
        reap(&mut workers);
        let when = (next, looking.rests_until(), planning.rests_until());
        woken = wait(&shared, (&mut changes, &mut clearings, &mut paused), &mut handed_over, when).await;
    }
    let first = if let Woken::Handed(first) = woken { first } else { None };
    handed_over.shut();
    take_handed(&shared, first, &mut handed_over).await;
    let finish = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.config.timeouts.shutdown, finish).await.is_err() {
        tracing::warn!(connections = workers.len(), "transactions did not finish in time");
        shared.hurry.cancel();
        workers.shutdown().await;
    }
    let rest: Vec<_> = shared.board().drain().iter().map(release).collect();
    shared.settler.settle(rest).await;
}

fn reap(workers: &mut JoinSet<()>) {
    while let Some(ended) = workers.try_join_next() {
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!("a delivery worker panicked; its messages are tried again later");
        }
    }
}

/// Moves due entries to the board.
async fn take_due(shared: &Shared, handed_over: &HandedOver) -> Next {
    match try_take_due(shared, handed_over).await {
        Ok(next) => next,
        Err(error) => {
            handed_over.shut();
            tracing::error!(%error, "the queue cannot be read now");
            Next::after_pause(shared)
        }
    }
}

/// Moves messages that were handed over to the board.
async fn take_handed(shared: &Shared, first: Option<Handed>, handed_over: &mut HandedOver) {
    let ways = current_ways(shared).await;
    let mut left = Left::default();
    let mut next = first.or_else(|| handed_over.try_next());
    while let Some(Handed { entries, message, until }) = next {
        match &ways {
            // The clock jumped past the end of the lease: the queue gives them out again, or has done so.
            _ if until <= shared.clock.now() => shared.wake.notify_one(),
            Some(ways) => left.extend(placing::place(shared, ways, entries, Some(&message))),
            None => left.surplus.extend(entries),
        }
        next = handed_over.try_next();
    }
    left.settle(shared).await;
}

async fn try_take_due(shared: &Shared, handed_over: &HandedOver) -> Result<Next, StoreError> {
    let now = shared.clock.now();
    let ways = shared.relays.current(&shared.store).await?;
    let (room, passed_over) = {
        let mut board = shared.board();
        (board.room(), board.saturated())
    };
    if room == 0 {
        handed_over.shut();
        return Ok(Next::after_pause(shared));
    }
    // Half of it, so that whoever had less than their share when this was asked cannot take the rest.
    let limit = room.div_ceil(2).min(BATCH);
    let skipping = !passed_over.is_empty();
    let request = LeaseRequest {
        now,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        hold_for: HOLD_FOR,
        pass_over: passed_over.clone(),
    };
    let (count, left) = {
        let _taking = shared.taking.lock().await;
        let leased = shared.store.lease(request).await?;
        (leased.len(), placing::place(shared, &ways, leased, None))
    };
    let fits = left.surplus.is_empty();
    left.settle(shared).await;
    // What is handed over while we look comes onto the board behind what was found. Where more is due than was taken, it
    // waits behind that.
    if count == limit || !fits {
        handed_over.shut();
    } else {
        handed_over.open(passed_over);
    }
    if count == limit {
        return Ok(Next::Now);
    }
    Ok(match shared.store.next_due().await? {
        None => Next::WhenWoken,
        Some(_) if skipping => Next::PassedOver(soon(shared)),
        Some(due) if due <= shared.clock.now() => Next::after_pause(shared),
        Some(due) => Next::At(due),
    })
}

/// Where everybody's mail goes now; `None` if the store does not say: then nothing leaves.
async fn current_ways(shared: &Shared) -> Option<Arc<Ways>> {
    let read = shared.relays.current(&shared.store).await;
    read.inspect_err(|error| tracing::error!(%error, "relays cannot be read now")).ok()
}

async fn wait(
    shared: &Shared,
    (changes, clearings, paused): (
        &mut watch::Receiver<u64>,
        &mut watch::Receiver<u64>,
        &mut watch::Receiver<u64>,
    ),
    handed_over: &mut HandedOver,
    (next, look_from, plan_from): (Next, Option<Instant>, Option<Instant>),
) -> Woken {
    let timer = async {
        match next {
            Next::Now => {}
            Next::After(pause) | Next::PassedOver(pause) => tokio::time::sleep_until(pause).await,
            Next::At(due) => shared.clock.sleep_until(due).await,
            Next::WhenWoken => std::future::pending().await,
        }
    };
    let (soonest, rate_due) = (shared.soonest.due(), shared.board().rate_due());
    let queue = async {
        if let Some(from) = look_from {
            tokio::time::sleep_until(from).await;
        }
        tokio::select! {
            biased;
            () = timer => Ok(()),
            () = until(shared, soonest) => Ok(()),
            changed = changes.changed() => changed,
        }
    };
    let plan = async {
        if let Some(from) = plan_from {
            tokio::time::sleep_until(from).await;
        }
        tokio::select! {
            () = until(shared, rate_due) => {}
            () = shared.replan.notified() => {}
        }
    };
    tokio::select! {
        biased;
        looked_for = queue => {
            if looked_for.is_err() {
                tokio::time::sleep(shared.config.timeouts.look_again).await;
            }
        }
        () = plan => return Woken::Plan,
        // When to look is to be reckoned anew.
        () = shared.soonest.sooner() => return Woken::Plan,
        () = shared.wake.notified() => {}
        Ok(()) = clearings.changed() => {}
        // What is on the board is looked at again; the mark stays for that.
        Ok(()) = paused.changed() => paused.mark_changed(),
        () = shared.stopping.cancelled() => {}
        handed = handed_over.next() => return Woken::Handed(handed),
    }
    Woken::Queue
}

/// Until then by the wall clock; without a time for ever.
async fn until(shared: &Shared, due: Option<Timestamp>) {
    match due {
        Some(due) => shared.clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}

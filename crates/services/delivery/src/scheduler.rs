//! Takes due entries out of the store, sorts them by destination and sends workers for them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use waxseal_store::{
    StoreError,
    queue::{LeaseRequest, LeasedEntry},
};

use crate::{
    board::Route,
    outcome::{ACCESS, release},
    recall,
    service::Shared,
    worker,
};

/// Entries taken from the store at once.
const BATCH: usize = 200;
/// How long entries are ours; the board renews them, so this only matters after a panic.
const HOLD_FOR: Duration = Duration::from_secs(2 * 3_600);
/// Pause after the store did not answer, and between looks at the queue while some destinations have
/// too much waiting to tell when the others are due.
const PAUSE: Duration = Duration::from_millis(500);

/// When to look at the queue again, if nothing wakes us before.
enum Next {
    Now,
    AfterPause,
    At(waxseal_model::Timestamp),
    WhenWoken,
}

/// Runs until delivery stops; then waits for the workers.
pub(crate) async fn run(shared: Arc<Shared>, mut changes: watch::Receiver<u64>) {
    let mut workers = JoinSet::new();
    let mut clearings = shared.store.clearings();
    while !shared.stopping.is_cancelled() {
        changes.borrow_and_update();
        clearings.borrow_and_update();
        recall::give_back(&shared).await;
        let abandoned = shared.take_abandoned();
        if !abandoned.is_empty() {
            shared.settler.settle(abandoned).await;
        }
        let next = take_due(&shared).await;
        for lane in shared.plan() {
            workers.spawn(worker::work(Arc::clone(&shared), lane));
        }
        reap(&mut workers);
        wait(&shared, (&mut changes, &mut clearings), next).await;
    }
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
async fn take_due(shared: &Shared) -> Next {
    match try_take_due(shared).await {
        Ok(next) => next,
        Err(error) => {
            tracing::error!(%error, "the queue cannot be read now");
            Next::AfterPause
        }
    }
}

async fn try_take_due(shared: &Shared) -> Result<Next, StoreError> {
    let now = shared.clock.now();
    let (room, skip_domains) = {
        let mut board = shared.board();
        board.tidy(now);
        (board.room(), board.saturated())
    };
    if room == 0 {
        return Ok(Next::WhenWoken);
    }
    let limit = room.min(BATCH);
    let skipping = !skip_domains.is_empty();
    let request = LeaseRequest {
        now,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        hold_for: HOLD_FOR,
        skip_domains,
    };
    let leased = shared.store.lease(request).await?;
    let count = leased.len();
    let surplus = put_on_board(shared, leased);
    if !surplus.is_empty() {
        shared.settler.settle(surplus.iter().map(release).collect()).await;
    }
    if count == limit {
        return Ok(Next::Now);
    }
    Ok(match shared.store.next_due().await? {
        None => Next::WhenWoken,
        // The earliest may well belong to a destination that was passed over: look again soon.
        Some(_) if skipping => Next::AfterPause,
        Some(due) if due <= shared.clock.now() => Next::AfterPause,
        Some(due) => Next::At(due),
    })
}

/// Returns what there is no room for.
fn put_on_board(shared: &Shared, leased: Vec<LeasedEntry>) -> Vec<LeasedEntry> {
    let mut board = shared.board();
    let surplus = leased.into_iter().filter_map(|entry| {
        let route = match &shared.config.relay {
            _ if entry.capture => Route::Captured,
            Some(relay) => Route::Relay(relay.clone()),
            None => Route::Domain(entry.recipient_domain.clone()),
        };
        let reverse_path = entry.envelope.open(&ACCESS).reverse_path.clone();
        board.add(route, entry, &reverse_path)
    });
    surplus.collect()
}

async fn wait(
    shared: &Shared,
    (changes, clearings): (&mut watch::Receiver<u64>, &mut watch::Receiver<u64>),
    next: Next,
) {
    let timer = async {
        match next {
            Next::Now => {}
            Next::AfterPause => tokio::time::sleep(PAUSE).await,
            Next::At(due) => shared.clock.sleep_until(due).await,
            Next::WhenWoken => std::future::pending().await,
        }
    };
    tokio::select! {
        () = timer => {}
        () = shared.wake.notified() => {}
        changed = changes.changed() => {
            if changed.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(()) = clearings.changed() => {}
        () = shared.stopping.cancelled() => {}
    }
}

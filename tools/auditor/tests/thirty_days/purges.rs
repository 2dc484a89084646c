//! Each purge left out in turn.

use std::time::Duration;

use waxseal_auditor::Report;
use waxseal_model::Clock as _;
use waxseal_store::{Engine, Store, StoreError};

use crate::world::{EVENTS_DAYS, REQUEST_DAYS, World};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: u64 = 86_400;
const BATCH: u64 = 500;

/// What each purge is for, as the auditor names it.
const PURGES: [&str; 8] = [
    "inbox_items",
    "bodies",
    "idempotency_keys",
    "events",
    "messages",
    "privacy_requests",
    "content keys",
    "event keys",
];

/// A round of retention without one of its purges.
async fn round(
    store: &Store,
    now: waxseal_model::Timestamp,
    without: Option<&str>,
) -> Result<(), StoreError> {
    let cut = now - Duration::from_secs(u64::from(EVENTS_DAYS) * DAY);
    for purge in PURGES.into_iter().filter(|purge| Some(*purge) != without) {
        match purge {
            "inbox_items" => store.purge_inbox(now, BATCH).await?,
            "bodies" => store.purge_bodies(now, BATCH).await?,
            "idempotency_keys" => store.purge_idempotency(now, BATCH).await?,
            "events" => store.purge_events(cut, BATCH).await?,
            "messages" => store.purge_messages(cut, BATCH).await?,
            "privacy_requests" => {
                let days = Duration::from_secs(u64::from(REQUEST_DAYS) * DAY);
                store.purge_requests(now - days, BATCH).await?
            }
            "content keys" => store.destroy_unused_content_keys(now.day()).await?,
            _ => store.destroy_event_keys_before(cut.day()).await?,
        };
    }
    store.checkpoint().await
}

fn past(report: &Report) -> Vec<&str> {
    report.items.iter().filter(|item| item.past > 0).map(|item| item.name.as_str()).collect()
}

#[test]
fn a_purge_that_is_left_out_turns_the_auditor_red_for_what_stays() {
    let world = World::new(Engine::Sqlite);
    for missing in PURGES {
        world.traffic(0);
        world.settled();
        let mut ticks = 0;
        let mut report = world.audited();
        while !past(&report).contains(&missing) {
            assert!(ticks < 24 * (u64::from(EVENTS_DAYS) + 8), "without {missing}:\n{}", report.text());
            world.clock().advance(HOUR);
            let now = world.clock().now();
            world.on(async |platform| round(&platform.store, now, Some(missing)).await).expect("a round");
            world.settled();
            report = world.audited();
            ticks += 1;
        }
        let item = report.items.iter().find(|item| item.name == missing).expect(missing);
        // A message goes with its last event; the key of its own day is gone by then.
        assert!(item.readable > 0 || missing == "messages", "its key is there:\n{}", report.text());
        // With all of them it is well again.
        let now = world.clock().now();
        world.on(async |platform| round(&platform.store, now, None).await).expect("a round");
        assert!(world.audited().holds(), "after {missing}:\n{}", world.audited().text());
    }
}

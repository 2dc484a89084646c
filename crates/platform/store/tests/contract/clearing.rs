//! Clearing the queue of a domain reaches every entry, whoever holds it.

use std::time::Duration;

use waxseal_model::event::{EventKind, Severity};
use waxseal_store::{
    event_log::StoredEvent,
    queue::{LeasedEntry, Outcome, QueueCounts, QueueFilter, Settlement},
    sent_notes::SentNote,
};

use crate::world::{ACCESS, Sender, World};

/// The recipients that were dropped.
async fn dropped(world: &World) -> Vec<String> {
    let events = world.store.read_log(0, 10_000).await.expect("events");
    let failed = events.iter().filter(|event| event.kind == EventKind::Failed);
    let recipient = |event: &StoredEvent| {
        let details = event.details.open(&ACCESS);
        assert_eq!(event.severity, Some(Severity::Permanent));
        let status = details.delivery_status.as_ref().expect("a status");
        assert_eq!((status.code, &*status.description), (600, CLEARED));
        assert_eq!(details.message.subject, "secret plans", "it tells of its message as every event does");
        details.recipient.clone().expect("a recipient")
    };
    failed.map(recipient).collect()
}

const CLEARED: &str = "Dropped: the sending queue of the domain was cleared";

async fn clear(world: &World, sender: Sender) -> u64 {
    world.store.clear_queue(sender.account, sender.domain).await.expect("cleared")
}

async fn counts(world: &World) -> QueueCounts {
    world.store.queue_counts(&QueueFilter::default()).await.expect("counted")
}

async fn end(world: &World, entry: &LeasedEntry, outcome: Outcome) {
    let Settlement { entry, lease, events, .. } = world.delivered(entry);
    let events = if matches!(outcome, Outcome::Done { .. }) { events } else { Vec::new() };
    world.store.settle(vec![Settlement { entry, lease, outcome, events }]).await.expect("settled");
}

pub(crate) async fn a_cleared_queue_is_empty_and_every_recipient_has_one_terminal_event(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let due = world.send(sender, &["a@one.example", "b@one.example"]).await;
    let mut later = world.message(&["c@one.example"]);
    later.schedule.not_before = world.now() + Duration::from_secs(3_600);
    world.store.accept(world.accept(sender, later)).await.expect("accepted");
    world.send(other, &["d@one.example"]).await;
    assert_eq!(clear(&world, sender).await, 3);
    let mut ended = dropped(&world).await;
    ended.sort_unstable();
    assert_eq!(ended, ["a@one.example", "b@one.example", "c@one.example"]);
    assert!(world.store.body(sender.account, due).await.expect("read").is_none(), "nobody needs it");
    assert_eq!(world.lease(10).await.len(), 1, "the other domain's mail stays");
    assert_eq!(clear(&world, sender).await, 0);
    let stranger = Sender { account: other.account, domain: sender.domain };
    assert_eq!(clear(&world, stranger).await, 0, "an account clears its own queues alone");
}

pub(crate) async fn a_long_queue_is_cleared_to_its_end(world: World) {
    let sender = world.sender().await;
    for message in 0..3 {
        let to: Vec<String> = (0..700).map(|number| format!("r{number}@m{message}.example")).collect();
        world.send(sender, &to.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let held = world.lease(200).await;
    assert_eq!(clear(&world, sender).await, 2_100);
    assert_eq!(counts(&world).await, QueueCounts { waiting: 0, in_flight: 200 });
    for entry in &held {
        end(&world, entry, Outcome::Released).await;
    }
    let mut ended = dropped(&world).await;
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), 2_100, "each once");
    assert_eq!(dropped(&world).await.len(), 2_100);
}

pub(crate) async fn what_somebody_holds_ends_when_it_is_given_back(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example"]).await;
    let held = world.lease(1).await.remove(0);
    let mut told = world.store.clearings();
    assert!(!world.store.is_any_cleared([held.id]));
    assert_eq!(clear(&world, sender).await, 2);
    assert!(told.has_changed().expect("open") && world.store.is_any_cleared([held.id]));
    told.mark_unchanged();
    assert_eq!(dropped(&world).await.len(), 1, "the one that nobody held");
    assert_eq!(counts(&world).await, QueueCounts { waiting: 0, in_flight: 1 });
    end(&world, &held, Outcome::Released).await;
    assert_eq!(dropped(&world).await.len(), 2);
    assert_eq!(counts(&world).await, QueueCounts::default());
    assert!(!world.store.is_any_cleared([held.id]), "settled and forgotten");
}

pub(crate) async fn what_arrived_before_its_holder_was_told_is_delivered(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let held = world.lease(1).await.remove(0);
    clear(&world, sender).await;
    end(&world, &held, Outcome::Done { suppress: None }).await;
    assert!(dropped(&world).await.is_empty(), "one terminal event: delivered");
    assert_eq!(counts(&world).await, QueueCounts::default());
    assert!(!world.store.is_any_cleared([held.id]));
}

pub(crate) async fn a_cleared_entry_is_neither_tried_again_nor_captured(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example"]).await;
    let held = world.lease(2).await;
    clear(&world, sender).await;
    let (next_attempt_at, first_attempt_at) = (world.now() + Duration::from_secs(600), world.now());
    let last_reply = "451 later".into();
    end(&world, &held[0], Outcome::Deferred { next_attempt_at, first_attempt_at, last_reply }).await;
    end(&world, &held[1], Outcome::Captured { expires_at: world.now() + Duration::from_secs(600) }).await;
    assert_eq!(dropped(&world).await.len(), 2);
    assert_eq!(counts(&world).await, QueueCounts::default());
    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.lease(10).await.is_empty());
}

pub(crate) async fn what_was_cleared_in_the_hands_of_the_dead_ends_at_the_next_start(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example"]).await;
    let held = world.lease(2).await;
    let sent = SentNote { entry: held[0].id, attempts: 0 };
    world.store.note_sent(&[sent]).await.expect("noted");
    clear(&world, sender).await;
    world.reopen().await;
    world.store.free_leases().await.expect("freed");
    assert_eq!(dropped(&world).await.len(), 2);
    let events = world.store.read_log(0, 10_000).await.expect("events");
    let uncertain = |event: &&StoredEvent| {
        event.details.open(&ACCESS).delivery_status.as_ref().is_some_and(|status| status.possible_duplicate)
    };
    assert_eq!(events.iter().filter(uncertain).count(), 1, "nobody knows whether that one arrived");
    assert!(world.store.uncertain().await.expect("read").is_empty() && !world.store.is_noted(held[0].id));
    assert!(world.lease(10).await.is_empty());
}

pub(crate) async fn nothing_brings_a_cleared_entry_back(world: World) {
    let sender = world.sender().await;
    let message = world.send(sender, &["a@one.example"]).await;
    let held = world.lease(1).await.remove(0);
    clear(&world, sender).await;
    world.store.hold(&[held.id]).await.expect("asked");
    world.store.retry_now(message, world.now()).await.expect("asked");
    // The lease is over, and whoever had it says nothing.
    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.lease(10).await.is_empty());
    let shown = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("listed");
    assert!(shown[0].is_cleared() && !shown[0].is_held());
    world.store.free_leases().await.expect("freed");
    assert_eq!(dropped(&world).await, ["a@one.example"]);
}

//! The second note: what a recipient's server said yes to is settled, although the process ended before the commit.

use std::time::Duration;

use waxseal_model::event::EventKind;
use waxseal_store::{
    queue::{LeasedEntry, QueueFilter, Settlement},
    sent_notes::SentNote,
};

use crate::world::{ACCESS, World};

async fn sent(world: &World, entries: &[LeasedEntry]) {
    let note = |entry: &LeasedEntry| SentNote { entry: entry.id, attempts: entry.attempts };
    world.store.note_sent(&entries.iter().map(note).collect::<Vec<_>>()).await.expect("noted");
}

pub(crate) async fn what_was_delivered_and_not_committed_is_settled_at_the_next_start(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example", "c@one.example"]).await;
    let held = world.lease(3).await;
    sent(&world, &held).await;
    let at = world.now();
    world.store.note_delivered(&[(held[0].id, false), (held[1].id, true)], at);
    world.clock.advance(Duration::from_secs(60));
    world.reopen().await;
    assert_eq!(world.store.settle_noted().await.expect("settled"), 2);
    let uncertain = world.store.uncertain().await.expect("read");
    assert_eq!(
        uncertain.iter().map(|one| one.entry).collect::<Vec<_>>(),
        [held[2].id],
        "of the third nobody knows"
    );
    let events = world.store.read_log(0, 100).await.expect("events");
    let delivered: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Delivered).collect();
    assert_eq!(delivered.len(), 2);
    for (event, entry) in delivered.iter().zip(&held) {
        let details = event.details.open(&ACCESS);
        assert_eq!(details.recipient.as_deref(), Some(&*entry.envelope.open(&ACCESS).recipient));
        assert_eq!(details.message.subject, "secret plans", "it tells of its message as every event does");
        let status = details.delivery_status.as_ref().expect("a status");
        assert_eq!((status.code, status.attempt_no), (250, 1));
        assert_eq!(status.possible_duplicate, entry.id == held[1].id);
        assert_eq!(event.at, at, "when it was delivered");
    }
    assert!(!world.store.is_noted(held[0].id));
    world.store.free_leases().await.expect("freed");
    assert_eq!(world.store.queue_counts(&QueueFilter::default()).await.expect("counts").waiting, 1);
    assert_eq!(world.lease(10).await.iter().map(|entry| entry.id).collect::<Vec<_>>(), [held[2].id]);
    assert_eq!(world.store.settle_noted().await.expect("nothing"), 0, "once");
}

pub(crate) async fn a_note_of_what_was_settled_since_settles_nothing(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let held = world.lease(1).await;
    sent(&world, &held).await;
    world.store.note_delivered(&[(held[0].id, false)], world.now());
    let settled: Vec<Settlement> = held.iter().map(|entry| world.delivered(entry)).collect();
    world.store.settle(settled).await.expect("settled");
    let events = world.store.read_log(0, 100).await.expect("events").len();
    world.reopen().await;
    assert_eq!(world.store.settle_noted().await.expect("nothing"), 0);
    assert_eq!(world.store.read_log(0, 100).await.expect("events").len(), events, "one event, and no second");
    assert!(!world.store.is_noted(held[0].id), "the note goes");
}

pub(crate) async fn a_note_of_an_account_whose_keys_are_gone_keeps_nobody_else_waiting(mut world: World) {
    let (gone, other) = (world.sender().await, world.sender().await);
    world.send(gone, &["a@one.example"]).await;
    world.send(other, &["b@one.example"]).await;
    let held = world.lease(2).await;
    sent(&world, &held).await;
    world.store.note_delivered(&held.iter().map(|entry| (entry.id, false)).collect::<Vec<_>>(), world.now());
    world.store.destroy_account_keys(gone.account).await.expect("destroyed");
    world.reopen().await;
    assert_eq!(world.store.settle_noted().await.expect("settled"), 1, "the other one's");
    assert!(held.iter().all(|entry| !world.store.is_noted(entry.id)), "no note stays");
    let events = world.store.read_log(0, 100).await.expect("events");
    let delivered: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Delivered).collect();
    assert_eq!(delivered.iter().map(|event| event.account).collect::<Vec<_>>(), [other.account]);
}

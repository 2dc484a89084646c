//! What is over goes: keys, bodies, events, messages.

use std::time::Duration;

use waxseal_model::event::EventKind;
use waxseal_store::{
    StoreError,
    message::{Idempotency, NewMessage},
};

use crate::world::{ACCESS, World};

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) async fn a_destroyed_day_is_unreadable(mut world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    let first = world.send(one, &["a@one.example"]).await;
    let second = world.send(other, &["a@one.example"]).await;
    let day = world.now().day();
    world.clock.advance(DAY);
    let later = world.send(one, &["a@one.example"]).await;
    assert_eq!(world.store.destroy_content_keys_of(day).await.expect("destroyed"), 2);
    for _ in 0..2 {
        for (account, id) in [(one.account, first), (other.account, second)] {
            let body = world.store.body(account, id).await;
            assert!(matches!(body, Err(StoreError::Erased)));
        }
        let body = world.store.body(one.account, later).await.expect("read").expect("there");
        assert!(body.open(&crate::world::WORKER).starts_with(b"Subject"));
        world.reopen().await;
    }
    assert_eq!(world.lease(10).await.len(), 3, "the queue can still settle them");
    // A new message of that day gets a new key; the old bodies stay unreadable.
    world.clock.jump_to(day.start());
    let again = world.send(one, &["a@one.example"]).await;
    assert!(world.store.body(one.account, again).await.expect("read").is_some());
    assert!(matches!(world.store.body(one.account, first).await, Err(StoreError::Erased)));
}

pub(crate) async fn an_account_without_keys_is_unreadable_for_good(mut world: World) {
    let (gone, stays) = (world.sender().await, world.sender().await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.send(gone, &["a@one.example"]).await);
        world.clock.advance(DAY);
    }
    let of_other = world.send(stays, &["a@one.example"]).await;
    let destroyed = world.store.destroy_account_keys(gone.account).await.expect("destroyed");
    assert!(destroyed >= 7, "the account's own, and two for each of three days: {destroyed}");
    for _ in 0..2 {
        assert!(matches!(world.store.account(gone.account).await, Err(StoreError::Erased)));
        for id in &ids {
            assert!(matches!(world.store.body(gone.account, *id).await, Err(StoreError::Erased)));
        }
        let refused = world.store.accept(world.accept(gone, world.message(&["a@one.example"]))).await;
        assert!(matches!(refused, Err(StoreError::Erased)), "no new key for what is erased");
        assert!(world.store.body(stays.account, of_other).await.expect("read").is_some());
        assert_eq!(world.store.destroy_account_keys(gone.account).await.expect("again"), 0);
        world.reopen().await;
    }
}

pub(crate) async fn content_keys_go_when_no_body_needs_them(world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    let first = world.send(one, &["a@one.example"]).await;
    world.send(other, &["a@one.example"]).await;
    assert_eq!(world.store.destroy_unused_content_keys(world.now().day()).await.expect("destroyed"), 0);
    world.clock.advance(DAY);
    assert_eq!(world.store.destroy_unused_content_keys(world.now().day()).await.expect("destroyed"), 0);
    let leased = world.lease(10).await;
    let of_other = leased.iter().find(|entry| entry.account == other.account).expect("leased");
    world.store.settle(vec![world.delivered(of_other)]).await.expect("settled");
    assert_eq!(world.store.destroy_unused_content_keys(world.now().day()).await.expect("destroyed"), 1);
    assert!(world.store.body(one.account, first).await.expect("read").is_some());
}

pub(crate) async fn event_keys_stay_while_a_message_of_their_day_waits(world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    world.send(one, &["a@one.example"]).await;
    world.store.append_events(vec![world.event(other, EventKind::Opened, None)]).await.expect("appended");
    world.clock.advance(DAY);
    let today = world.now().day();
    assert_eq!(world.store.destroy_event_keys_before(today).await.expect("destroyed"), 1);
    let readable = world.store.read_log(0, 10).await.expect("read");
    assert!(readable.iter().all(|event| event.account == one.account), "the other's are gone");
    let leased = world.lease(10).await;
    assert_eq!(leased[0].envelope.open(&ACCESS).recipient, "a@one.example");
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    assert_eq!(world.store.destroy_event_keys_before(today).await.expect("destroyed"), 1);
    let kinds: Vec<_> = world.store.read_log(0, 10).await.expect("read").iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Delivered], "only today's can be read");
}

pub(crate) async fn old_events_and_messages_are_purged_in_batches(world: World) {
    let sender = world.sender().await;
    let waiting = world.send(sender, &["late@one.example"]).await;
    let held = world.lease(1).await;
    let mut settled = Vec::new();
    for number in 0..5 {
        settled.push(world.send(sender, &[&format!("r{number}@one.example")]).await);
    }
    let leased = world.lease(10).await;
    world.store.settle(leased.iter().map(|entry| world.delivered(entry)).collect()).await.expect("settled");
    world.clock.advance(DAY);
    let cut = world.now();
    assert_eq!(world.store.purge_messages(cut, 100).await.expect("purged"), 0, "events tell of them");
    assert_eq!(world.store.purge_events(cut, 4).await.expect("purged"), 4);
    assert_eq!(world.store.purge_events(cut, 100).await.expect("purged"), 7);
    assert_eq!(world.store.purge_events(cut, 100).await.expect("purged"), 0);
    assert_eq!(world.store.purge_messages(cut, 3).await.expect("purged"), 3);
    assert_eq!(world.store.purge_messages(cut, 100).await.expect("purged"), 2);
    for id in settled {
        assert!(world.store.message(sender.account, id).await.expect("read").is_none());
    }
    assert!(world.store.message(sender.account, waiting).await.expect("read").is_some());
    assert!(world.store.body(sender.account, waiting).await.expect("read").is_some());
    drop(held);
}

pub(crate) async fn a_message_goes_though_a_later_one_bears_its_message_id(world: World) {
    let sender = world.sender().await;
    let same = |mut message: NewMessage| {
        message.header_message_id = "always@the.same".into();
        message
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let message = same(world.message(&["a@one.example"]));
        ids.push(message.id);
        let accept = world.accept(sender, message);
        world.store.accept(accept).await.expect("accepted");
        let leased = world.lease(10).await;
        world
            .store
            .settle(leased.iter().map(|entry| world.delivered(entry)).collect())
            .await
            .expect("settled");
        world.clock.advance(10 * DAY);
    }
    let cut = world.now() - 15 * DAY;
    assert!(world.store.purge_events(cut, 100).await.expect("purged") > 0);
    assert_eq!(world.store.purge_messages(cut, 100).await.expect("purged"), 1);
    assert!(world.store.message(sender.account, ids[0]).await.expect("read").is_none());
    assert!(world.store.message(sender.account, ids[1]).await.expect("read").is_some());
}

pub(crate) async fn expired_idempotency_keys_are_forgotten(world: World) {
    let sender = world.sender().await;
    let mut accept = world.accept(sender, world.message(&["a@one.example"]));
    accept.idempotency = Some(Idempotency {
        key_hash: [1; 32],
        request_hash: [2; 32],
        answer: "<x@y.example>".into(),
        expires_at: world.now() + DAY,
    });
    world.store.accept(accept).await.expect("accepted");
    assert_eq!(world.store.purge_idempotency(world.now(), 10).await.expect("purged"), 0);
    world.clock.advance(DAY);
    assert_eq!(world.store.purge_idempotency(world.now(), 10).await.expect("purged"), 1);
}

pub(crate) async fn the_clock_is_noted(mut world: World) {
    assert_eq!(world.store.noted_clock().await.expect("read"), None);
    world.store.note_clock(world.now()).await.expect("noted");
    world.clock.advance(DAY);
    world.store.note_clock(world.now()).await.expect("noted");
    world.store.ping().await.expect("alive");
    world.reopen().await;
    assert_eq!(world.store.noted_clock().await.expect("read"), Some(world.now()));
}

pub(crate) async fn what_was_written_by_a_clock_that_was_ahead_ends_as_if_it_were_written_now(
    mut world: World,
) {
    let sender = world.sender().await;
    world.send(sender, &["early@one.example"]).await;
    let now = world.now();
    world.clock.jump_to(now + 400 * DAY);
    let mut accept = world.accept(sender, world.message(&["a@one.example"]));
    accept.idempotency = Some(Idempotency {
        key_hash: [7; 32],
        request_hash: [1; 32],
        answer: "<a@b>".into(),
        expires_at: now + 401 * DAY,
    });
    let id = accept.messages[0].id;
    world.store.accept(accept).await.expect("accepted");
    world.clock.jump_to(now);
    assert!(world.store.redate_ahead(now).await.expect("redated") >= 4);
    assert_eq!(world.store.redate_ahead(now).await.expect("redated"), 0, "once is enough");
    world.reopen().await;

    // It is due, and given up when it would have been.
    let leased = world.lease(10).await;
    let entry = leased.iter().find(|entry| entry.message == id).expect("it does not wait for a year");
    assert!(entry.accepted_at <= now && entry.schedule.give_up_at <= now + 42 * DAY);
    assert_eq!(entry.envelope.open(&ACCESS).recipient, "a@one.example");
    world.store.settle(leased.iter().map(|entry| world.delivered(entry)).collect()).await.expect("settled");
    assert!(world.store.read_log(0, 10).await.expect("read").iter().all(|event| event.at <= now));

    // A month later nothing of it is left, and no key of a day that is still to come.
    world.clock.advance(31 * DAY);
    let (cut, today) = (world.now() - 30 * DAY, world.now().day());
    assert_eq!(world.store.redate_ahead(world.now()).await.expect("redated"), 0);
    world.store.purge_bodies(world.now(), 100).await.expect("purged");
    assert_eq!(world.store.purge_idempotency(world.now(), 100).await.expect("purged"), 1);
    assert!(world.store.purge_events(cut, 100).await.expect("purged") > 0);
    world.store.purge_messages(cut, 100).await.expect("purged");
    assert!(world.store.message(sender.account, id).await.expect("read").is_none());
    world.store.destroy_unused_content_keys(today).await.expect("destroyed");
    world.store.destroy_event_keys_before(cut.day()).await.expect("destroyed");
    let days: Vec<_> =
        world.store.keys().await.expect("listed").into_iter().filter_map(|key| key.day).collect();
    assert!(days.is_empty(), "{days:?}");
}

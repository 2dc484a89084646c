//! Scheduling, test mode, options that travel with the message.

use std::time::Duration;

use waxseal_model::event::EventKind;

use crate::world::{NOW, World, letter, pairs};

#[tokio::test]
async fn a_scheduled_message_waits_and_its_window_counts_from_then() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.options = pairs(&[("deliverytime", "Wed, 11 Feb 2026 12:34:56 GMT"), ("deliver-within", "1h")]);
    world.send(request).await.expect("sent");
    let entry = world.only().await.entry;
    let due = NOW + Duration::from_secs(86_400);
    assert_eq!(entry.next_attempt_at, due);
    assert_eq!(entry.give_up_at, due + Duration::from_secs(3_600));
    assert_eq!(world.events().await[0].details.message.scheduled_for, Some(due.as_secs()));
}

#[tokio::test]
async fn in_test_mode_nothing_is_queued_and_delivery_is_reported() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.options = pairs(&[("testmode", "True")]);
    let sent = world.send(request).await.expect("sent");
    assert!(sent.id.ends_with("@mg.example.org>"));
    assert!(world.queued().await.is_empty());
    let events = world.events().await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Delivered]);
    assert!(events.iter().all(|event| event.details.flags.is_test_mode));
    assert_eq!(events[1].details.delivery_status.as_ref().map(|status| status.code), Some(650));
}

#[tokio::test]
async fn options_travel_with_the_message() {
    let world = World::new().await;
    let mut request = world.request(letter());
    request.options = pairs(&[("require-tls", "yes"), ("skip-verification", "true"), ("tracking", "no")]);
    world.send(request).await.expect("sent");
    let id = world.only().await.entry.message;
    let message = world.store.message(world.caller.account, id).await.expect("store").expect("message");
    assert!(message.options.require_tls && message.options.skip_verification);
    assert_eq!(message.options.tracking_clicks, Some(waxseal_model::options::Tracking::No));
    assert!(!message.capture);
    assert_eq!(message.keep_until, NOW + Duration::from_secs(259_200));
}

//! The same call made twice.

use std::time::Duration;

use waxseal_sending::{SendError, request::SendRequest, resend::ResendError};

use crate::world::{World, letter, pairs};

fn keyed(world: &World, key: &str) -> SendRequest {
    SendRequest { idempotency: Some(key.into()), ..world.request(letter()) }
}

#[tokio::test]
async fn a_repeated_call_gets_the_same_answer_and_sends_nothing() {
    let world = World::new().await;
    let first = world.send(keyed(&world, "order-7")).await.expect("sent");
    let second = world.send(keyed(&world, "order-7")).await.expect("sent");
    assert_eq!(first, second);
    assert_eq!(world.queued().await.len(), 1);
    assert_eq!(world.events().await.len(), 1);
    let other = world.send(keyed(&world, "order-8")).await.expect("sent");
    assert_ne!(first, other);
}

#[tokio::test]
async fn two_calls_at_the_same_time_send_one_message() {
    let world = World::new().await;
    let (a, b, c) = tokio::join!(
        world.send(keyed(&world, "k")),
        world.send(keyed(&world, "k")),
        world.send(keyed(&world, "k")),
    );
    let a = a.expect("sent");
    assert_eq!((&a, &a), (&b.expect("sent"), &c.expect("sent")));
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let first = world.send(keyed(&world, "order-7")).await.expect("sent");
    world.clock.advance(Duration::from_secs(86_399));
    assert_eq!(world.send(keyed(&world, "order-7")).await.expect("sent"), first);
    world.clock.advance(Duration::from_secs(2));
    assert_ne!(world.send(keyed(&world, "order-7")).await.expect("sent"), first);
    assert_eq!(world.queued().await.len(), 2);
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused() {
    let world = World::new().await;
    world.send(keyed(&world, "order-7")).await.expect("sent");
    let mut other = keyed(&world, "order-7");
    other.options = pairs(&[("tag", "other")]);
    assert!(matches!(world.send(other).await, Err(SendError::KeyReused)));
    assert_eq!(world.queued().await.len(), 1);
    let long = "k".repeat(256);
    assert!(matches!(world.send(keyed(&world, &long)).await, Err(SendError::Invalid(_))));
}

#[tokio::test]
async fn a_stored_message_is_sent_again_once_however_often_the_call_is_made() {
    let world = World::new().await;
    world.send(world.request(letter())).await.expect("sent");
    let id = world.queued().await[0].entry.message;
    let again = async |to: &str, key: &str| {
        world.sending.resend(&world.caller, &world.domain, id, &[to.to_owned()], Some(key)).await
    };
    let first = again("eve@example.net", "again-1").await.expect("sent");
    assert_eq!(again("eve@example.net", "again-1").await.expect("answered"), first);
    assert_eq!(world.queued().await.len(), 2);
    let other = again("adam@example.net", "again-1").await;
    assert!(matches!(other, Err(ResendError::Send(SendError::KeyReused))));
    assert!(matches!(again("eve@example.net", "").await, Err(ResendError::Send(SendError::Invalid(_)))));
    again("eve@example.net", "again-2").await.expect("sent");
    assert_eq!(world.queued().await.len(), 3);
}

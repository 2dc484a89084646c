//! Captured messages are in the account's inbox until their term.

use std::time::Duration;

use waxseal_model::MessageId;
use waxseal_store::queue::{Outcome, Settled};

use crate::world::{ACCESS, Sender, World};

/// Sends a message that is captured.
pub(crate) async fn capture(world: &World, sender: Sender, recipients: &[&str]) -> MessageId {
    let mut new = world.message(recipients);
    new.capture = true;
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    let leased = world.lease(10).await;
    assert!(leased.iter().all(|entry| entry.capture));
    let settlements = leased.iter().map(|entry| {
        let mut settlement = world.delivered(entry);
        settlement.outcome = Outcome::Captured { expires_at: world.now() + Duration::from_secs(3600) };
        settlement
    });
    let settled = world.store.settle(settlements.collect()).await.expect("settled");
    assert!(settled.iter().all(|settled| *settled == Settled::Yes));
    id
}

pub(crate) async fn captured_messages_are_in_the_inbox_until_their_term(world: World) {
    let (sender, stranger) = (world.sender().await, world.sender().await);
    let first = capture(&world, sender, &["a@one.example"]).await;
    world.clock.advance(Duration::from_millis(1));
    let second = capture(&world, sender, &["b@one.example"]).await;
    let all = world.store.inbox(sender.account, None, None, None, 10).await.expect("read");
    assert_eq!(all.iter().map(|item| item.message).collect::<Vec<_>>(), [second, first]);
    assert_eq!(all[0].envelope.open(&ACCESS).recipient, "b@one.example");
    let older = world.store.inbox(sender.account, None, None, Some(all[0].id), 10).await.expect("read");
    assert_eq!(older.iter().map(|item| item.message).collect::<Vec<_>>(), [first]);
    let to_a = world.store.inbox(sender.account, Some(sender.domain), Some("A@one.example"), None, 10);
    assert_eq!(to_a.await.expect("read").len(), 1);
    assert!(world.store.inbox(stranger.account, None, None, None, 10).await.expect("read").is_empty());
    assert!(world.store.inbox_item(stranger.account, all[0].id).await.expect("read").is_none());
    assert!(world.store.inbox_item(sender.account, all[0].id).await.expect("read").is_some());
    let body = world.store.body(sender.account, first).await.expect("read").expect("there");
    assert!(body.open(&crate::world::WORKER).starts_with(b"Subject: secret plans"));
    world.clock.advance(Duration::from_secs(3601));
    assert_eq!(world.store.purge_inbox(world.now(), 10).await.expect("purged"), 2);
    assert_eq!(world.store.purge_bodies(world.now(), 10).await.expect("purged"), 2);
    assert!(world.store.body(sender.account, first).await.expect("read").is_none());
    assert!(world.store.inbox(sender.account, None, None, None, 10).await.expect("read").is_empty());
}

pub(crate) async fn deleting_the_last_item_lets_the_body_go(world: World) {
    let (sender, stranger) = (world.sender().await, world.sender().await);
    let id = capture(&world, sender, &["a@one.example", "b@one.example"]).await;
    let items = world.store.inbox(sender.account, None, None, None, 10).await.expect("read");
    assert!(!world.store.delete_inbox_item(stranger.account, items[0].id).await.expect("asked"));
    assert!(world.store.delete_inbox_item(sender.account, items[0].id).await.expect("asked"));
    assert!(!world.store.delete_inbox_item(sender.account, items[0].id).await.expect("asked"));
    assert!(world.store.body(sender.account, id).await.expect("read").is_some(), "the other needs it");
    assert_eq!(world.store.clear_inbox(sender.account, Some(stranger.domain)).await.expect("asked"), 0);
    assert_eq!(world.store.clear_inbox(sender.account, Some(sender.domain)).await.expect("asked"), 1);
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert!(!message.has_body);
}

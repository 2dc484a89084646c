//! What is accepted goes to delivery at once, with its content, and is lost no more than what waits.

use std::time::Duration;

use waxseal_model::{Access, actor, purpose, suppression::SuppressionKind};
use waxseal_store::{
    message::NewMessage,
    queue::{Handed, HandedOver, HandoverLimits, PassedOver, QueueFilter},
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    queue::one_flow,
    world::{ACCESS, Sender, World},
};

fn limits() -> HandoverLimits {
    HandoverLimits { recipients: 10, bytes: 1_000, hold_for: Duration::from_secs(600) }
}

/// Somebody who takes everything.
fn taker(world: &World) -> HandedOver {
    let handed_over = world.store.hand_over(limits());
    handed_over.open(PassedOver::default());
    handed_over
}

async fn accept(world: &World, sender: Sender, message: NewMessage) {
    let lists = world.store.lists_as_of_now();
    world.store.accept_as_of(world.accept(sender, message), Some(lists)).await.expect("accepted");
}

async fn send(world: &World, sender: Sender, recipients: &[&str]) {
    accept(world, sender, world.message(recipients)).await;
}

fn recipients(handed: &Handed) -> Vec<&str> {
    handed.entries.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.as_str()).collect()
}

pub(crate) async fn a_message_is_handed_over_with_all_that_delivery_needs(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    let message = world.message(&["bob@one.example", "eve@two.example"]);
    let (id, options) = (message.id, message.options.clone());
    let changes = world.store.queue_changes();
    accept(&world, sender, message).await;
    assert!(!changes.has_changed().expect("the store is there"), "nobody need look into the queue");
    let handed = handed_over.try_next().expect("it is there once it is accepted");
    assert_eq!(recipients(&handed), ["bob@one.example", "eve@two.example"]);
    let access = Access::new(actor::System, purpose::Delivery);
    let stored = world.store.body(sender.account, id).await.expect("read").expect("there").into_open(&access);
    assert_eq!(handed.message.content.open(&access), stored, "the content as it is on disk");
    assert_eq!((handed.message.stored.id, &handed.message.stored.options), (id, &options));
    assert!(world.store.is_readable(&handed.message).await);
    assert!(world.lease(10).await.is_empty(), "nobody else takes it");
    assert!(handed.entries.iter().all(|entry| world.store.is_unlisted(entry)));
    let delivered = handed.entries.iter().map(|entry| world.delivered(entry)).collect();
    world.store.settle(delivered).await.expect("settled");
    assert_eq!(world.store.queue_counts(&QueueFilter::default()).await.expect("counts").in_flight, 0);
    assert!(
        world.store.body(sender.account, id).await.expect("read").is_none(),
        "and it goes as any other does"
    );
}

pub(crate) async fn after_a_crash_what_was_handed_over_waits_again(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    send(&world, sender, &["bob@one.example"]).await;
    drop(handed_over.try_next().expect("handed over"));
    assert_eq!(world.store.free_leases().await.expect("freed"), 1, "as the next start does");
    assert_eq!(world.lease(10).await.len(), 1);
}

pub(crate) async fn what_nobody_takes_any_more_waits(world: World) {
    let sender = world.sender().await;
    drop(taker(&world));
    let changes = world.store.queue_changes();
    send(&world, sender, &["bob@one.example"]).await;
    assert!(changes.has_changed().expect("the store is there"), "somebody is told to look");
    assert_eq!(world.lease(10).await.len(), 1);
}

pub(crate) async fn nothing_is_handed_over_past_what_waits(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    handed_over.shut();
    send(&world, sender, &["bob@one.example"]).await;
    handed_over.open(one_flow(sender, "one.example"));
    send(&world, sender, &["eve@one.example"]).await;
    assert!(handed_over.try_next().is_none(), "the gate is shut for it");
    send(&world, sender, &["ada@two.example"]).await;
    assert_eq!(recipients(&handed_over.try_next().expect("another domain")), ["ada@two.example"]);
    assert_eq!(world.lease(10).await.len(), 2);
}

pub(crate) async fn the_gate_is_shut_for_whom_it_is_said_and_for_nobody_else(world: World) {
    let (flooding, full, other) = (world.sender().await, world.sender().await, world.sender().await);
    let mut handed_over = taker(&world);
    let flow = one_flow(flooding, "one.example");
    let domains = vec![(other.account, other.domain)];
    let sibling = world.domain_of(other).await;
    handed_over.open(PassedOver { accounts: vec![full.account], domains, ..flow });
    send(&world, flooding, &["bob@one.example"]).await;
    send(&world, full, &["eve@two.example"]).await;
    send(&world, other, &["ida@two.example"]).await;
    assert!(handed_over.try_next().is_none(), "they have enough");
    send(&world, sibling, &["ada@one.example"]).await;
    assert_eq!(recipients(&handed_over.try_next().expect("another domain")), ["ada@one.example"]);
    send(&world, flooding, &["jim@two.example"]).await;
    assert_eq!(recipients(&handed_over.try_next().expect("elsewhere")), ["jim@two.example"]);
    assert_eq!(world.lease(10).await.len(), 3);
}

pub(crate) async fn what_is_for_later_or_too_much_waits(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    let mut later = world.message(&["later@one.example"]);
    later.schedule.not_before = world.now() + Duration::from_secs(60);
    accept(&world, sender, later).await;
    let mut large = world.message(&["large@one.example"]);
    large.body = vec![b'x'; 1_001];
    accept(&world, sender, large).await;
    let many: Vec<String> = (0..11).map(|number| format!("r{number}@one.example")).collect();
    send(&world, sender, &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(handed_over.try_next().is_none());
    assert_eq!(world.lease(100).await.len(), 12);
}

pub(crate) async fn room_comes_back_with_the_last_of_a_message(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    let ten: Vec<String> = (0..10).map(|number| format!("r{number}@one.example")).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    send(&world, sender, &ten).await;
    let first = handed_over.try_next().expect("it fits");
    send(&world, sender, &["bob@one.example"]).await;
    assert!(handed_over.try_next().is_none(), "the room is taken");
    drop(first);
    send(&world, sender, &["eve@one.example"]).await;
    assert_eq!(recipients(&handed_over.try_next().expect("there is room again")), ["eve@one.example"]);
}

pub(crate) async fn whoever_gets_on_a_list_meanwhile_is_asked_about_again(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    send(&world, sender, &["bob@one.example"]).await;
    let handed = handed_over.try_next().expect("handed over");
    assert!(world.store.is_unlisted(&handed.entries[0]));
    let listed = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: "bob@one.example".into(),
        details: SuppressionDetails { code: "550".into(), error: String::new(), tags: Vec::new() },
        created_at: world.now(),
    };
    world.store.suppress(vec![listed]).await.expect("listed");
    assert!(!world.store.is_unlisted(&handed.entries[0]));
}

pub(crate) async fn what_is_cleared_on_its_way_is_not_sent(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    send(&world, sender, &["bob@one.example"]).await;
    assert_eq!(world.store.clear_queue(sender.account, sender.domain).await.expect("cleared"), 1);
    let handed = handed_over.try_next().expect("handed over");
    assert!(world.store.is_any_cleared(handed.entries.iter().map(|entry| entry.id)));
    world.store.settle(vec![world.released(&handed.entries[0])]).await.expect("settled");
    assert!(world.lease(10).await.is_empty(), "it has ended");
}

pub(crate) async fn the_content_of_an_erased_account_is_not_used(world: World) {
    let sender = world.sender().await;
    let mut handed_over = taker(&world);
    send(&world, sender, &["bob@one.example"]).await;
    let handed = handed_over.try_next().expect("handed over");
    let erasure = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    world.store.begin_erasure(&erasure).await.expect("begun").expect("not taken back");
    assert!(!world.store.is_readable(&handed.message).await, "its keys are gone");
}

//! What is paused is not attempted, whatever stage it is at, and goes on as soon as it may.

use std::{sync::Arc, time::Duration};

use waxseal_delivery::shaping::Shaping;
use waxseal_model::Clock as _;
use waxseal_store::queue::{Bulk, PauseOf, QueueFilter};
use waxseal_testkit::smtp_peer::{Peer, Reaction, Script};

use crate::world::{World, mail};

/// A provider whose servers are those of `b.example`.
const TABLE: &str = "[[provider]]\nname = \"big\"\nhosts = [\"mx.b.example\"]\nconnections = 1\n";

fn to(domain: &str) -> PauseOf {
    PauseOf { to: Some(domain.into()), ..PauseOf::default() }
}

fn provider() -> PauseOf {
    PauseOf { provider: Some("big".into()), ..PauseOf::default() }
}

async fn pause(world: &World, of: &PauseOf) {
    world.store.pause(of, "why not".into(), None).await.expect("paused").expect("room");
}

async fn resume(world: &World, of: &PauseOf) {
    world.store.resume(of).await.expect("resumed").expect("it was paused");
}

fn arrived(peer: &Peer) -> Vec<String> {
    let mut all: Vec<_> = peer.acknowledged().into_iter().flat_map(|message| message.recipients).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn what_is_under_way_finishes_and_what_waits_behind_it_goes_back() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.start().await;
    world.send(mail(&["first@b.example"])).await;
    peer.wait_for(|seen| seen.contents == 1).await;
    for number in 0..5 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.wait_until_held(6).await;
    pause(&world, &to("b.example")).await;
    world.wait_until_held(1).await;
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.send(mail(&["more@b.example"])).await;
    world.wait_until_idle().await;
    assert_eq!(arrived(&peer), ["TO:<first@b.example>"]);
    assert_eq!(world.queue().await.waiting, 6);
    resume(&world, &to("b.example")).await;
    peer.wait_for_messages(7).await;
    world.wait_until_idle().await;
    assert_eq!(world.events().await.len(), 7, "each has one event: nothing was attempted before");
}

#[tokio::test]
async fn a_providers_mail_waits_though_only_the_dns_tells_whose_it_is() {
    let mut world = World::new().await;
    world.config.shaping = Arc::new(Shaping::with(TABLE).expect("a table"));
    let peer = world.peer(Script::new()).await;
    pause(&world, &provider()).await;
    for number in 0..3 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    // Accepted while delivery runs, as it is handed over.
    world.send(mail(&["r3@b.example"])).await;
    world.send(mail(&["free@c.example"])).await;
    peer.wait_for_messages(1).await;
    world.wait_until_idle().await;
    assert_eq!(arrived(&peer), ["TO:<free@c.example>"]);
    let paused = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("listed");
    assert!(paused.len() == 4 && paused.iter().all(|entry| entry.paused && entry.attempts == 0));
    resume(&world, &provider()).await;
    peer.wait_for_messages(5).await;
}

#[tokio::test]
async fn one_recipient_of_a_message_waits_and_the_others_do_not() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    let of = PauseOf { recipient: Some("b@b.example".into()), ..PauseOf::default() };
    pause(&world, &of).await;
    world.send(mail(&["a@b.example", "b@b.example", "c@c.example"])).await;
    world.wait_for_events(2).await;
    world.wait_until_idle().await;
    assert_eq!(arrived(&peer), ["TO:<a@b.example>", "TO:<c@c.example>"]);
    world.later(Duration::from_secs(86_400));
    resume(&world, &of).await;
    world.wait_for_events(3).await;
    assert_eq!(arrived(&peer).len(), 3);
}

#[tokio::test]
async fn a_pause_with_an_end_ends_though_nobody_says_so() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    let until = world.clock.now() + Duration::from_secs(3_600);
    world.store.pause(&PauseOf::default(), String::new(), Some(until)).await.expect("paused");
    world.start().await;
    world.send(mail(&["a@b.example"])).await;
    world.wait_until_asleep(until).await;
    assert!(peer.acknowledged().is_empty());
    world.later(Duration::from_secs(3_600));
    peer.wait_for_messages(1).await;
}

#[tokio::test]
async fn what_waits_in_memory_ends_with_the_rest_and_what_is_under_way_by_itself() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.start().await;
    world.send(mail(&["first@b.example"])).await;
    peer.wait_for(|seen| seen.contents == 1).await;
    for number in 0..5 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.send_later(mail(&["later@b.example"]), Duration::from_secs(86_400)).await;
    world.wait_until_held(6).await;
    let batch = world.view().bulk(Bulk::Expire, &QueueFilter::default()).await.expect("it runs");
    let batch = batch.expect("done");
    assert_eq!((batch.done, batch.in_hands, batch.after), (6, 1, None));
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.wait_until_idle().await;
    assert_eq!(arrived(&peer), ["TO:<first@b.example>"]);
    let mut ends: Vec<String> = world.events().await.iter().map(crate::world::Event::short).collect();
    ends.sort_unstable();
    assert_eq!(ends.iter().filter(|end| *end == "permanent 602").count(), 6);
    assert_eq!((ends.len(), &*ends[0]), (7, "delivered 250"));
    assert_eq!((world.queue().await.waiting, world.load().1), (0, 0));
}

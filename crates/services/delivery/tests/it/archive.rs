//! What was delivered goes to the customer's own archive, and the archive may be late.

use std::time::Duration;

use waxseal_model::{Clock, event::EventKind};
use waxseal_net::HttpRules;
use waxseal_testkit::{HttpPeer, http_peer::Answer, smtp_peer::Script};

use crate::world::{CONTENT, Mail, World, mail};

const MINUTE: Duration = Duration::from_secs(60);

/// A world whose customers may have archives on loopback.
async fn world() -> World {
    let mut world = World::new().await;
    world.config.http_rules = HttpRules { ports: Vec::new(), allow_private: true };
    world.zone.address_of("archive.example", std::net::Ipv4Addr::LOCALHOST.into());
    world
}

fn archived(to: &[&str], archive: &HttpPeer) -> Mail {
    let url = format!("http://archive.example:{}/in?key=k", archive.port());
    Mail { archive_to: Some(url), ..mail(to) }
}

/// Waits until no message waits for anything.
async fn wait_until_settled(world: &World, message: waxseal_model::MessageId) {
    while world.store.message(world.account, message).await.expect("read").expect("there").pending > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_archive_gets_exactly_what_was_delivered_once() {
    let mut world = world().await;
    let peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(200)]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example", "bob@c.example"], &archive)).await;
    wait_until_settled(&world, message).await;
    let requests = archive.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, "POST /in?key=k HTTP/1.1");
    assert_eq!(requests[0].header("content-type"), Some("application/mime"));
    assert_eq!(requests[0].header("idempotency-key"), Some(message.to_string().as_str()));
    assert_eq!(String::from_utf8_lossy(&requests[0].body), CONTENT);
    assert_eq!(peer.acknowledged().len(), 2);
    assert!(world.store.body(world.account, message).await.expect("read").is_none(), "the content is gone");
}

#[tokio::test]
async fn an_archive_that_is_down_gets_its_copy_later() {
    let mut world = world().await;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(503), Answer::Status(302), Answer::Status(204)]).await;
    let archive = archive.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example"], &archive)).await;
    for attempt in 1..3 {
        archive.wait_for(attempt).await;
        while world.store.next_archive(world.clock.now()).await.expect("asked").is_none() {
            tokio::task::yield_now().await;
        }
        world.later(11 * MINUTE);
    }
    wait_until_settled(&world, message).await;
    assert_eq!(archive.requests().len(), 3);
}

#[tokio::test]
async fn a_copy_survives_the_death_of_the_process() {
    let mut world = world().await;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Silence]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example"], &archive)).await;
    archive.wait_for(1).await;
    world.kill();
    archive.answer([Answer::Status(200)]);
    world.start().await;
    wait_until_settled(&world, message).await;
    let [one, two] = &archive.requests()[..] else { panic!("one copy more") };
    assert_eq!(one.header("idempotency-key"), two.header("idempotency-key"), "the archive can tell");
}

#[tokio::test]
async fn an_archive_that_says_never_is_not_asked_again() {
    let mut world = world().await;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(406)]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example"], &archive)).await;
    wait_until_settled(&world, message).await;
    assert_eq!(archive.requests().len(), 1);
}

#[tokio::test]
async fn after_eight_hours_a_copy_is_given_up() {
    let mut world = world().await;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(500)]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example"], &archive)).await;
    for (attempt, minutes) in [10, 10, 15, 30, 60, 120, 240].into_iter().enumerate() {
        archive.wait_for(attempt + 1).await;
        while world.store.next_archive(world.clock.now()).await.expect("asked").is_none() {
            tokio::task::yield_now().await;
        }
        world.later(minutes * MINUTE * 11 / 10);
    }
    wait_until_settled(&world, message).await;
    assert_eq!(archive.requests().len(), 8);
    let events = world.events().await;
    assert!(events.iter().all(|event| event.kind == EventKind::Delivered), "the message itself arrived");
}

#[tokio::test]
async fn what_nobody_got_is_archived_nowhere() {
    let mut world = world().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["550 5.1.1 no such user"])).await;
    let archive = HttpPeer::start([Answer::Status(200)]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["gone@b.example"], &archive)).await;
    world.wait_for_events(1).await;
    wait_until_settled(&world, message).await;
    let next = world.send(archived(&["gone@c.example"], &archive)).await;
    world.wait_for_events(2).await;
    wait_until_settled(&world, next).await;
    assert!(archive.requests().is_empty());
}

#[tokio::test]
async fn an_address_inside_is_not_called_whatever_the_dns_says() {
    let mut world = world().await;
    world.config.http_rules.allow_private = false;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(200)]).await.expect("an archive");
    world.start().await;
    world.send(archived(&["ann@b.example"], &archive)).await;
    world.wait_for_events(1).await;
    while world.store.next_archive(world.clock.now()).await.expect("asked").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(archive.connections(), 0);
}

#[tokio::test]
async fn a_copy_whose_turn_comes_after_a_day_is_given_up() {
    let mut world = world().await;
    let _peer = world.peer(Script::new()).await;
    let archive = HttpPeer::start([Answer::Status(500)]).await.expect("an archive");
    world.start().await;
    let message = world.send(archived(&["ann@b.example"], &archive)).await;
    archive.wait_for(1).await;
    while world.store.next_archive(world.clock.now()).await.expect("asked").is_none() {
        tokio::task::yield_now().await;
    }
    world.later(24 * 60 * MINUTE);
    wait_until_settled(&world, message).await;
    assert_eq!(archive.requests().len(), 1, "its content was kept long enough");
}

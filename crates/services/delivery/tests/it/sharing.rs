//! Slow destinations hold up nobody else, and memory stays bounded.

use std::time::Duration;

use waxseal_testkit::smtp_peer::{Greeting, Peer, Reaction, Script};

use crate::world::{World, mail};

async fn peer_for(world: &mut World, domain: &str, ip: &str, script: Script) -> Peer {
    let host = format!("mx.{domain}");
    world.zone.forget(domain).forget(&host);
    world.zone.mx(domain, 10, &host).address_of(&host, ip.parse().expect("an address"));
    world.peer_at(ip, script).await
}

#[tokio::test]
async fn a_slow_destination_does_not_starve_the_others() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 2;
    world.config.limits.connections = 4;
    world.config.limits.waiting_per_destination = 5;
    let good = world.peer(Script::new()).await;
    let slow =
        peer_for(&mut world, "slow.example", "127.0.0.2", Script::new().greeting(Greeting::Silence)).await;
    for number in 0..50 {
        world.send(mail(&[&format!("r{number}@slow.example")])).await;
    }
    world.start().await;
    slow.wait_for(|seen| seen.open == 2).await;
    for number in 0..20 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    let events = world.wait_for_events(20).await;
    assert!(events.iter().all(|event| event.recipient().ends_with("@b.example")));
    assert_eq!(good.acknowledged().len(), 20);
    assert_eq!(slow.seen().most_open, 2, "the limit of the destination holds");
}

#[tokio::test]
async fn connections_that_idle_make_room_when_all_are_taken() {
    let mut world = World::new().await;
    world.config.limits.connections = 1;
    world.config.timeouts.idle = Duration::from_secs(600);
    let peer = world.peer(Script::new()).await;
    world.start().await;
    world.send(mail(&["a@b.example"])).await;
    world.wait_for_events(1).await;
    world.send(mail(&["a@c.example"])).await;
    world.wait_for_events(2).await;
    assert_eq!(peer.seen().most_open, 1);
}

#[tokio::test]
async fn a_destination_that_cannot_be_reached_is_not_dialled_for_every_message() {
    let mut world = World::new().await;
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    world.config.port = listener.local_addr().expect("an address").port();
    drop(listener);
    for number in 0..100 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    let before = world.zone.queries();
    world.start().await;
    let events = world.wait_for_events(100).await;
    assert!(events.iter().all(|event| event.short() == "temporary 499" && event.status().attempt_no == 1));
    let queries = world.zone.queries() - before;
    assert!(queries < 40, "the news is shared: {queries} look-ups");
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 100);
}

#[tokio::test]
async fn a_storm_of_deferrals_leaves_the_good_domain_alone() {
    let mut world = World::new().await;
    let good = world.peer(Script::new()).await;
    let storm =
        peer_for(&mut world, "storm.example", "127.0.0.2", Script::new().reply("MAIL", &["451 4.3.2 storm"]))
            .await;
    let busy = Greeting::Say("421 4.3.2 go away\r\n".into());
    let refusing = peer_for(&mut world, "busy.example", "127.0.0.3", Script::new().greeting(busy)).await;
    for number in 0..100 {
        world.send(mail(&[&format!("r{number}@storm.example")])).await;
        world.send(mail(&[&format!("r{number}@busy.example")])).await;
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    let events = world.wait_for_events(300).await;
    let count = |short: &str| events.iter().filter(|event| event.short() == short).count();
    assert_eq!((count("delivered 250"), count("temporary 451"), count("temporary 421")), (100, 100, 100));
    assert_eq!(good.acknowledged().len(), 100);
    let tried = storm.seen().commands.iter().filter(|line| line.starts_with("MAIL")).count();
    assert_eq!(tried, 100, "one attempt for each message");
    assert!(refusing.seen().connections <= 100);
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 200);
}

#[tokio::test]
async fn content_in_memory_is_bounded() {
    let mut world = World::new().await;
    world.config.limits.bytes_in_flight = 64 * 1024;
    let slow = [Reaction::Late(Duration::from_millis(20))];
    let peer = world.peer(Script::new().on(".", slow)).await;
    let content = [crate::world::CONTENT.as_bytes(), &b"x\r\n".repeat(20_000)].concat();
    for number in 0..8 {
        let to = format!("r{number}@b.example");
        world.send(crate::world::Mail { content: content.clone(), ..mail(&[&to]) }).await;
    }
    world.start().await;
    world.wait_for_events(8).await;
    assert_eq!(peer.acknowledged().len(), 8);
    let in_content =
        peer.seen().commands.windows(2).filter(|pair| pair.iter().all(|line| line == "DATA")).count();
    assert_eq!(in_content, 0, "one message of this size at a time");
}

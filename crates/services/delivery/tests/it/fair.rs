//! What one account floods delays another's mail by a turn, wherever they meet: at a destination, at a provider, for
//! connections, in memory.

use std::sync::Arc;

use waxseal_delivery::shaping::Shaping;
use waxseal_model::Clock as _;
use waxseal_testkit::smtp_peer::{Peer, Reaction, Script, Seen};

use crate::world::{World, mail};

/// Recipients of one message of a flood. Each of them goes out by itself.
const TOGETHER: usize = 100;

async fn world() -> World {
    let mut world = World::new().await;
    world.config.limits.recipients_per_transaction = 1;
    world
}

/// Accepts this many recipients at a domain.
async fn flood(world: &World, domain: &str, many: usize) {
    for first in (0..many).step_by(TOGETHER) {
        let to: Vec<String> =
            (first..many.min(first + TOGETHER)).map(|number| format!("r{number}@{domain}")).collect();
        world.send(mail(&to.iter().map(String::as_str).collect::<Vec<_>>())).await;
    }
}

/// How many the peer took before it took this one.
async fn before(peer: &Peer, recipient: &str) -> usize {
    let place = |seen: &Seen| {
        let mut taken = seen.messages.iter().filter(|message| message.acknowledged);
        taken.position(|message| message.recipients.iter().any(|to| to.contains(recipient)))
    };
    peer.wait_for(|seen| place(seen).is_some()).await;
    place(&peer.seen()).expect("it came")
}

/// A peer that keeps each message until it is let go on.
async fn held_peer(world: &mut World) -> Peer {
    world.peer(Script::new().on(".", [Reaction::Held])).await
}

fn let_go(peer: &Peer) {
    peer.rescript(|script| script.set(".", []));
}

/// Starts delivery; what is accepted from now on is handed over.
async fn start(world: &mut World, peer: &Peer) {
    world.start().await;
    world.send(mail(&["first@c.example"])).await;
    peer.wait_for(|seen| seen.contents == 1).await;
}

#[tokio::test]
async fn one_message_waits_a_turn_for_a_flood_of_another_account_that_is_in_memory() {
    let mut world = world().await;
    world.config.limits.per_destination = 1;
    let other = world.another("theirs.example").await;
    let peer = held_peer(&mut world).await;
    start(&mut world, &peer).await;
    flood(&world, "b.example", 2_000).await;
    peer.wait_for(|seen| seen.contents == 2).await;
    world.send_as(other, mail(&["one@b.example"])).await;
    let_go(&peer);
    let before = before(&peer, "one@b.example").await;
    assert!(before < 20, "{before} came before it");
}

#[tokio::test]
async fn one_message_waits_a_turn_for_a_flood_of_another_account_that_waits_in_the_queue() {
    let mut world = world().await;
    world.config.limits.per_destination = 1;
    let other = world.another("theirs.example").await;
    let peer = held_peer(&mut world).await;
    world.start().await;
    flood(&world, "b.example", 2_000).await;
    world.send_as(other, mail(&["one@b.example"])).await;
    peer.wait_for(|seen| seen.contents == 1).await;
    world.kill();
    let_go(&peer);
    world.start().await;
    let before = before(&peer, "one@b.example").await;
    assert!(before < 400, "{before} came before it");
}

#[tokio::test]
async fn what_is_accepted_while_a_flood_waits_passes_it() {
    let mut world = world().await;
    world.config.limits.per_destination = 1;
    let other = world.another("theirs.example").await;
    flood(&world, "b.example", 2_000).await;
    let peer = held_peer(&mut world).await;
    world.start().await;
    peer.wait_for(|seen| seen.contents == 1).await;
    world.send_as(other, mail(&["one@b.example"])).await;
    let_go(&peer);
    let before = before(&peer, "one@b.example").await;
    assert!(before < 400, "{before} came before it");
}

#[tokio::test]
async fn domains_that_share_servers_do_not_give_an_account_a_turn_each() {
    let mut world = world().await;
    world.config.limits.per_destination = 1;
    let other = world.another("theirs.example").await;
    let peer = held_peer(&mut world).await;
    for number in 0..100 {
        world.zone.mx(&format!("d{number}.example"), 10, "mx.b.example");
    }
    world.start().await;
    for number in 0..100 {
        flood(&world, &format!("d{number}.example"), 5).await;
    }
    world.send_as(other, mail(&["one@b.example"])).await;
    peer.wait_for(|seen| seen.contents == 1).await;
    let_go(&peer);
    let before = before(&peer, "one@b.example").await;
    assert!(before < 60, "{before} came before it");
}

#[tokio::test]
async fn the_rate_of_a_provider_is_shared_by_accounts_and_not_by_their_servers() {
    let mut world = world().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nmessages_per_minute = 60\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let other = world.another("theirs.example").await;
    let peer = world.peer(Script::new()).await;
    let name = |number: usize| format!("d{number}.example");
    for number in 0..30 {
        let host = format!("d{number}.mx.big.example");
        world.zone.mx(&name(number), 10, &host).address_of(&host, "127.0.0.1".parse().expect("an address"));
    }
    for number in 0..29 {
        flood(&world, &name(number), 10).await;
    }
    world.start().await;
    peer.wait_for_messages(1).await;
    world.send_as(other, mail(&["one@d29.example"])).await;
    world.send_as(other, mail(&["two@d0.example"])).await;
    let mut came = Vec::new();
    for sent in 1..=12 {
        let events = world.wait_for_events(sent).await;
        came = events.iter().map(|event| event.recipient().to_owned()).collect();
        world.wait_until_asleep(world.clock.now() + std::time::Duration::from_secs(1)).await;
        world.later(std::time::Duration::from_secs(1));
    }
    for recipient in ["one@d29.example", "two@d0.example"] {
        assert!(came.iter().any(|came| came == recipient), "{recipient} is not among {came:?}");
    }
}

#[tokio::test]
async fn where_all_connections_are_taken_by_one_account_another_gets_one_soon() {
    let mut world = world().await;
    world.config.limits.connections = 2;
    let other = world.another("theirs.example").await;
    let peer = held_peer(&mut world).await;
    let name = |number: usize| format!("d{number}.example");
    for number in 0..20 {
        let host = format!("mx.d{number}.example");
        world.zone.mx(&name(number), 10, &host).address_of(&host, "127.0.0.1".parse().expect("an address"));
    }
    world.start().await;
    for number in 0..20 {
        flood(&world, &name(number), 50).await;
    }
    peer.wait_for(|seen| seen.contents == 2).await;
    world.send_as(other, mail(&["one@b.example"])).await;
    let_go(&peer);
    let before = before(&peer, "one@b.example").await;
    assert!(before < 100, "{before} came before it");
}

#[tokio::test]
async fn a_flood_does_not_fill_memory_for_others() {
    let mut world = world().await;
    world.config.limits.leased = 200;
    world.config.limits.per_destination = 2;
    let other = world.another("theirs.example").await;
    let good = world.peer(Script::new()).await;
    let _slow = world.peer_at("127.0.0.2", Script::new().on(".", [Reaction::Held])).await;
    world.zone.address_of("mx.slow.example", "127.0.0.2".parse().expect("an address"));
    for number in 0..150 {
        let name = format!("d{number}.example");
        world.zone.mx(&name, 10, "mx.slow.example");
        flood(&world, &name, 5).await;
    }
    world.send_as(other, mail(&["one@b.example"])).await;
    world.start().await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].recipient(), "one@b.example");
    assert_eq!(good.acknowledged().len(), 1);
    world.send_as(other, mail(&["two@b.example"])).await;
    world.wait_for_events(2).await;
    assert!(world.load().1 <= 150, "{} of 200 are theirs", world.load().1);
}

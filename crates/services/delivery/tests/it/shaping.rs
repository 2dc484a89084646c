//! Domains of one provider share its limits, and with the same mail servers also its connections.

use std::{sync::Arc, time::Duration};

use waxseal_delivery::shaping::Shaping;
use waxseal_model::Clock as _;
use waxseal_store::shaping::ShapingOverride;
use waxseal_testkit::{
    dns_zone::Fault,
    smtp_peer::{Greeting, Peer, Reaction, Script},
};

use crate::world::{World, mail};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn domains_with_the_same_servers_share_connections() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 2;
    let peer = world.peer(Script::new()).await;
    for number in 0..30 {
        let name = format!("d{number}.example");
        world.zone.mx(&name, 10, "mx.b.example");
        world.send(mail(&[&format!("ann@{name}")])).await;
    }
    world.start().await;
    let events = world.wait_for_events(30).await;
    assert!(events.iter().all(|event| event.short() == "delivered 250"));
    let seen = peer.seen();
    // Whoever asks the DNS first has a connection before it is known that they are one.
    assert!(seen.most_open <= 2 && seen.connections < 10, "{} in all", seen.connections);
}

#[tokio::test]
async fn a_provider_gets_no_more_connections_than_the_table_says_however_many_servers_it_has() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nconnections = 3\n\
                 messages_per_connection = 4\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new().on(".", [Reaction::Late(Duration::from_millis(5))])).await;
    for number in 0..8 {
        let (name, host) = (format!("d{number}.example"), format!("d{number}.mx.big.example"));
        world.zone.mx(&name, 10, &host).address_of(&host, "127.0.0.1".parse().expect("an address"));
        for number in 0..15 {
            world.send(mail(&[&format!("r{number}@{name}")])).await;
        }
    }
    world.start().await;
    let events = world.wait_for_events(120).await;
    assert!(events.iter().all(|event| event.short() == "delivered 250"), "each of them gets its turn");
    let seen = peer.seen();
    assert_eq!(seen.most_open, 3, "of all its servers together");
    assert!(seen.connections >= 30, "four messages over each at most: {}", seen.connections);
}

#[tokio::test]
async fn a_domain_with_much_mail_leaves_room_for_the_others_of_its_provider() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nconnections = 1\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    world.peer(Script::new()).await;
    let large_and_small = [("large.example", 200), ("small.example", 1)];
    for (name, messages) in large_and_small {
        let host = format!("{name}.mx.big.example");
        world.zone.mx(name, 10, &host).address_of(&host, "127.0.0.1".parse().expect("an address"));
        for number in 0..messages {
            world.send(mail(&[&format!("r{number}@{name}")])).await;
        }
    }
    world.start().await;
    let events = world.wait_for_events(201).await;
    let place = events.iter().position(|event| event.recipient().ends_with("@small.example"));
    assert!(place.is_some_and(|place| place < 100), "{place:?} came before it");
}

/// A world whose peer asked for less of forty messages, and hung up on.
async fn slowed_down() -> (World, Peer) {
    let mut world = World::new().await;
    world.config.limits.per_destination = 8;
    world.config.timeouts.idle = Duration::from_millis(10);
    let less = ["451 4.7.1 too many messages, slow down"];
    let peer = world.peer(Script::new().reply("MAIL", &less)).await;
    for number in 0..40 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    world.wait_for_events(40).await;
    world.wait_until_idle().await;
    world.wait_until_hung_up().await;
    (world, peer)
}

#[tokio::test]
async fn where_it_is_asked_for_less_there_are_fewer_connections_and_later_more_again() {
    let (world, peer) = slowed_down().await;
    // It takes everything now, at its own pace.
    peer.rescript(|script| {
        script.set("MAIL", []);
        script.set(".", [Reaction::Late(Duration::from_millis(30))]);
    });
    peer.seen().most_open = 0;
    world.later(30 * MINUTE);
    let events = world.wait_for_events(80).await;
    assert_eq!(events.iter().filter(|event| event.short() == "delivered 250").count(), 40);
    let most = peer.seen().most_open;
    assert!((1..8).contains(&most), "half as many to begin with: {most}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_of_each_domain_by_its_own_name() {
    let mut world = World::new().await;
    let busy = Greeting::Close;
    world.peer(Script::new().greeting(busy)).await;
    world.zone.mx("one.example", 10, "mx.b.example").mx("two.example", 10, "mx.b.example");
    for number in 0..10 {
        world.send(mail(&[&format!("r{number}@one.example"), &format!("r{number}@two.example")])).await;
    }
    world.start().await;
    for event in world.wait_for_events(20).await {
        let (own, other) = match event.recipient().ends_with("@one.example") {
            true => ("one.example", "two.example"),
            false => ("two.example", "one.example"),
        };
        let said = format!("{} {}", event.status().message, event.status().description);
        assert!(!said.contains(other), "to somebody at {own}: {said}");
    }
}

#[tokio::test]
async fn where_it_is_asked_for_less_as_many_connections_end_as_are_too_many_and_no_more() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 8;
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    for number in 0..40 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    peer.wait_for(|seen| seen.contents == 8).await;
    // One is refused; whoever is told to leave takes long to do so.
    peer.rescript(|script| {
        script.set("QUIT", [Reaction::Held]);
        script
            .set(".", [Reaction::Say("451 4.7.1 too many messages, slow down\r\n".into()), Reaction::Proper]);
    });
    let events = world.wait_for_events(40).await;
    assert_eq!(events.iter().filter(|event| event.short() == "delivered 250").count(), 39);
    assert_eq!(peer.seen().connections, 8, "the others go on");
    peer.rescript(|script| script.set("QUIT", []));
}

#[tokio::test]
async fn what_a_provider_asked_for_is_forgotten_when_nothing_went_there_for_an_hour() {
    let (world, peer) = slowed_down().await;
    peer.rescript(|script| {
        script.set("MAIL", []);
        script.set(".", [Reaction::Held]);
    });
    world.later(2 * 60 * MINUTE);
    peer.wait_for(|seen| seen.contents == 8).await;
}

#[tokio::test]
async fn a_domain_whose_nameserver_failed_once_gets_its_connections_when_it_answers() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 4;
    let peer = world.peer(Script::new().on(".", [Reaction::Proper, Reaction::Held])).await;
    // Whoever looks where the lane leads meets it, and the attempt does not.
    world.zone.fault("b.example", Fault::ServFailFirst(3));
    for number in 0..10 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    peer.wait_for(|seen| seen.contents == 5).await;
}

#[tokio::test]
async fn a_provider_gets_no_more_messages_in_a_minute_than_the_table_says() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nmessages_per_minute = 60\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new()).await;
    for number in 0..3 {
        let (name, host) = (format!("d{number}.example"), format!("d{number}.mx.big.example"));
        world.zone.mx(&name, 10, &host).address_of(&host, "127.0.0.1".parse().expect("an address"));
        for number in 0..4 {
            world.send(mail(&[&format!("r{number}@{name}")])).await;
        }
    }
    world.start().await;
    for sent in 1..=12 {
        peer.wait_for_messages(sent).await;
        if sent < 12 {
            world.wait_until_asleep(world.clock.now() + Duration::from_secs(1)).await;
        }
        assert_eq!(peer.acknowledged().len(), sent, "one in a second");
        world.later(Duration::from_secs(1));
    }
    let events = world.wait_for_events(12).await;
    let mut counts = std::collections::BTreeMap::new();
    for event in events.iter().take(6) {
        let domain = event.recipient().split('@').next_back().expect("a domain").to_owned();
        *counts.entry(domain).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [2, 2, 2], "its servers take turns");
}

#[tokio::test]
async fn what_cannot_be_sent_takes_nothing_from_the_rate_of_its_provider() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nmessages_per_minute = 1\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    world.peer(Script::new().greeting(Greeting::Close)).await;
    world.zone.mx("d.example", 10, "mx.big.example");
    world.zone.address_of("mx.big.example", "127.0.0.1".parse().expect("an address"));
    for number in 0..10 {
        world.send(mail(&[&format!("r{number}@d.example")])).await;
    }
    world.start().await;
    let events = world.wait_for_events(10).await;
    assert!(events.iter().all(|event| event.short() == "temporary 499"));
}

#[tokio::test]
async fn what_an_operator_said_of_a_provider_counts_after_a_restart() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nconnections = 1\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.zone.mx("d.example", 10, "mx.big.example");
    world.zone.address_of("mx.big.example", "127.0.0.1".parse().expect("an address"));
    let said = ShapingOverride { connections: Some(4), ..ShapingOverride::default() };
    world.store.set_shaping_override("big", Some(said)).await.expect("kept");
    for number in 0..12 {
        world.send(mail(&[&format!("r{number}@d.example")])).await;
    }
    world.start().await;
    peer.wait_for(|seen| seen.contents == 4).await;
    peer.rescript(|script| script.set(".", []));
    world.wait_for_events(12).await;
    assert_eq!(peer.seen().most_open, 4);
}

#[tokio::test]
async fn what_an_operator_says_of_a_provider_counts_at_once_and_no_longer_than_said() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"big.example\"]\nconnections = 1\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.zone.mx("d.example", 10, "mx.big.example");
    world.zone.address_of("mx.big.example", "127.0.0.1".parse().expect("an address"));
    world.start().await;
    for number in 0..12 {
        world.send(mail(&[&format!("r{number}@d.example")])).await;
    }
    peer.wait_for(|seen| seen.contents == 1).await;
    let shaper = world.shaper();
    let until = world.clock.now() + MINUTE;
    let said = ShapingOverride { connections: Some(4), until: Some(until), ..ShapingOverride::default() };
    shaper.set("big", Some(said));
    peer.wait_for(|seen| seen.contents == 4).await;
    let states = shaper.states().expect("it runs");
    assert_eq!((&*states[0].provider, states[0].open, states[0].allowed), ("big", 4, 4));
    assert!(states[0].waiting >= 7, "{states:?}");
    world.later(MINUTE);
    assert_eq!(shaper.states().expect("it runs")[0].allowed, 1, "its time is over");
    peer.rescript(|script| script.set(".", []));
    world.wait_for_events(12).await;
}

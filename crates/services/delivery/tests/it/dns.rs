//! What DNS says or does not say, and what becomes of the message.

use std::time::Duration;

use waxseal_testkit::{dns_zone::Fault, smtp_peer::Script};

use crate::world::{Event, World, mail};

async fn outcome(world: &World, address: &str) -> Event {
    let before = world.events().await.len();
    world.send(mail(&[address])).await;
    world.wait_for_events(before + 1).await.pop().expect("an event")
}

#[tokio::test]
async fn missing_answers_are_temporary_and_clear_ones_final() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    let ip = |text: &str| text.parse().expect("an address");
    world
        .zone
        .null_mx("null.example")
        .fault("broken.example", Fault::ServFail)
        .txt("empty.example", "no mail");
    world.zone.mx("dangling.example", 10, "gone.dangling.example").txt("x.dangling.example", "x");
    world.zone.address_of("implicit.example", ip("127.0.0.1"));
    world.zone.mx("ours.test", 10, "mail.ours.example");
    world.zone.mx("alias.example", 10, "www.alias.example").cname("www.alias.example", "implicit.example");
    world.zone.mx("loop.example", 10, "a.loop.example").cname("a.loop.example", "b.loop.example");
    world.zone.cname("b.loop.example", "a.loop.example");
    world.start().await;
    for (address, expected, enhanced, description) in [
        ("a@missing.example", "permanent 550", Some("5.1.2"), "No MX for missing.example"),
        ("a@null.example", "permanent 556", Some("5.1.10"), "No MX for null.example"),
        ("a@broken.example", "temporary 498", Some("4.4.3"), "No MX for broken.example"),
        ("a@empty.example", "temporary 498", Some("4.4.3"), "No MX for empty.example"),
        (
            "a@dangling.example",
            "temporary 499",
            Some("4.4.1"),
            "Unable to connect to MX servers: [dangling.example]",
        ),
        ("a@loop.example", "temporary 499", Some("4.4.1"), "Unable to connect to MX servers: [loop.example]"),
        ("a@ours.test", "permanent 554", Some("5.4.6"), "The mail server of the domain is this server"),
        ("a@implicit.example", "delivered 250", Some("2.0.0"), ""),
        ("a@alias.example", "delivered 250", Some("2.0.0"), ""),
        ("a@[127.0.0.1]", "delivered 250", Some("2.0.0"), ""),
    ] {
        let event = outcome(&world, address).await;
        assert_eq!(event.short(), expected, "{address}");
        assert_eq!(event.status().enhanced_code.as_deref(), enhanced, "{address}");
        assert_eq!(event.status().description, description, "{address}");
    }
    assert_eq!(peer.acknowledged().len(), 3);
}

#[tokio::test]
async fn a_silent_nameserver_is_given_up_in_time() {
    let mut world = World::new().await;
    world.zone.fault("silent.example", Fault::Silence);
    world.start().await;
    let event = outcome(&world, "a@silent.example").await;
    assert_eq!(event.short(), "temporary 498");
    assert!(world.zone.queries() <= 20, "a resolver does not storm: {} queries", world.zone.queries());
}

#[tokio::test]
async fn inner_hosts_are_never_dialled_unless_allowed() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    let ip = |text: &str| text.parse().expect("an address");
    for inner in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
        world.zone.address_of("mx.inner.example", ip(inner));
    }
    world.zone.mx("inner.example", 10, "mx.inner.example");
    world.net.allow_private_destinations = false;
    world.start().await;
    let event = outcome(&world, "a@inner.example").await;
    assert_eq!(event.short(), "temporary 499");
    assert_eq!(event.status().message, "mx.inner.example: the address is not public");
    assert_eq!(outcome(&world, "a@[127.0.0.1]").await.short(), "temporary 499");
    assert_eq!(peer.seen().connections, 0);
}

#[tokio::test]
async fn a_hundred_hosts_with_many_addresses_do_not_hold_us_up() {
    let mut world = World::new().await;
    world.config.port = 1;
    for host in 0..100u16 {
        let name = format!("mx{host}.many.example");
        world.zone.mx("many.example", host, &name);
        for last in 1..=50u8 {
            world.zone.address_of(&name, std::net::IpAddr::from([127, 0, 1, last]));
        }
    }
    world.start().await;
    let event = tokio::time::timeout(Duration::from_secs(30), outcome(&world, "a@many.example")).await;
    assert_eq!(event.expect("in time").short(), "temporary 499");
}

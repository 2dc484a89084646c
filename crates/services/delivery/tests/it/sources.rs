//! A message that asked for a source address leaves from that one, or waits.

use std::net::IpAddr;

use waxseal_model::options::DeliveryOptions;
use waxseal_testkit::smtp_peer::Script;

use crate::world::{Mail, World, mail};

const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
const THREE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));
const SIX: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

fn from(source: IpAddr, to: &str) -> Mail {
    let options = DeliveryOptions { sending_ip: Some(source), ..DeliveryOptions::default() };
    Mail { options, ..mail(&[to]) }
}

/// Every third asks for the one address, the others for the other.
fn wanted(recipient: &str) -> IpAddr {
    let digits: String = recipient.chars().filter(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().expect("a number");
    if number.is_multiple_of(3) { THREE } else { TWO }
}

#[tokio::test]
async fn every_message_leaves_from_the_address_it_asked_for() {
    let mut world = World::new().await;
    world.net.source_addresses = vec![TWO, THREE];
    // One connection at a time: each message meets the line of the one before it.
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new()).await;
    for number in 0..12 {
        let to = format!("r{number}@b.example");
        world.send(from(wanted(&to), &to)).await;
    }
    world.start().await;
    let events = world.wait_for_events(12).await;
    for received in peer.acknowledged() {
        assert_eq!(received.from, Some(wanted(&received.recipients[0])), "{}", received.recipients[0]);
    }
    for event in &events {
        let envelope = event.details.envelope.as_ref().expect("an envelope");
        assert_eq!(envelope.sending_ip, Some(wanted(event.recipient()).to_string()));
    }
    assert_eq!(peer.acknowledged().len(), 12);
    assert!(peer.seen().connections < 12, "lines are used again where the address is right");
}

#[tokio::test]
async fn what_asks_for_no_address_takes_any_line() {
    let mut world = World::new().await;
    world.net.source_addresses = vec![TWO, THREE];
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new()).await;
    world.send(from(THREE, "first@b.example")).await;
    world.start().await;
    world.wait_for_events(1).await;
    world.send(mail(&["second@b.example"])).await;
    world.wait_for_events(2).await;
    assert_eq!(peer.seen().connections, 1);
}

#[tokio::test]
async fn an_address_that_is_no_longer_ours_defers_and_is_no_news_for_others() {
    let mut world = World::new().await;
    world.net.source_addresses = vec![TWO, SIX];
    let peer = world.peer(Script::new()).await;
    world.send(from(THREE, "pinned@b.example")).await;
    world.send(from(SIX, "six@b.example")).await;
    world.start().await;
    let events = world.wait_for_events(2).await;
    for event in &events {
        assert_eq!(event.short(), "temporary 499");
        let why = if event.recipient() == "pinned@b.example" {
            "Mx.b.example: the sending address is not among the source addresses"
        } else {
            "Mx.b.example: no address of the kind of the sending address"
        };
        assert!(event.status().message.eq_ignore_ascii_case(why), "{}", event.status().message);
    }
    world.send(mail(&["free@b.example"])).await;
    let events = world.wait_for_events(3).await;
    assert_eq!(events[2].short(), "delivered 250");
    assert_eq!(peer.acknowledged()[0].from, Some(TWO));
}

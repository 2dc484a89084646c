//! Mail leaves from the addresses of a pool, each with its name and its limits; one that asked for an address leaves from that
//! one, or waits.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use waxseal_delivery::{shaping::Shaping, why};
use waxseal_model::{Clock as _, Timestamp, options::DeliveryOptions};
use waxseal_store::{
    queue::QueueFilter,
    relay::RelayOwner,
    sources::{Member, Overflow, Pool, Source, WarmUp},
};
use waxseal_testkit::smtp_peer::{Peer, Reaction, Script};

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
async fn what_asks_for_no_address_takes_the_line_of_whoever_asked_for_the_same() {
    let mut world = World::new().await;
    world.add(source(THREE, "three.ours.example")).await;
    world.pool("default", &[(THREE, 1)], Overflow::Wait).await;
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

fn source(address: IpAddr, hello: &str) -> Source {
    let created_at = Timestamp::from_secs(0);
    Source { address, hello: Some(hello.into()), paused: false, warm_up: None, created_at }
}

impl World {
    async fn add(&self, source: Source) {
        self.store.set_source(source).await.expect("set");
    }

    /// Adds an address that may send so much a day from today on.
    async fn warm_up(&self, address: IpAddr, daily: &[u32]) {
        let start = self.clock.now().day().0;
        let plan = WarmUp { start, daily: daily.to_vec(), providers: BTreeMap::new() };
        self.add(Source { warm_up: Some(plan), ..source(address, "warm.ours.example") }).await;
    }

    async fn pool(&self, name: &str, members: &[(IpAddr, u32)], overflow: Overflow) {
        let member = |(address, weight): &(IpAddr, u32)| Member { address: *address, weight: *weight };
        let members = members.iter().map(member).collect();
        let created_at = Timestamp::from_secs(0);
        self.store.set_pool(Pool { name: name.into(), members, overflow, created_at }).await.expect("set");
    }

    async fn assign(&self, pool: &str) {
        let owner = RelayOwner { account: self.account, domain: Some(self.domain) };
        self.store.assign_pool(owner, Some(pool.into())).await.expect("assigned");
    }

    async fn send_many(&self, many: usize) {
        for number in 0..many {
            self.send(mail(&[&format!("r{number}@b.example")])).await;
        }
    }

    /// What the first recipient that waits waits for.
    async fn why(&self) -> why::Recipient {
        let entries = self.store.queue_entries(&QueueFilter::default(), 1).await.expect("a queue");
        why::of_entry(&self.store, Some(&self.view()), self.clock.now(), &entries[0])
    }

    fn next_day(&self) {
        let now = self.clock.now();
        self.later(now.day().end().since(now));
    }
}

/// How many messages came from each address.
fn from_each(peer: &Peer) -> BTreeMap<IpAddr, usize> {
    let mut counts = BTreeMap::new();
    for received in peer.acknowledged() {
        *counts.entry(received.from.expect("an address")).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn each_address_gets_its_weight_says_its_own_name_and_shares_no_connection() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.add(source(TWO, "two.ours.example")).await;
    world.add(source(THREE, "three.ours.example")).await;
    world.pool("default", &[(TWO, 3), (THREE, 1)], Overflow::Wait).await;
    world.send_many(400).await;
    world.start().await;
    let events = world.wait_for_events(400).await;
    assert!(events.iter().all(|event| event.short() == "delivered 250"));
    let counts = from_each(&peer);
    assert!((260..=340).contains(&counts[&TWO]) && counts[&TWO] + counts[&THREE] == 400, "{counts:?}");
    for received in peer.acknowledged() {
        let name = if received.from == Some(TWO) { "two.ours.example" } else { "three.ours.example" };
        assert_eq!(received.hello, name);
    }
    for event in &events {
        let from = event.details.envelope.as_ref().and_then(|envelope| envelope.sending_ip.clone());
        assert!(from == Some(TWO.to_string()) || from == Some(THREE.to_string()));
    }
}

#[tokio::test]
async fn a_domain_leaves_by_its_pool_and_a_message_by_the_one_it_asks_for() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.add(source(TWO, "two.ours.example")).await;
    world.add(source(THREE, "three.ours.example")).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.pool("bulk", &[(THREE, 1)], Overflow::Wait).await;
    world.send(mail(&["default@b.example"])).await;
    let options = DeliveryOptions { sending_ip_pool: Some("bulk".into()), ..DeliveryOptions::default() };
    world.send(Mail { options, ..mail(&["asked@b.example"]) }).await;
    world.use_domain("bulk.example").await;
    world.assign("bulk").await;
    world.send(mail(&["assigned@b.example"])).await;
    world.start().await;
    world.wait_for_events(3).await;
    for received in peer.acknowledged() {
        let is_default = received.recipients[0].contains("default@");
        assert_eq!(received.from, Some(if is_default { TWO } else { THREE }), "{}", received.recipients[0]);
    }
}

#[tokio::test]
async fn what_a_provider_gets_it_gets_from_each_address() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"b.example\"]\nconnections = 2\n\
                 messages_per_connection = 5\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new().on(".", [Reaction::Late(Duration::from_millis(5))])).await;
    world.net.source_addresses = vec![TWO, THREE];
    world.send_many(120).await;
    world.start().await;
    world.wait_for_events(120).await;
    let seen = peer.seen();
    assert_eq!(seen.most_open, 4, "two from each");
    assert!(seen.connections >= 24, "{}", seen.connections);
}

#[tokio::test]
async fn a_provider_that_asks_one_address_for_less_gets_as_much_from_the_other() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"b.example\"]\nconnections = 8\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new()).await;
    world.net.source_addresses = vec![TWO, THREE];
    world.start().await;
    peer.rescript(|script| {
        script.set("MAIL", [Reaction::Say("451 4.7.1 too many messages, slow down\r\n".into())])
    });
    world.send(from(TWO, "slow@b.example")).await;
    world.wait_for_events(1).await;
    peer.rescript(|script| script.set("MAIL", []));
    world.send(from(THREE, "fast@b.example")).await;
    world.wait_for_events(2).await;
    let states = world.shaper().states().expect("running");
    let allowed =
        |address| states.iter().find(|state| state.from == Some(address)).map(|state| state.allowed);
    assert_eq!((allowed(TWO), allowed(THREE)), (Some(4), Some(8)));
}

#[tokio::test]
async fn a_budget_is_kept_from_day_to_day_through_a_restart_and_what_is_over_waits() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[5, 10]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.send_many(3).await;
    world.start().await;
    world.wait_for_events(3).await;
    world.stop().await;
    world.send_many(20).await;
    world.start().await;
    world.wait_for_events(5).await;
    world.wait_until_idle().await;
    assert_eq!(peer.acknowledged().len(), 5, "what was sent before the restart counts");
    let why = world.why().await;
    let waits_for = why.waits_for.expect("it waits");
    assert_eq!(
        (waits_for.kind, waits_for.used, waits_for.most),
        ("warm-up", Some(5), Some(5)),
        "{}",
        why.words
    );
    assert_eq!((waits_for.whose.as_deref(), why.attempts), (Some("127.0.0.2 to others"), 0));

    world.next_day();
    world.wait_for_events(15).await;
    world.wait_until_idle().await;
    assert_eq!(peer.acknowledged().len(), 15);
    world.next_day();
    let events = world.wait_for_events(23).await;
    assert!(events.iter().all(|event| event.short() == "delivered 250"), "no attempt was made in vain");
}

#[tokio::test]
async fn of_a_message_to_many_as_many_leave_as_the_budget_has_left() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[5, 10]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.send_many(2).await;
    world.start().await;
    world.wait_for_events(2).await;
    let many: Vec<_> = (0..7).map(|number| format!("many{number}@b.example")).collect();
    world.send(mail(&many.iter().map(String::as_str).collect::<Vec<_>>())).await;
    world.wait_for_events(5).await;
    world.wait_until_idle().await;
    let together: Vec<_> = peer.acknowledged().iter().map(|message| message.recipients.len()).collect();
    assert_eq!(together, [1, 1, 3]);
    assert_eq!(world.queue().await.waiting, 4);
    world.next_day();
    world.wait_for_events(9).await;
    assert_eq!(peer.acknowledged().len(), 4, "those that waited go together");
}

#[tokio::test]
async fn a_provider_with_a_budget_of_its_own_gets_it_where_nobody_else_gets_anything() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"b.example\"]\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let peer = world.peer(Script::new()).await;
    let (start, providers) = (world.clock.now().day().0, [("big".to_owned(), vec![3])].into());
    let plan = WarmUp { start, daily: vec![0], providers };
    world.add(Source { warm_up: Some(plan), ..source(TWO, "warm.ours.example") }).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.zone.forget("c.example").mx("c.example", 10, "mx.elsewhere.test");
    world.zone.address_of("mx.elsewhere.test", IpAddr::from([127, 0, 0, 1]));
    world.send(mail(&["r@c.example"])).await;
    world.start().await;
    world.wait_until_idle().await;
    world.send_many(5).await;
    world.wait_for_events(3).await;
    world.wait_until_idle().await;
    assert_eq!(peer.acknowledged().len(), 3, "three to the provider, none to others");
    let entries = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("a queue");
    let whose = entries.iter().map(|entry| {
        let why = why::of_entry(&world.store, Some(&world.view()), world.clock.now(), entry);
        why.waits_for.and_then(|waits_for| waits_for.whose).expect("somebody's")
    });
    let mut whose: Vec<_> = whose.collect();
    whose.sort();
    assert_eq!(whose, ["127.0.0.2 to big", "127.0.0.2 to big", "127.0.0.2 to others"]);
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_is_put_right_gives_no_budget_anew() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[5, 5, 5, 5, 5, 5]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.send_many(5).await;
    world.start().await;
    world.wait_for_events(5).await;
    world.wait_until_idle().await;
    let right = world.clock.now();
    world.clock.jump_to(right + 3 * Duration::from_secs(86_400));
    world.send_many(5).await;
    world.wait_for_events(10).await;
    world.wait_until_idle().await;
    for restarted in [false, true] {
        if restarted {
            world.stop().await;
        }
        world.clock.jump_to(right);
        if restarted {
            world.start().await;
        }
        world.send_many(1).await;
        world.wait_until_idle().await;
        assert_eq!(peer.acknowledged().len(), 10, "restarted: {restarted}");
    }
    world.next_day();
    world.wait_for_events(12).await;
}

#[tokio::test]
async fn the_day_after_a_clock_was_put_right_has_a_budget_of_its_own() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[5, 5, 5, 5, 5, 5]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    let right = world.clock.now();
    world.clock.jump_to(right + 3 * Duration::from_secs(86_400));
    world.send_many(5).await;
    world.start().await;
    world.wait_for_events(5).await;
    world.wait_until_idle().await;
    world.clock.jump_to(right);
    world.send_many(1).await;
    world.wait_until_idle().await;
    assert_eq!(peer.acknowledged().len(), 5);
    world.next_day();
    world.wait_for_events(6).await;
}

#[tokio::test]
async fn a_process_that_dies_has_counted_no_less_than_it_sent() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[40]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.send_many(30).await;
    world.start().await;
    world.wait_for_events(30).await;
    world.kill_seen_by(&peer).await;
    world.send_many(30).await;
    world.store.free_leases().await.expect("free");
    world.start().await;
    // A little may have been counted that was not sent: up to a twentieth of the budget.
    world.wait_for_events(38).await;
    world.wait_until_idle().await;
    assert!((38..=40).contains(&peer.acknowledged().len()), "{}", peer.acknowledged().len());
}

#[tokio::test]
async fn what_is_over_a_budget_goes_to_another_address_of_the_pool_then_to_the_next_pool() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    let four = IpAddr::from([127, 0, 0, 4]);
    world.warm_up(TWO, &[5]).await;
    world.warm_up(THREE, &[7]).await;
    world.add(source(four, "four.ours.example")).await;
    world.pool("default", &[(TWO, 1), (THREE, 1)], Overflow::Pool("warm".into())).await;
    world.pool("warm", &[(four, 1)], Overflow::Wait).await;
    world.send_many(30).await;
    world.start().await;
    world.wait_for_events(30).await;
    assert_eq!(from_each(&peer), [(TWO, 5), (THREE, 7), (four, 18)].into());
}

#[tokio::test]
async fn what_is_over_a_budget_goes_by_the_relay_if_the_pool_says_so() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    let relay = Peer::start(Script::new()).await.expect("a relay");
    world.config.relay = Some(format!("smtp://127.0.0.1:{}", relay.port()).parse().expect("a relay"));
    world.config.relay_share = 0;
    world.warm_up(TWO, &[5]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Relay).await;
    world.send_many(12).await;
    world.start().await;
    world.wait_for_events(12).await;
    assert_eq!((peer.acknowledged().len(), relay.acknowledged().len()), (5, 7));
}

#[tokio::test]
async fn what_waits_for_a_budget_is_given_up_in_its_time() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new()).await;
    world.warm_up(TWO, &[1, 1, 1]).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.start().await;
    world.send(mail(&["first@b.example"])).await;
    world.wait_for_events(1).await;
    let hour = Duration::from_secs(3_600);
    world.send(Mail { give_up_after: hour, ..mail(&["second@b.example"]) }).await;
    world.wait_until_asleep(world.clock.now() + hour).await;
    world.later(hour);
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "permanent 602");
}

#[tokio::test]
async fn nothing_leaves_from_an_address_that_is_paused() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.add(Source { paused: true, ..source(TWO, "two.ours.example") }).await;
    world.add(source(THREE, "three.ours.example")).await;
    world.pool("default", &[(TWO, 9), (THREE, 1)], Overflow::Wait).await;
    world.start().await;
    world.send_many(10).await;
    world.wait_for_events(10).await;
    assert_eq!(from_each(&peer), [(THREE, 10)].into());
    world.send(from(TWO, "asked@b.example")).await;
    world.wait_until_asleep(world.clock.now() + Duration::from_secs(15 * 60)).await;
    let why = world.why().await;
    assert_eq!(why.waits_for.expect("it waits").kind, "source", "{}", why.words);
    world.add(source(TWO, "two.ours.example")).await;
    world.later(Duration::from_secs(15 * 60));
    world.wait_for_events(11).await;
    assert_eq!(from_each(&peer)[&TWO], 1);
}

#[tokio::test]
async fn a_server_that_greets_with_any_name_of_ours_is_ourselves() {
    let mut world = World::new().await;
    let greeting = waxseal_testkit::smtp_peer::Greeting::Say("220 three.ours.example ESMTP\r\n".into());
    let _peer = world.peer(Script::new().greeting(greeting)).await;
    world.add(source(TWO, "two.ours.example")).await;
    world.add(source(THREE, "three.ours.example")).await;
    world.pool("default", &[(TWO, 1)], Overflow::Wait).await;
    world.start().await;
    world.send(mail(&["r@b.example"])).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].short(), "permanent 554");
}

//! Accounts and domains have relays of their own: each gets its mail, its login and nobody else's.

use std::time::Duration;

use waxseal_store::relay::{NewRelay, RelayLogin, RelayOwner};
use waxseal_testkit::smtp_peer::{Greeting, Peer, Reaction, Script};

use crate::world::{Mail, World, mail};

/// A relay that lets in who knows the password.
async fn relay(user: &str, password: &str) -> Peer {
    Peer::start(Script::new().login(user, password)).await.expect("a relay")
}

fn to(peer: &Peer, user: &str, password: &str, share: u8) -> NewRelay {
    let login = Some(RelayLogin { user: user.into(), password: password.into() });
    NewRelay::Server { url: format!("smtp://127.0.0.1:{}", peer.port()), login, share }
}

impl World {
    const fn of_account(&self) -> RelayOwner {
        RelayOwner { account: self.account, domain: None }
    }

    const fn of_domain(&self) -> RelayOwner {
        RelayOwner { account: self.account, domain: Some(self.domain) }
    }

    async fn set_relay(&self, owner: RelayOwner, new: NewRelay) {
        self.store.set_relay(owner, new).await.expect("set");
    }
}

/// Who logged in, and for whom.
fn seen(peer: &Peer) -> Vec<(String, String)> {
    let of = |message: waxseal_testkit::smtp_peer::Received| {
        let login = message.login.unwrap_or_default();
        let bare = |recipient: &String| recipient.trim_matches(|c| "TO:<>".contains(c)).to_owned();
        message.recipients.iter().map(|recipient| (login.clone(), bare(recipient))).collect::<Vec<_>>()
    };
    peer.acknowledged().into_iter().flat_map(of).collect()
}

fn one(login: &str, recipient: &str) -> Vec<(String, String)> {
    vec![(login.to_owned(), recipient.to_owned())]
}

#[tokio::test]
async fn the_domains_relay_wins_over_the_accounts_and_that_over_the_instances() {
    let mut world = World::new().await;
    let servers = world.peer(Script::new()).await;
    let instance = relay("instance", "i").await;
    let url = format!("smtp://instance:i@127.0.0.1:{}", instance.port());
    world.config.relay = Some(url.parse().expect("a relay"));
    let (first, second, of_domain) =
        (relay("first", "f").await, relay("second", "s").await, relay("domain", "d").await);
    world.start().await;

    world.send(mail(&["nobody@b.example"])).await;
    world.be_another("first.example").await;
    world.set_relay(world.of_account(), to(&first, "first", "f", 100)).await;
    world.send(mail(&["first@b.example"])).await;
    world.use_domain("own.first.example").await;
    world.set_relay(world.of_domain(), to(&of_domain, "domain", "d", 100)).await;
    world.send(mail(&["domain@b.example"])).await;
    world.use_domain("direct.first.example").await;
    world.set_relay(world.of_domain(), NewRelay::Direct).await;
    world.send(mail(&["direct@b.example"])).await;
    world.be_another("second.example").await;
    world.set_relay(world.of_account(), to(&second, "second", "s", 100)).await;
    world.send(mail(&["second@b.example"])).await;

    let events = world.wait_for_events(5).await;
    assert!(events.iter().all(|event| event.short() == "delivered 250"));
    for event in &events {
        let host = if event.recipient() == "direct@b.example" { "mx.b.example" } else { "127.0.0.1" };
        assert_eq!(event.status().mx_host.as_deref(), Some(host), "{}", event.recipient());
    }
    assert_eq!(seen(&instance), one("instance", "nobody@b.example"));
    assert_eq!(seen(&first), one("first", "first@b.example"));
    assert_eq!(seen(&of_domain), one("domain", "domain@b.example"));
    assert_eq!(seen(&second), one("second", "second@b.example"));
    assert_eq!(seen(&servers), one("", "direct@b.example"), "one domain goes directly, whoever has relays");
}

#[tokio::test]
async fn two_accounts_at_one_relay_share_neither_login_nor_connections() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    world.peer(Script::new()).await;
    let at = relay("good", "right").await;
    world.set_relay(world.of_account(), to(&at, "good", "right", 100)).await;
    world.start().await;
    world.send(mail(&["one@b.example"])).await;
    world.wait_for_events(1).await;
    world.be_another("theirs.example").await;
    world.set_relay(world.of_account(), to(&at, "good", "wrong", 100)).await;
    world.send(mail(&["two@b.example"])).await;
    let events = world.wait_for_events(2).await;
    let shorts: Vec<_> = events.iter().map(crate::world::Event::short).collect();
    assert_eq!(shorts, ["delivered 250", "temporary 535"]);
    assert_eq!(events[1].status().mx_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(seen(&at), one("good", "one@b.example"));
}

#[tokio::test]
async fn what_a_relay_is_told_holds_from_the_next_attempt_on() {
    let mut world = World::new().await;
    let servers = world.peer(Script::new()).await;
    let at = relay("me", "new").await;
    world.start().await;
    world.send(mail(&["before@b.example"])).await;
    world.wait_for_events(1).await;
    world.set_relay(world.of_account(), to(&at, "me", "old", 100)).await;
    world.send(mail(&["refused@b.example"])).await;
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "temporary 535");

    world.set_relay(world.of_account(), to(&at, "me", "new", 100)).await;
    world.later(Duration::from_secs(15 * 60));
    let events = world.wait_for_events(3).await;
    assert_eq!(events[2].short(), "delivered 250");
    assert_eq!(seen(&at), one("me", "refused@b.example"));

    assert!(world.store.remove_relay(world.of_account()).await.expect("removed"));
    world.send(mail(&["after@b.example"])).await;
    world.wait_for_events(4).await;
    let direct: Vec<_> = seen(&servers).into_iter().map(|(_, recipient)| recipient).collect();
    assert_eq!(direct, ["before@b.example", "after@b.example"]);
}

#[tokio::test]
async fn a_part_goes_by_the_relay_and_another_try_goes_the_same_way() {
    let mut world = World::new().await;
    let servers = world.peer(Script::new()).await;
    let at = relay("me", "p").await;
    at.rescript(|script| script.set("RCPT", [Reaction::Say("450 4.2.0 later\r\n".into())]));
    world.set_relay(world.of_account(), to(&at, "me", "p", 50)).await;
    world.start().await;
    let all: Vec<String> = (0..40).map(|number| format!("r{number}@b.example")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    world.send(mail(&all)).await;
    let events = world.wait_for_events(40).await;
    let deferred: Vec<_> = events.iter().filter(|event| event.short() == "temporary 450").collect();
    let mut by_relay: Vec<_> = deferred.iter().map(|event| event.recipient().to_owned()).collect();
    assert!((8..=32).contains(&by_relay.len()), "{} of 40", by_relay.len());
    assert_eq!(seen(&servers).len(), 40 - by_relay.len());
    assert!(deferred.iter().all(|event| event.status().mx_host.as_deref() == Some("127.0.0.1")));

    at.rescript(|script| script.set("RCPT", []));
    assert!(world.store.set_relay_share(world.of_account(), 60).await.expect("set"));
    world.wait_until_idle().await;
    world.later(Duration::from_secs(15 * 60));
    world.wait_for_events(40 + by_relay.len()).await;
    let mut again: Vec<_> = seen(&at).into_iter().map(|(_, recipient)| recipient).collect();
    again.sort_unstable();
    by_relay.sort_unstable();
    assert_eq!(again, by_relay);
}

#[tokio::test]
async fn of_the_instances_relay_a_part_can_go_directly_too() {
    let mut world = World::new().await;
    let servers = world.peer(Script::new()).await;
    let at = Peer::start(Script::new()).await.expect("a relay");
    world.config.relay = Some(format!("smtp://127.0.0.1:{}", at.port()).parse().expect("a relay"));
    world.config.relay_share = 50;
    world.start().await;
    let all: Vec<String> = (0..40).map(|number| format!("r{number}@b.example")).collect();
    world.send(mail(&all.iter().map(String::as_str).collect::<Vec<_>>())).await;
    world.wait_for_events(40).await;
    let (by_relay, direct) = (seen(&at).len(), seen(&servers).len());
    assert!(by_relay + direct == 40 && (8..=32).contains(&by_relay), "{by_relay} of 40");
}

#[tokio::test]
async fn captured_mail_goes_to_no_relay() {
    let mut world = World::new().await;
    let at = relay("me", "p").await;
    world.set_relay(world.of_account(), to(&at, "me", "p", 100)).await;
    world.set_relay(world.of_domain(), to(&at, "me", "p", 100)).await;
    world.start().await;
    world.send(Mail { capture: true, ..mail(&["bob@b.example"]) }).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].status().description, "Captured in the inbox of the sandbox domain");
    assert_eq!(at.seen().connections, 0);
}

#[tokio::test]
async fn a_slow_relay_of_one_account_does_not_hold_up_others() {
    let mut world = World::new().await;
    world.config.limits.per_relay = 2;
    world.config.limits.waiting_per_destination = 5;
    world.config.limits.leased = 20;
    let servers = world.peer(Script::new()).await;
    let slow = Peer::start(Script::new().greeting(Greeting::Silence)).await.expect("a relay");
    world.set_relay(world.of_account(), to(&slow, "me", "p", 100)).await;
    for number in 0..50 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    slow.wait_for(|seen| seen.open == 2).await;
    world.be_another("theirs.example").await;
    for number in 0..20 {
        world.send(mail(&[&format!("s{number}@c.example")])).await;
    }
    let events = world.wait_for_events(20).await;
    assert!(events.iter().all(|event| event.recipient().ends_with("@c.example")));
    assert_eq!((servers.acknowledged().len(), slow.seen().most_open), (20, 2));
}

/// What another domain of the account has for the same recipients, and what comes later, goes on past what is full.
#[tokio::test]
async fn a_slow_relay_of_one_domain_does_not_hold_up_the_rest_of_its_account() {
    let mut world = World::new().await;
    world.config.limits.per_relay = 2;
    world.config.limits.waiting_per_destination = 5;
    let servers = world.peer(Script::new()).await;
    let slow = Peer::start(Script::new().greeting(Greeting::Silence)).await.expect("a relay");
    world.set_relay(world.of_domain(), to(&slow, "me", "p", 100)).await;
    for first in 0..10 {
        let to: Vec<String> = (0..100).map(|number| format!("r{first}.{number}@b.example")).collect();
        world.send(mail(&to.iter().map(String::as_str).collect::<Vec<_>>())).await;
    }
    let slow_domain = world.domain;
    world.use_domain("other.ours.example").await;
    world.send(mail(&["before@b.example"])).await;
    world.start().await;
    slow.wait_for(|seen| seen.open == 2).await;
    world.wait_for_events(1).await;
    world.send_as((world.account, slow_domain), mail(&["slow@b.example"])).await;
    world.send(mail(&["after@b.example"])).await;
    world.wait_for_events(2).await;
    let gone: Vec<_> = seen(&servers).into_iter().map(|(_, recipient)| recipient).collect();
    assert_eq!(gone, ["before@b.example", "after@b.example"]);
    assert_eq!(slow.seen().most_open, 2);
}

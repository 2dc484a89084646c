//! A domain says that its mail goes over good TLS to its own servers only, and nothing else changes for anybody.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use waxseal_model::Clock as _;
use waxseal_testkit::{
    HttpPeer,
    dns_zone::Fault,
    http_peer::Answer,
    smtp_peer::{Certificate, Peer, Script},
};

use crate::{
    counters::Counters,
    world::{Event, World, mail},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const NAMES: [&str; 3] = ["mta-sts.b.example", "mx.b.example", "mx.c.example"];
const NOT_TRUSTED: &str = "The MTA-STS policy of b.example forbids it: certificate not valid";

pub(crate) fn policy(mode: &str, mx: &str) -> String {
    format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n")
}

pub(crate) fn page(text: &str) -> Answer {
    say("200 OK", "text/plain; charset=utf-8", text)
}

pub(crate) fn say(status: &str, media_type: &str, text: &str) -> Answer {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n", text.len());
    Answer::Say(format!("{head}\r\n{text}"))
}

/// A world where `b.example` has a policy, the host that tells it, and a certificate that is trusted.
struct Sts {
    world: World,
    host: HttpPeer,
    trusted: Certificate,
}

impl Sts {
    async fn new(answer: Answer) -> Self {
        let trusted = Certificate::new(&NAMES);
        Self::with(answer, &trusted.clone(), trusted).await
    }

    /// The policy host has another certificate.
    async fn with(answer: Answer, of_host: &Certificate, trusted: Certificate) -> Self {
        let mut world = World::new().await;
        let host = HttpPeer::start_at("127.0.0.1:0", Some(of_host), [answer]).await.expect("a policy host");
        let file: PathBuf = world.folder.path().join("ca.pem");
        trusted.write_to(&file).expect("written");
        world.net.extra_ca = Some(file);
        world.config.mta_sts_port = host.port();
        world.config.http_rules.allow_private = true;
        world.zone.address_of("mta-sts.b.example", Ipv4Addr::LOCALHOST.into());
        world.zone.txt("_mta-sts.b.example", "v=STSv1; id=1;");
        Self { world, host, trusted }
    }

    async fn start(&mut self, script: Script) -> Peer {
        let peer = self.world.peer(script).await;
        self.world.start().await;
        peer
    }

    /// What becomes of a message to this address at its first attempt.
    async fn send(&self, to: &str) -> Event {
        let ours = |events: Vec<Event>| events.into_iter().filter(|event| event.recipient() == to);
        let events = self.world.events().await;
        let (mut count, before) = (events.len(), ours(events).count());
        self.world.send(mail(&[to])).await;
        loop {
            let events = self.world.wait_for_events(count + 1).await;
            count = events.len();
            if let Some(event) = ours(events).nth(before) {
                self.world.wait_until_idle().await;
                return event;
            }
        }
    }

    fn new_id(&self, id: &str) {
        self.world.zone.forget("_mta-sts.b.example");
        self.world.zone.txt("_mta-sts.b.example", &format!("v=STSv1; id={id};"));
    }
}

/// Offers a certificate that nobody trusts.
fn untrusted() -> Script {
    Script::new().tls(Certificate::new(&["mx.b.example"]))
}

#[tokio::test]
async fn an_enforced_policy_wants_good_tls_or_nothing_is_sent() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    let script = Script::new().tls(sts.trusted.clone());
    let peer = sts.start(script).await;
    let event = sts.send("bob@b.example").await;
    assert_eq!((event.short().as_str(), event.status().certificate_verified), ("delivered 250", Some(true)));
    assert_eq!(sts.host.requests()[0].line, "GET /.well-known/mta-sts.txt HTTP/1.1");
    assert_eq!(peer.acknowledged().len(), 1);

    let other_name = Script::new().tls(Certificate::new(&["x.example"]));
    for (script, why) in [
        (untrusted(), NOT_TRUSTED),
        (other_name, NOT_TRUSTED),
        (Script::new(), "The MTA-STS policy of b.example forbids it: the server offers no TLS"),
    ] {
        let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
        let peer = sts.start(script).await;
        let event = sts.send("bob@b.example").await;
        assert_eq!((event.short().as_str(), event.status().description.as_str()), ("temporary 499", why));
        assert_eq!(event.status().enhanced_code.as_deref(), Some("4.7.5"));
        assert!(peer.acknowledged().is_empty(), "nothing is sent");
    }
}

#[tokio::test]
async fn an_enforced_policy_names_the_servers() {
    let mut sts = Sts::new(page(&policy("enforce", "*.mail.b.example"))).await;
    let script = Script::new().tls(sts.trusted.clone());
    let peer = sts.start(script).await;
    let event = sts.send("bob@b.example").await;
    let why = "The MTA-STS policy of b.example forbids it: mx.b.example is not among its servers";
    assert_eq!((event.short().as_str(), event.status().description.as_str()), ("temporary 499", why));
    assert_eq!(peer.seen().connections, 0, "nobody is dialled");

    // A server that is named is used behind one that is not.
    let mut sts = Sts::new(page(&policy("enforce", "*.c.example"))).await;
    sts.world.zone.mx("b.example", 20, "mx.c.example");
    let script = Script::new().tls(sts.trusted.clone());
    let _peer = sts.start(script).await;
    let event = sts.send("bob@b.example").await;
    assert_eq!(
        (event.short().as_str(), event.status().mx_host.as_deref()),
        ("delivered 250", Some("mx.c.example"))
    );
}

#[tokio::test]
async fn a_policy_under_test_is_counted_and_holds_nothing_back() {
    let counters = Counters::begin();
    for (script, mx, outcome) in [
        (untrusted(), "mx.b.example", "failed"),
        (Script::new(), "mx.b.example", "failed"),
        (Script::new(), "other.example", "failed"),
    ] {
        let mut sts = Sts::new(page(&policy("testing", mx))).await;
        let before = counters.of("waxseal_mta_sts_messages_total", &["testing", outcome]);
        let _peer = sts.start(script).await;
        assert_eq!(sts.send("bob@b.example").await.short(), "delivered 250");
        assert_eq!(counters.of("waxseal_mta_sts_messages_total", &["testing", outcome]), before + 1);
    }
    let mut sts = Sts::new(page(&policy("testing", "mx.b.example"))).await;
    let script = Script::new().tls(sts.trusted.clone());
    let _peer = sts.start(script).await;
    sts.send("bob@b.example").await;
    assert_eq!(counters.of("waxseal_mta_sts_messages_total", &["testing", "met"]), 1);
}

#[tokio::test]
async fn without_a_policy_that_can_be_read_mail_goes_as_ever() {
    let enforce = policy("enforce", "mx.b.example");
    let long = format!("{enforce}{}", "x: y\r\n".repeat(20_000));
    for answer in [
        page("version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n"),
        page(&enforce.replace("STSv1", "STSv2")),
        page(&long),
        say("200 OK", "text/html", &enforce),
        say("404 Not Found", "text/plain", &enforce),
        Answer::Say(
            "HTTP/1.1 302 Found\r\nLocation: https://mx.b.example/\r\nContent-Length: 0\r\n\r\n".into(),
        ),
        Answer::Say("garbage\r\n\r\n".into()),
    ] {
        let mut sts = Sts::new(answer).await;
        let peer = sts.start(untrusted()).await;
        assert_eq!(sts.send("bob@b.example").await.short(), "delivered 250");
        assert_eq!((sts.host.requests().len(), peer.acknowledged().len()), (1, 1));
    }
    // The host that tells it has to prove its name.
    let stranger = Certificate::new(&["mta-sts.b.example"]);
    let mut sts = Sts::with(page(&enforce), &stranger, Certificate::new(&NAMES)).await;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("bob@b.example").await.short(), "delivered 250");
    assert!(sts.host.requests().is_empty(), "nothing was asked of it");
    // An operator may do without.
    let mut sts = Sts::new(page(&enforce)).await;
    sts.world.config.mta_sts = false;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("bob@b.example").await.short(), "delivered 250");
    // And customers' URLs may not lead inside, nor may this one.
    let mut sts = Sts::new(page(&enforce)).await;
    sts.world.config.http_rules.allow_private = false;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("bob@b.example").await.short(), "delivered 250");
    assert_eq!(sts.host.connections(), 0);
}

#[tokio::test]
async fn a_policy_holds_until_it_expires_whatever_becomes_of_its_host() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("a@b.example").await.status().description, NOT_TRUSTED);
    sts.world.later(11 * MINUTE);
    assert_eq!(sts.send("b@b.example").await.status().description, NOT_TRUSTED);
    assert_eq!(sts.host.requests().len(), 1, "it is not fetched for each message");
    sts.host.answer([Answer::Status(500)]);
    sts.world.later(DAY);
    assert_eq!(sts.send("c@b.example").await.status().description, NOT_TRUSTED);
    assert_eq!(sts.host.requests().len(), 2, "it is fetched again in time");
    sts.world.zone.fault("_mta-sts.b.example", Fault::ServFail);
    sts.world.later(DAY);
    assert_eq!(sts.send("d@b.example").await.status().description, NOT_TRUSTED);
    sts.world.zone.forget("_mta-sts.b.example");
    sts.world.later(DAY);
    assert_eq!(sts.send("e@b.example").await.status().description, NOT_TRUSTED);
    sts.world.later(4 * DAY);
    assert_eq!(sts.send("f@b.example").await.short(), "delivered 250", "its time is over");
}

#[tokio::test]
async fn a_new_id_has_the_policy_fetched_anew() {
    let mut sts = Sts::new(page(&policy("testing", "mx.b.example"))).await;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("a@b.example").await.short(), "delivered 250");
    sts.host.answer([page(&policy("enforce", "mx.b.example"))]);
    sts.world.later(11 * MINUTE);
    assert_eq!(sts.send("b@b.example").await.short(), "delivered 250");
    sts.new_id("2");
    sts.world.later(11 * MINUTE);
    assert_eq!(sts.send("c@b.example").await.status().description, NOT_TRUSTED);
    assert_eq!(sts.host.requests().len(), 2);
}

#[tokio::test]
async fn what_one_domain_asks_for_changes_nothing_for_another_with_the_same_server() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    sts.world.config.limits.per_destination = 1;
    sts.world.config.timeouts.idle = 10 * MINUTE;
    sts.world.zone.forget("c.example").mx("c.example", 10, "mx.b.example");
    let peer = sts.start(untrusted()).await;
    for round in 1..=2 {
        // What is open from the one is not used for the other, and news of the other is no news for the one.
        assert_eq!(sts.send("a@c.example").await.short(), "delivered 250");
        assert_eq!(sts.send("a@b.example").await.status().description, NOT_TRUSTED);
        assert_eq!(sts.send("b@c.example").await.short(), "delivered 250");
        assert_eq!(peer.acknowledged().len(), 2 * round);
    }
    assert!(
        peer.acknowledged().iter().all(|message| message.recipients == ["TO:<a@c.example>"]
            || message.recipients == ["TO:<b@c.example>"])
    );
}

#[tokio::test]
async fn domains_share_a_connection_that_is_good_enough_for_both() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    sts.world.config.limits.per_destination = 1;
    sts.world.config.timeouts.idle = 10 * MINUTE;
    sts.world.zone.forget("c.example").mx("c.example", 10, "mx.b.example");
    let script = Script::new().tls(sts.trusted.clone());
    let peer = sts.start(script).await;
    for to in ["a@b.example", "a@c.example", "b@b.example", "b@c.example"] {
        assert_eq!(sts.send(to).await.short(), "delivered 250");
    }
    // One to find out where each domain leads, at most.
    assert!(peer.seen().connections <= 2, "{} connections", peer.seen().connections);
}

#[tokio::test]
async fn a_policy_holds_over_a_restart_though_its_host_and_its_record_are_gone() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    let peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("a@b.example").await.status().description, NOT_TRUSTED);
    for host in [Answer::Silence, Answer::Status(404)] {
        sts.world.stop().await;
        sts.host.answer([host]);
        sts.world.config.timeouts.policy = Duration::from_millis(200);
        sts.new_id("2");
        sts.world.later(11 * MINUTE);
        sts.world.start().await;
        assert_eq!(sts.send("b@b.example").await.status().description, NOT_TRUSTED);
    }
    sts.world.kill();
    sts.world.zone.forget("_mta-sts.b.example");
    sts.world.later(6 * DAY);
    sts.world.start().await;
    assert_eq!(sts.send("c@b.example").await.status().description, NOT_TRUSTED);
    assert!(peer.acknowledged().is_empty());
    sts.world.kill();
    sts.world.later(DAY);
    sts.world.start().await;
    assert_eq!(sts.send("d@b.example").await.short(), "delivered 250", "its time is over");
}

#[tokio::test]
async fn a_kept_policy_is_fetched_again_in_its_time_and_not_for_each_restart() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    let script = Script::new().tls(sts.trusted.clone());
    let _peer = sts.start(script).await;
    assert_eq!(sts.send("a@b.example").await.short(), "delivered 250");
    for (later, fetched) in [(11 * MINUTE, 1), (DAY, 2), (11 * MINUTE, 2)] {
        sts.world.stop().await;
        sts.world.later(later);
        sts.world.start().await;
        assert_eq!(sts.send("b@b.example").await.short(), "delivered 250");
        assert_eq!(sts.host.requests().len(), fetched);
    }
}

#[tokio::test]
async fn a_kept_policy_that_cannot_be_opened_is_as_none() {
    let mut sts = Sts::new(page(&policy("enforce", "mx.b.example"))).await;
    let _peer = sts.start(untrusted()).await;
    assert_eq!(sts.send("a@b.example").await.status().description, NOT_TRUSTED);
    sts.world.stop().await;
    sts.host.answer([Answer::Status(404)]);
    let today = sts.world.clock.now().day();
    assert_eq!(sts.world.store.destroy_trust_keys_of(today).await.expect("destroyed"), 1);
    sts.world.start().await;
    assert_eq!(sts.send("b@b.example").await.short(), "delivered 250");
}

#[tokio::test]
async fn a_silent_policy_host_holds_nobody_up_for_long() {
    let mut sts = Sts::new(Answer::Silence).await;
    sts.world.config.timeouts.policy = Duration::from_millis(1_500);
    let peer = sts.start(untrusted()).await;
    sts.world.send(mail(&["a@b.example"])).await;
    sts.host.wait_for(1).await;
    // Its own mail waits for what it may say; that of others does not.
    sts.world.send(mail(&["a@c.example"])).await;
    let first = sts.world.wait_for_events(1).await;
    assert_eq!((first[0].recipient(), first[0].short().as_str()), ("a@c.example", "delivered 250"));
    let both = sts.world.wait_for_events(2).await;
    assert_eq!((both[1].recipient(), both[1].short().as_str()), ("a@b.example", "delivered 250"));
    sts.world.wait_until_idle().await;
    assert_eq!(sts.send("b@b.example").await.short(), "delivered 250");
    assert_eq!((sts.host.requests().len(), peer.acknowledged().len()), (1, 3), "it is not waited for again");
}

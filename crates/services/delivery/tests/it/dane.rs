//! The DNS tells which certificates a domain's servers have, and mail goes to no others; where it does not vouch for what
//! it tells, nothing changes.

use std::{fmt::Write as _, time::Duration};

use waxseal_net::Dnssec;
use waxseal_testkit::{
    HttpPeer, SignedZones,
    http_peer::Answer,
    signed_zones::{Signed, ZoneText},
    smtp_peer::{Certificate, Peer, Script},
};

use crate::world::{Event, World, mail};

/// Mail domains in zones, and servers of their own at addresses of their own.
pub(crate) struct Dns {
    pub(crate) world: World,
    peers: Vec<Peer>,
    pub(crate) well: String,
    not: String,
    pub(crate) forged: String,
    failing: Vec<String>,
    served: Option<SignedZones>,
}

impl Dns {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let (well, not, forged) = (String::new(), String::new(), String::new());
        Self { world, peers: Vec::new(), well, not, forged, failing: Vec::new(), served: None }
    }

    /// A server at an address of its own: its address, in a record, and the port of all.
    async fn server(&mut self, script: Script) -> (String, u16) {
        let ip = format!("127.0.0.{}", self.peers.len() + 1);
        let peer = match self.peers.is_empty() {
            true => self.world.peer(script).await,
            false => self.world.peer_at(&ip, script).await,
        };
        let port = peer.port();
        self.peers.push(peer);
        (ip, port)
    }

    /// The records of a mail domain with one server: relative to its zone.
    pub(crate) async fn domain(&mut self, name: &str, tlsa: &str, script: Script) -> String {
        let (ip, port) = self.server(script).await;
        let mut records = format!("{name} 60 IN MX 10 mx.{name}\nmx.{name} 60 IN A {ip}\n");
        if !tlsa.is_empty() {
            writeln!(records, "_{port}._tcp.mx.{name} 60 IN TLSA {tlsa}").expect("text");
        }
        records
    }

    /// One in the zone `b.example`, which is signed.
    pub(crate) async fn signed(&mut self, name: &str, tlsa: &str, script: Script) {
        let records = self.domain(name, tlsa, script).await;
        self.well.push_str(&records);
    }

    /// Serves the zones and starts delivery; `None` where that cannot be.
    pub(crate) async fn start(&mut self, dnssec: Dnssec) -> Option<()> {
        let zone = |name: &str, signed, records: &str| ZoneText {
            name: name.into(),
            signed,
            records: records.into(),
        };
        let mut zones = vec![
            zone("b.example", Signed::Well, &self.well),
            zone("plain.example", Signed::Not, &self.not),
            zone("forged.example", Signed::Forged { was: "10 mx.", is: "20 mx." }, "x 60 IN MX 10 mx.x\n"),
            zone("tlsa.example", Signed::Forged { was: "TLSA\t3", is: "TLSA\t2" }, &self.forged),
        ];
        zones.extend(self.failing.iter().map(|name| zone(name, Signed::Failing, "")));
        let served = SignedZones::start(&zones).await.expect("a name server")?;
        self.world.net.nameservers = vec![served.nameserver()];
        self.world.net.trust_anchor = Some(served.trust_anchor());
        self.world.net.dnssec = dnssec;
        // Signatures are asked for one by one, on a busy machine.
        (self.world.net.dns_timeout, self.world.net.dns_budget) =
            (Duration::from_secs(5), Duration::from_secs(20));
        self.served = Some(served);
        self.world.start().await;
        Some(())
    }

    /// What becomes of a message to this domain at its first attempt.
    pub(crate) async fn send(&self, domain: &str) -> Event {
        let count = self.world.events().await.len();
        self.world.send(mail(&[&format!("bob@{domain}")])).await;
        let event = self.world.wait_for_events(count + 1).await.remove(count);
        self.world.wait_until_idle().await;
        event
    }

    /// The same in short: the outcome, and whether it went under TLS with a certificate that is good.
    async fn outcome(&self, domain: &str) -> (String, Option<bool>, Option<bool>) {
        let event = self.send(domain).await;
        (event.short(), event.status().tls, event.status().certificate_verified)
    }

    /// Why a message to this domain waits.
    async fn refusal(&self, domain: &str) -> String {
        let event = self.send(domain).await;
        assert_eq!(event.short(), "temporary 499", "{domain}: {}", event.status().description);
        assert_eq!(event.status().enhanced_code.as_deref(), Some("4.7.5"));
        event.status().description.clone()
    }

    fn messages(&self) -> usize {
        self.peers.iter().map(|peer| peer.acknowledged().len()).sum()
    }
}

fn delivered(tls: bool, good: bool) -> (String, Option<bool>, Option<bool>) {
    ("delivered 250".into(), Some(tls), Some(good))
}

fn with(certificate: &Certificate) -> Script {
    Script::new().tls(certificate.clone())
}

#[tokio::test]
async fn a_certificate_that_the_dns_tells_of_is_good_and_no_other_is() {
    let mut dns = Dns::new().await;
    let own = Certificate::expired(&["elsewhere.example"]);
    dns.signed("ee", &own.tlsa(3, 1, 1), with(&own)).await;
    let own = Certificate::new(&["elsewhere.example"]);
    dns.signed("whole", &own.tlsa(3, 0, 2), with(&own)).await;
    let issued = Certificate::issued(&["mx.ta.b.example"]);
    dns.signed("ta", &issued.tlsa(2, 0, 1), with(&issued)).await;
    let issued = Certificate::issued(&["domain.b.example"]);
    dns.signed("domain", &issued.tlsa(2, 1, 2), with(&issued)).await;
    let issued = Certificate::issued(&["elsewhere.example"]);
    dns.signed("name", &issued.tlsa(2, 0, 1), with(&issued)).await;
    dns.signed("other", &own.tlsa(3, 1, 1), with(&Certificate::new(&["mx.other.b.example"]))).await;
    dns.signed("clear", &own.tlsa(3, 1, 1), Script::new()).await;
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    for domain in ["ee", "whole", "ta", "domain"] {
        assert_eq!(dns.outcome(&format!("{domain}.b.example")).await, delivered(true, true), "{domain}");
    }
    for (domain, why) in [
        ("name", "certificate for another name"),
        ("other", "the certificate is none that its TLSA records tell of"),
        ("clear", "the server offers no TLS"),
    ] {
        let words = format!("The DANE records of mx.{domain}.b.example forbid it: {why}");
        assert_eq!(dns.refusal(&format!("{domain}.b.example")).await, words);
    }
    assert_eq!(dns.messages(), 4, "nothing else was sent to anybody");
}

#[tokio::test]
async fn records_that_cannot_be_used_ask_for_tls_with_any_certificate() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["mx.any.b.example"]);
    dns.signed("any", &own.tlsa(1, 1, 1), with(&own)).await;
    dns.signed("clear", &own.tlsa(0, 0, 1), Script::new()).await;
    dns.signed("none", "", Script::new()).await;
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    assert_eq!(dns.outcome("any.b.example").await, delivered(true, false));
    let words = "The DANE records of mx.clear.b.example forbid it: the server offers no TLS";
    assert_eq!(dns.refusal("clear.b.example").await, words);
    assert_eq!(dns.outcome("none.b.example").await, delivered(false, false), "no records, nothing asked for");
}

#[tokio::test]
async fn what_is_not_known_for_sure_is_never_taken_for_nothing() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["mx.x.tlsa.example"]);
    dns.forged = dns.domain("x", &own.tlsa(3, 1, 1), with(&own)).await;
    dns.signed("fails", &own.tlsa(3, 1, 1), with(&own)).await;
    dns.failing = vec!["_tcp.mx.fails.b.example".into()];
    // A server whose records cannot be had is passed over for one whose can.
    let good = dns.domain("second", &own.tlsa(3, 1, 1), with(&own)).await;
    dns.well.push_str(&good);
    dns.well.push_str("second 60 IN MX 5 mx.fails\n");
    if dns.start(Dnssec::Auto).await.is_none() {
        return;
    }
    let words = "The DANE records of mx.x.tlsa.example forbid it: its TLSA records cannot be had: the answer is not as \
        its zone signed it";
    assert_eq!(dns.refusal("x.tlsa.example").await, words);
    let words = "The DANE records of mx.fails.b.example forbid it: its TLSA records cannot be had: the nameserver failed";
    assert_eq!(dns.refusal("fails.b.example").await, words);
    let event = dns.send("x.forged.example").await;
    let said = "DNS look-up failed: the answer is not as its zone signed it";
    assert_eq!((event.short().as_str(), event.status().message.as_str()), ("temporary 498", said));
    assert_eq!(dns.messages(), 0, "nothing is sent");
    let event = dns.send("second.b.example").await;
    let host = event.status().mx_host.as_deref();
    assert_eq!((event.short().as_str(), host), ("delivered 250", Some("mx.second.b.example")));
}

#[tokio::test]
async fn where_nobody_vouches_for_the_way_its_records_say_nothing() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["x"]);
    // Neither for the domain, nor for its servers.
    dns.not = dns.domain("x", &own.tlsa(3, 1, 1), Script::new()).await;
    // For the server and not for the domain.
    dns.signed("server", &own.tlsa(3, 1, 1), Script::new()).await;
    dns.not.push_str("y 60 IN MX 10 mx.server.b.example.\n");
    // For the domain and not for the server.
    dns.well.push_str("z 60 IN MX 10 mx.x.plain.example.\n");
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    for domain in ["x.plain.example", "y.plain.example", "z.b.example"] {
        assert_eq!(dns.outcome(domain).await, delivered(false, false), "{domain}");
    }
    assert!(
        dns.refusal("server.b.example").await.ends_with("the server offers no TLS"),
        "it would have said no"
    );
}

#[tokio::test]
async fn an_alias_of_a_server_has_the_records_of_what_it_stands_for() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["x"]);
    dns.signed("real", &own.tlsa(3, 1, 1), with(&own)).await;
    dns.well.push_str("alias 60 IN MX 10 mx.alias\nmx.alias 60 IN CNAME mx.real\n");
    dns.signed("wrong", &own.tlsa(3, 1, 1), Script::new()).await;
    dns.well.push_str("away 60 IN MX 10 mx.away\nmx.away 60 IN CNAME mx.wrong\n");
    // An issuer's certificate is good for what the alias stands for, for the alias, and for the domain.
    for (name, issued_for) in
        [("one", "mx.one.b.example"), ("two", "mx.as-two.b.example"), ("no", "mx.as-no.x")]
    {
        let issued = Certificate::issued(&[issued_for]);
        dns.signed(name, &issued.tlsa(2, 0, 1), with(&issued)).await;
        writeln!(dns.well, "as-{name} 60 IN MX 10 mx.as-{name}\nmx.as-{name} 60 IN CNAME mx.{name}")
            .expect("text");
    }
    // Records of the alias itself count where what it stands for has none.
    let (name, port) = ("bare", dns.server(with(&own)).await);
    writeln!(
        dns.well,
        "{name} 60 IN MX 10 mx.{name}\nmx.{name} 60 IN CNAME at.{name}\nat.{name} 60 IN A {}",
        port.0
    )
    .expect("text");
    writeln!(dns.well, "_{}._tcp.mx.{name} 60 IN TLSA {}", port.1, own.tlsa(3, 1, 1)).expect("text");
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    assert_eq!(dns.outcome("alias.b.example").await, delivered(true, true));
    let words = "The DANE records of mx.away.b.example forbid it: the server offers no TLS";
    assert_eq!(dns.refusal("away.b.example").await, words);
    for domain in ["as-one.b.example", "as-two.b.example", "bare.b.example"] {
        assert_eq!(dns.outcome(domain).await, delivered(true, true), "{domain}");
    }
    let words = "The DANE records of mx.as-no.b.example forbid it: certificate for another name";
    assert_eq!(dns.refusal("as-no.b.example").await, words);
    // Each is asked for by the name whose records count, and so shows the certificate that they tell of.
    let asked: Vec<_> = dns.peers.iter().flat_map(|peer| peer.seen().server_names.clone()).collect();
    let wanted = ["mx.real", "mx.one", "mx.two", "mx.no", "mx.bare"].map(|name| format!("{name}.b.example"));
    assert_eq!(asked, wanted);
}

#[tokio::test]
async fn what_the_dns_tells_for_one_domain_changes_nothing_for_another_with_the_same_server() {
    let mut dns = Dns::new().await;
    dns.world.config.limits.per_destination = 1;
    dns.world.config.timeouts.idle = Duration::from_secs(600);
    let (own, other) = (Certificate::new(&["x"]), Certificate::new(&["x"]));
    dns.signed("bad", &other.tlsa(3, 1, 1), with(&own)).await;
    dns.signed("good", &own.tlsa(3, 1, 1), with(&own)).await;
    dns.not = "bad 60 IN MX 10 mx.bad.b.example.\ngood 60 IN MX 10 mx.good.b.example.\n".into();
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    for round in 1..=2 {
        // What is open from the one is not used for the other, and news of the other is no news for the one.
        assert_eq!(dns.outcome("bad.plain.example").await, delivered(true, false));
        assert!(dns.refusal("bad.b.example").await.contains("none that its TLSA records tell of"));
        assert_eq!(dns.messages(), round);
    }
    for _ in 0..2 {
        assert_eq!(dns.outcome("good.plain.example").await, delivered(true, false));
        assert_eq!(dns.outcome("good.b.example").await, delivered(true, true), "good for the one that asks");
    }
    // One to find out where each domain leads, at most.
    assert!(dns.peers[1].seen().connections <= 2, "{} connections", dns.peers[1].seen().connections);
}

#[tokio::test]
async fn what_the_dns_tells_goes_before_a_policy() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["x"]);
    let trusted = Certificate::new(&["mta-sts.sts.b.example", "mta-sts.any.b.example"]);
    let page = "version: STSv1\r\nmode: enforce\r\nmx: elsewhere.example\r\nmax_age: 604800\r\n";
    let length = page.len();
    let page =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{page}");
    let host = HttpPeer::start_at("127.0.0.1:0", Some(&trusted), [Answer::Say(page)]).await.expect("a host");
    let file = dns.world.folder.path().join("ca.pem");
    trusted.write_to(&file).expect("written");
    dns.world.net.extra_ca = Some(file);
    dns.world.config.mta_sts_port = host.port();
    dns.world.config.http_rules.allow_private = true;
    dns.signed("sts", &own.tlsa(3, 1, 1), with(&own)).await;
    // A policy rules where the records cannot be used.
    dns.signed("any", &own.tlsa(1, 1, 1), with(&own)).await;
    for name in ["sts", "any"] {
        writeln!(dns.well, "_mta-sts.{name} 60 IN TXT \"v=STSv1; id=1;\"\nmta-sts.{name} 60 IN A 127.0.0.1")
            .expect("text");
    }
    if dns.start(Dnssec::Always).await.is_none() {
        return;
    }
    assert_eq!(dns.outcome("sts.b.example").await, delivered(true, true));
    assert_eq!(host.requests().len(), 1, "there is a policy");
    let words = "The MTA-STS policy of any.b.example forbids it: mx.any.b.example is not among its servers";
    assert_eq!(dns.refusal("any.b.example").await, words);
}

#[tokio::test]
async fn nameservers_that_pass_no_signatures_on_change_nothing_unless_they_have_to() {
    for (dnssec, outcome) in [(Dnssec::Auto, "delivered 250"), (Dnssec::Always, "temporary 498")] {
        let mut world = World::new().await;
        world.net.dnssec = dnssec;
        let _peer = world.peer(Script::new()).await;
        world.start().await;
        world.send(mail(&["bob@b.example"])).await;
        assert_eq!(world.wait_for_events(1).await[0].short(), outcome);
    }
}

#[tokio::test]
async fn an_operator_may_do_without() {
    let mut dns = Dns::new().await;
    let own = Certificate::new(&["x"]);
    dns.signed("off", &own.tlsa(3, 1, 1), Script::new()).await;
    if dns.start(Dnssec::Off).await.is_none() {
        return;
    }
    assert_eq!(dns.outcome("off.b.example").await, delivered(false, false));
}

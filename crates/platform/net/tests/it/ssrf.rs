//! Nobody makes the client call a machine inside: whatever the URL, the DNS or the server says.
//!
//! A canary listens on every address of this machine, on a port that may be called. Each vector aims at it or at
//! another inner address; none may reach it, and each has to be refused for what it is.

use std::net::{Ipv4Addr, Ipv6Addr};

use waxseal_net::http_client::{HttpError, UrlError};
use waxseal_testkit::{HttpPeer, dns_zone::Fault, http_peer::Answer};

use crate::world::{Failure, World, loopback};

/// Addresses inside, or nobody's, in the usual notation.
const INNER_V4: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.0.0.53",
    "127.1.2.3",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.1",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
];

/// The same for IPv6: mapped, compatible, translated (NAT64, 6to4), tunnelled (Teredo), unique local, link-local,
/// site-local, documentation, discard, multicast.
const INNER_V6: &[&str] = &[
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::a00:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:192.168.0.1",
    "::ffff:0:127.0.0.1",
    "0:0:0:0:0:ffff:7f00:0001",
    "0:0:0:0:0:0:0:1",
    "64:ff9b::7f00:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::5efe:7f00:1",
    "fec0::1",
    "ff01::1",
    "ff02::1",
    "ff05::1:3",
];

/// 127.0.0.1, 169.254.169.254 and others in the notations that some programs read as an address.
const ODD_NUMBERS: &[&str] = &[
    "2130706433",
    "3232235521",
    "2852039166",
    "4294967295",
    "0",
    "1",
    "0x7f000001",
    "0x7F000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0x0a000001",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.0.0x1",
    "00000177.0.0.1",
    "0251.0376.0251.0376",
    "025177524776",
    "012.0.0.1",
    "127.1",
    "127.0.1",
    "127.65535",
    "10.1",
    "192.168.257",
    "169.254.43518",
    "0.0",
    "0x0",
    "127.0.0.1.",
    "0x7f.1.",
    "127.000.000.001",
    "0x00000000007f000001",
];

/// The same with letters and dots of other scripts, and percent-encoded.
const ODD_LETTERS: &[&str] = &[
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "①②⑦.0.0.1",
    "１２７.０.０.１",
    "１２７。０。０。１",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "⑩.0.0.1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127.0.0.%31",
    "%6cocalhost",
    "loc\u{ad}alhost",
    "loc\u{200b}alhost",
    "127.0\u{200d}.0.1",
];

/// Names that can only mean a machine inside.
const NAMES: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "a.localhost",
    "intranet",
    "metadata",
    "router",
    "kubernetes",
    "ip6-localhost",
];

/// URLs that different programs read differently; `{}` is the canary.
const CONFUSING: &[&str] = &[
    "http://archive.example@{}/",
    "http://archive.example:80@{}/",
    "http://user@{}/",
    "http://user:pass@{}/",
    "http://@{}/",
    "http://:@{}/",
    "http://archive.example%40{}/",
    "http://archive.example\\@{}/",
    "http://{}\\@archive.example/",
    "http://archive.example#@{}/",
    "http://{}#@archive.example/",
    "http://{}?@archive.example/",
    "http://{}\t/",
    "http://\t{}/",
    " http://{}/",
    "http://{} /",
    "http:{}/",
    "http:/{}/",
    "http:///{}/",
    "http:////{}/",
    "//{}/",
    "\\\\{}\\",
    "http:\\\\{}\\",
    "http://{}\r\nHost: archive.example/",
    "http://[::ffff:127.0.0.1%25eth0]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[]/",
    "ftp://{}/",
    "file:///etc/passwd",
    "file://{}/",
    "gopher://{}/",
    "dict://{}/",
    "ldap://{}/",
    "unix:///run/docker.sock",
    "data:text/plain,x",
    "javascript:alert(1)",
    "jar:http://{}!/",
    "ws://{}/",
    "hTTp://{}/",
    "HTTPS://{}/",
    "http://0@{}/",
    "http://archive.example&@{}/",
];

/// Ports that are none of a web server.
const PORTS: &[&str] =
    &["0", "1", "22", "25", "53", "6379", "8080", "11211", "65535", "65536", "99999", "-1", "+80", "0x50"];

/// How many vectors were tried, and a canary that nobody may reach.
struct Attack {
    world: World,
    canary: HttpPeer,
    canary_v6: Option<HttpPeer>,
    tried: usize,
}

impl Attack {
    async fn new(allow_private: bool) -> Self {
        let canary = HttpPeer::start_at("0.0.0.0:0", None, [Answer::Status(200)]).await.expect("canary");
        let port = canary.port();
        // A machine without IPv6 has no canary there.
        let canary_v6 = HttpPeer::start_at(&format!("[::1]:{port}"), None, [Answer::Status(200)]).await.ok();
        let world = World::new(&[80, 443, port], allow_private).await;
        Self { world, canary, canary_v6, tried: 0 }
    }

    fn reached(&self) -> usize {
        self.canary.connections() + self.canary_v6.as_ref().map_or(0, HttpPeer::connections)
    }

    /// The URL is refused, or its host has nothing to be dialled.
    async fn refuse(&mut self, url: &str) {
        self.tried += 1;
        match self.world.post(url).await {
            Err(Failure::Url(_) | Failure::Http(HttpError::NotPublic | HttpError::Lookup(_))) => {}
            other => panic!("{url:?} led to {other:?}"),
        }
        assert_eq!(self.reached(), 0, "{url:?} reached the canary");
    }

    /// A name of the zone with these addresses.
    async fn refuse_name(&mut self, name: &str) {
        let port = self.canary.port();
        self.refuse(&format!("http://{name}:{port}/")).await;
    }
}

#[tokio::test]
async fn the_canary_sings_where_the_operator_allows_private_addresses() {
    let attack = Attack::new(true).await;
    let port = attack.canary.port();
    attack.world.zone.address_of("inner.example", loopback(1).into());
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "127。0。0。1", "[::ffff:127.0.0.1]", "inner.example"]
    {
        let before = attack.reached();
        attack.world.post(&format!("http://{host}:{port}/")).await.expect(host);
        assert_eq!(attack.reached(), before + 1, "{host}");
    }
}

#[tokio::test]
async fn no_url_reaches_a_machine_inside() {
    let mut attack = Attack::new(false).await;
    let port = attack.canary.port();
    let plain = INNER_V4.iter().chain(ODD_NUMBERS).chain(ODD_LETTERS).chain(NAMES);
    for host in plain {
        attack.refuse(&format!("http://{host}:{port}/")).await;
        attack.refuse(&format!("https://{host}/")).await;
    }
    for host in INNER_V6 {
        attack.refuse(&format!("http://[{host}]:{port}/")).await;
        attack.refuse(&format!("https://[{host}]/")).await;
    }
    let canary = format!("127.0.0.1:{port}");
    for url in CONFUSING {
        attack.refuse(&url.replace("{}", &canary)).await;
    }
    for port in PORTS {
        attack.refuse(&format!("http://archive.example:{port}/")).await;
        let refused = attack.world.post(&format!("http://8.8.8.8:{port}/")).await;
        let refused = matches!(refused, Err(Failure::Url(UrlError::Port | UrlError::Syntax)));
        assert!(refused, "port {port}");
    }
    assert!(attack.tried >= 150, "{} vectors", attack.tried);
}

#[tokio::test]
async fn no_dns_record_leads_to_a_machine_inside() {
    let mut attack = Attack::new(false).await;
    for (index, address) in INNER_V4.iter().enumerate() {
        let name = format!("v4-{index}.example");
        attack.world.zone.address_of(&name, address.parse::<Ipv4Addr>().expect("address").into());
        attack.refuse_name(&name).await;
    }
    for (index, address) in INNER_V6.iter().enumerate() {
        let name = format!("v6-{index}.example");
        attack.world.zone.address_of(&name, address.parse::<Ipv6Addr>().expect("address").into());
        attack.refuse_name(&name).await;
    }
    let zone = &attack.world.zone;
    zone.address_of("inner.example", loopback(1).into());
    zone.cname("alias.example", "inner.example").cname("alias2.example", "alias.example");
    zone.cname("local.example", "localhost");
    zone.address_of("many.example", loopback(1).into())
        .address_of("many.example", loopback(2).into())
        .address_of("many.example", Ipv6Addr::LOCALHOST.into());
    for name in [
        "alias.example",
        "alias2.example",
        "local.example",
        "many.example",
        "INNER.example.",
        "inner。example",
    ] {
        attack.refuse_name(name).await;
    }
    assert!(attack.tried >= 80, "{} vectors", attack.tried);
}

#[tokio::test]
async fn a_name_that_changes_its_answer_leads_nowhere_either() {
    let mut attack = Attack::new(false).await;
    let zone = &attack.world.zone;
    // Documentation addresses stand for outer ones: nobody is there.
    let outer = Ipv4Addr::new(203, 0, 113, 7);
    zone.in_turn("flip.example", &[outer, loopback(1)]);
    zone.in_turn("flop.example", &[loopback(1), outer, loopback(1)]);
    for fails in 1..6 {
        let name = format!("fails-{fails}.example");
        zone.address_of(&name, loopback(1).into()).fault(&name, Fault::ServFailFirst(fails));
    }
    zone.address_of("broken.example", loopback(1).into()).fault("broken.example", Fault::ServFail);
    for _ in 0..4 {
        for name in ["flip.example", "flop.example", "broken.example"] {
            attack.refuse_name(name).await;
        }
    }
    for fails in 1..6 {
        attack.refuse_name(&format!("fails-{fails}.example")).await;
    }
}

#[tokio::test]
async fn of_a_name_with_inner_and_outer_addresses_the_outer_alone_is_dialled() {
    let attack = Attack::new(false).await;
    let port = attack.canary.port();
    // AS112 answers for nobody (RFC 7535): a call there comes to nothing, and that is all that happens.
    let outer = Ipv4Addr::new(192, 31, 196, 1);
    let zone = &attack.world.zone;
    zone.address_of("mixed.example", outer.into()).address_of("mixed.example", Ipv6Addr::LOCALHOST.into());
    zone.address_of("mixed.example", loopback(1).into());
    let answer = attack.world.post(&format!("http://mixed.example:{port}/")).await;
    assert!(matches!(answer, Err(Failure::Http(HttpError::Connect(_)))), "{answer:?}");
    assert_eq!(attack.reached(), 0);
}

//! A DNS zone, and a client of outgoing HTTP that asks it.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use bytes::Bytes;
use waxseal_model::Timestamp;
use waxseal_net::{
    HttpClient, HttpRules, Net, NetConfig,
    http_client::{HttpAnswer, HttpError, HttpPost, HttpUrl, UrlError},
};
use waxseal_testkit::dns_zone::Zone;

/// Time as of which certificates are checked.
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) struct World {
    pub(crate) zone: Zone,
    pub(crate) client: HttpClient,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The URL was refused.
    Url(UrlError),
    /// The call failed.
    Http(HttpError),
}

impl World {
    /// A client that may call these ports.
    pub(crate) async fn new(ports: &[u16], allow_private: bool) -> Self {
        Self::trusting(ports, allow_private, None).await
    }

    /// A client that trusts a certificate besides.
    pub(crate) async fn trusting(ports: &[u16], allow_private: bool, extra_ca: Option<PathBuf>) -> Self {
        let zone = Zone::start().await.expect("zone");
        let net = Net::open(&NetConfig {
            nameservers: vec![zone.nameserver()],
            dns_timeout: Duration::from_millis(500),
            dns_budget: Duration::from_secs(2),
            extra_ca,
            ..NetConfig::default()
        });
        let net = net.expect("net");
        let rules = HttpRules { ports: ports.to_vec(), allow_private };
        let client = HttpClient::new(net.resolver, net.tls, rules, Duration::from_millis(300));
        Self { zone, client }
    }

    pub(crate) async fn post(&self, url: &str) -> Result<HttpAnswer, Failure> {
        let url = HttpUrl::parse(url, self.client.rules()).map_err(Failure::Url)?;
        let post = HttpPost {
            url: &url,
            content_type: "application/mime",
            headers: Vec::new(),
            body: Bytes::from_static(b"body"),
            within: Duration::from_secs(10),
        };
        self.client.post(post, NOW).await.map_err(Failure::Http)
    }
}

/// An address of this machine.
pub(crate) const fn loopback(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

//! DNS of its own for the proof: two domains on this machine, nothing else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use hickory_proto::rr::{
    Name, RData, Record,
    rdata::{A, MX, SOA, TXT},
};
use hickory_server::{
    Server,
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use tokio::net::{TcpListener, UdpSocket};

/// A zone before it is served.
pub(crate) struct Zone {
    records: InMemoryZoneHandler,
}

/// A zone that answers until it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    _server: Server<Catalog>,
}

const TTL: u32 = 60;

impl Zone {
    /// A zone for all names, with no record.
    pub(crate) fn empty() -> Self {
        let mut records = InMemoryZoneHandler::empty(Name::root(), ZoneType::Primary, AxfrPolicy::Deny);
        let soa = SOA::new(Name::root(), Name::root(), 1, 60, 60, 60, 0);
        records.upsert_mut(Record::from_rdata(Name::root(), TTL, RData::SOA(soa)), 1);
        Self { records }
    }

    /// A host on loopback.
    pub(crate) fn host(&mut self, name: &str) -> Result<()> {
        self.add(name, RData::A(A::new(127, 0, 0, 1)))
    }

    /// The host that takes mail for a domain.
    pub(crate) fn mx(&mut self, domain: &str, host: &str) -> Result<()> {
        let host = absolute(host)?;
        self.add(domain, RData::MX(MX::new(10, host)))
    }

    /// A text, in pieces of 255 bytes.
    pub(crate) fn txt(&mut self, name: &str, text: &str) -> Result<()> {
        let pieces = text.as_bytes().chunks(255).map(|piece| String::from_utf8_lossy(piece).into_owned());
        self.add(name, RData::TXT(TXT::new(pieces.collect())))
    }

    fn add(&mut self, name: &str, data: RData) -> Result<()> {
        self.records.upsert_mut(Record::from_rdata(absolute(name)?, TTL, data), 1);
        Ok(())
    }

    /// Answers on UDP and TCP of one loopback port.
    pub(crate) async fn serve(self) -> Result<Served> {
        let (udp, tcp) = sockets().await?;
        let address = udp.local_addr()?;
        let mut catalog = Catalog::new();
        catalog.upsert(Name::root().into(), vec![Arc::new(self.records)]);
        let mut server = Server::new(catalog);
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 64);
        Ok(Served { address, _server: server })
    }
}

fn absolute(name: &str) -> Result<Name> {
    let mut name = Name::from_ascii(name).with_context(|| format!("DNS name {name}"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// UDP and TCP on the same port; another program may have one of the two, so a few are tried.
async fn sockets() -> Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..20 {
        let udp = UdpSocket::bind("127.0.0.1:0").await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map(Into::into).unwrap_or_else(|| anyhow::anyhow!("no port"))).context("DNS of the proof")
}

//! DNS look-ups: over the configured nameservers or the system's, each within a time.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError as DnsError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};
use thiserror::Error;

use crate::net::NetError;

/// Addresses taken from one answer, at most: more are a mistake or an attack.
const MAX_ADDRESSES: usize = 8;

/// Why a look-up has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist")]
    NoSuchName,
    /// The name exists but has no record of this type.
    #[error("the name has no such record")]
    NoRecord,
    /// Not a name that DNS can carry.
    #[error("not a domain name")]
    BadName,
    /// No nameserver answered in time.
    #[error("no nameserver answered in time")]
    TimedOut,
    /// The nameservers failed (SERVFAIL, REFUSED, broken answers).
    #[error("the nameserver failed")]
    ServerFailed,
}

impl LookupError {
    /// Whether the same question may have an answer later.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::TimedOut | Self::ServerFailed)
    }
}

/// An MX record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// Host name in lower case without the final dot; empty for the root (null MX, RFC 7505).
    pub exchange: String,
}

/// A caching stub resolver. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    inner: TokioResolver,
    budget: Duration,
}

impl Resolver {
    /// A resolver over `nameservers` (`ip` or `ip:port`), or the system's if there are none. One query
    /// waits `timeout`; a look-up with all its repetitions waits `budget`.
    pub fn new(nameservers: &[String], timeout: Duration, budget: Duration) -> Result<Self, NetError> {
        let mut builder = if nameservers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| NetError::Resolver(error.to_string()))?
        } else {
            let servers = nameservers.iter().map(|text| nameserver(text)).collect::<Result<Vec<_>, _>>()?;
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = timeout;
        options.attempts = 2;
        options.edns0 = true;
        options.try_tcp_on_error = true;
        let inner = builder.build().map_err(|error| NetError::Resolver(error.to_string()))?;
        Ok(Self { inner, budget })
    }

    /// The MX records of `domain`, in the order of the answer.
    pub async fn mx(&self, domain: &str) -> Result<Vec<MxRecord>, LookupError> {
        let found = self.lookup(domain, RecordType::MX).await?;
        let records = found.into_iter().filter_map(|data| match data {
            RData::MX(mx) => Some(MxRecord { preference: mx.preference, exchange: plain_name(&mx.exchange) }),
            _ => None,
        });
        non_empty(records.collect())
    }

    /// The addresses of `host`: IPv4 before IPv6, because reverse names and sender policies of
    /// sending hosts are most often kept for IPv4.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let (v4, v6) = tokio::join!(self.lookup(host, RecordType::A), self.lookup(host, RecordType::AAAA));
        let error = match (&v4, &v6) {
            (Err(a), Err(b)) if b.is_temporary() && !a.is_temporary() => *b,
            (Err(a), _) => *a,
            (_, Err(b)) => *b,
            _ => LookupError::NoRecord,
        };
        let addresses: Vec<IpAddr> = [v4, v6]
            .into_iter()
            .flat_map(|found| found.unwrap_or_default().into_iter().filter_map(address).take(MAX_ADDRESSES))
            .collect();
        if addresses.is_empty() { Err(error) } else { Ok(addresses) }
    }

    /// The TXT records of `name`, the strings of each put together. What is not UTF-8 is passed over.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, LookupError> {
        let found = self.lookup(name, RecordType::TXT).await?;
        let records = found.into_iter().filter_map(|data| match data {
            RData::TXT(txt) => String::from_utf8(txt.txt_data.concat()).ok(),
            _ => None,
        });
        non_empty(records.collect())
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, LookupError> {
        let mut name = Name::from_ascii(name).map_err(|_| LookupError::BadName)?;
        // Never complete a stranger's name with our own search domains.
        name.set_fqdn(true);
        let lookup = tokio::time::timeout(self.budget, self.inner.lookup(name, kind))
            .await
            .map_err(|_| LookupError::TimedOut)?
            .map_err(|error| classify(&error))?;
        Ok(lookup.answers().iter().map(|record| record.data.clone()).collect())
    }
}

fn address(data: RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

fn non_empty<T>(records: Vec<T>) -> Result<Vec<T>, LookupError> {
    if records.is_empty() { Err(LookupError::NoRecord) } else { Ok(records) }
}

fn classify(error: &DnsError) -> LookupError {
    if error.is_nx_domain() {
        LookupError::NoSuchName
    } else if error.is_no_records_found() {
        LookupError::NoRecord
    } else if matches!(error, DnsError::Timeout) {
        LookupError::TimedOut
    } else {
        LookupError::ServerFailed
    }
}

fn plain_name(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn nameserver(text: &str) -> Result<NameServerConfig, NetError> {
    let socket = match text.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, 53),
        Err(_) => text.parse::<SocketAddr>().map_err(|_| NetError::Nameserver(text.into()))?,
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = socket.port();
        connection
    });
    Ok(NameServerConfig::new(socket.ip(), true, connections.into()))
}

//! DNS look-ups: over the configured nameservers or the system's, each within a time.

mod dnssec;

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{DnsError as Failure, NetError as DnsError, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::Proof,
        rr::{Name, RData, Record, RecordType},
    },
};
use thiserror::Error;

pub use self::dnssec::Dnssec;
use self::dnssec::{Found, Validator};
use crate::{net::NetError, network::Network};

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
    /// The answer is not as its zone signed it, or a signature is missing (RFC 4033 section 5).
    #[error("the answer is not as its zone signed it")]
    Bogus,
}

impl LookupError {
    /// Whether the same question may have an answer later.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::TimedOut | Self::ServerFailed | Self::Bogus)
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

/// The MX records of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxRecords {
    /// In the order of the answer.
    pub records: Vec<MxRecord>,
    /// Whether the DNS vouches for them.
    pub vouched: bool,
}

/// The addresses of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddresses {
    /// IPv4 before IPv6.
    pub addresses: Vec<IpAddr>,
    /// The names under which it may have TLSA records, in this order (RFC 7672 section 2.2.2): none if the DNS does not
    /// vouch for it.
    pub tlsa_names: Vec<String>,
}

/// A caching stub resolver. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    inner: Source,
    budget: Duration,
    validator: Option<Arc<Validator>>,
}

/// Who answers.
#[derive(Debug, Clone)]
enum Source {
    Dns(Box<TokioResolver>),
    Other(Arc<dyn Network>),
}

impl Resolver {
    /// A resolver over `nameservers` (`ip` or `ip:port`), or the system's if there are none. One query
    /// waits `timeout`; a look-up with all its repetitions waits `budget`.
    pub fn new(nameservers: &[String], timeout: Duration, budget: Duration) -> Result<Self, NetError> {
        let inner = builder(nameservers, timeout)?;
        let inner = inner.build().map_err(|error| NetError::Resolver(error.to_string()))?;
        Ok(Self { inner: Source::Dns(Box::new(inner)), budget, validator: None })
    }

    /// The same, and it remembers no answer.
    pub(crate) fn forgetful(
        nameservers: &[String],
        timeout: Duration,
        budget: Duration,
    ) -> Result<(Self, TokioResolver), NetError> {
        let mut builder = builder(nameservers, timeout)?;
        builder.options_mut().cache_size = 0;
        let dns = builder.build().map_err(|error| NetError::Resolver(error.to_string()))?;
        Ok((Self { inner: Source::Dns(Box::new(dns.clone())), budget, validator: None }, dns))
    }

    /// A resolver that asks another network than the machine's.
    pub(crate) const fn over(network: Arc<dyn Network>, budget: Duration) -> Self {
        Self { inner: Source::Other(network), budget, validator: None }
    }

    /// The same, and it validates what is asked of mail servers, up to the root's keys: those of the file `anchor` (DNSKEY
    /// records), or those of the Internet.
    pub fn with_dnssec(
        self,
        mode: Dnssec,
        nameservers: &[String],
        timeout: Duration,
        anchor: Option<&Path>,
    ) -> Result<Self, NetError> {
        let validator = Validator::new(mode, nameservers, timeout, self.budget, anchor)?;
        Ok(Self { validator: validator.map(Arc::new), ..self })
    }

    /// The MX records of `domain`.
    pub async fn mx(&self, domain: &str) -> Result<MxRecords, LookupError> {
        let found = self.vouched_or_not(domain, RecordType::MX).await?;
        let records = found.records().filter_map(|data| match data {
            RData::MX(mx) => Some(MxRecord { preference: mx.preference, exchange: plain_name(&mx.exchange) }),
            _ => None,
        });
        Ok(MxRecords { records: non_empty(records.collect())?, vouched: found.is_vouched() })
    }

    /// The addresses of a mail server that the DNS vouches for.
    pub async fn vouched_addresses(&self, host: &str) -> Result<HostAddresses, LookupError> {
        let (v4, v6) = tokio::join!(self.vouched(host, RecordType::A), self.vouched(host, RecordType::AAAA));
        let is_bogus = |found: &Result<Found, LookupError>| matches!(found, Err(LookupError::Bogus));
        if is_bogus(&v4) || is_bogus(&v6) {
            return Err(LookupError::Bogus);
        }
        let error = first_error(&v4, &v6);
        let found: Vec<Found> = [v4, v6].into_iter().flatten().collect();
        let addresses = found.iter().flat_map(|found| {
            found.records().cloned().filter_map(address).take(MAX_ADDRESSES).collect::<Vec<_>>()
        });
        let addresses: Vec<_> = addresses.collect();
        if addresses.is_empty() {
            return Err(error);
        }
        let vouched = found.iter().all(Found::is_vouched);
        let alias = found.iter().find_map(Found::alias);
        let own = || host.trim_end_matches('.').to_ascii_lowercase();
        let tlsa_names = match (vouched, alias) {
            (true, Some((last, _))) => vec![plain_name(last), own()],
            (true, None) | (false, Some((_, true))) => vec![own()],
            (false, _) => Vec::new(),
        };
        Ok(HostAddresses { addresses, tlsa_names })
    }

    /// The addresses of `host`: IPv4 before IPv6, because reverse names and sender policies of
    /// sending hosts are most often kept for IPv4.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let (v4, v6) = tokio::join!(self.lookup(host, RecordType::A), self.lookup(host, RecordType::AAAA));
        let error = first_error(&v4, &v6);
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

    /// Where `name` leads, if it is another name for something (RFC 1034 section 3.6.2).
    pub async fn cname(&self, name: &str) -> Result<String, LookupError> {
        let found = self.lookup(name, RecordType::CNAME).await?;
        let target = found.into_iter().find_map(|data| match data {
            RData::CNAME(target) => Some(plain_name(&target.0)),
            _ => None,
        });
        target.ok_or(LookupError::NoRecord)
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, LookupError> {
        let records = self.ask(name, kind).await?;
        Ok(records.into_iter().map(|record| record.data).collect())
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        let name = fqdn(name)?;
        let asked = async {
            match &self.inner {
                Source::Dns(dns) => {
                    let lookup = dns.lookup(name, kind).await.map_err(|error| classify(&error))?;
                    Ok(lookup.answers().to_vec())
                }
                Source::Other(network) => {
                    let found = network.look_up(name.to_ascii(), kind).await?;
                    Ok(found.into_iter().map(|data| Record::from_rdata(name.clone(), 0, data)).collect())
                }
            }
        };
        tokio::time::timeout(self.budget, asked).await.map_err(|_| LookupError::TimedOut)?
    }
}

fn fqdn(name: &str) -> Result<Name, LookupError> {
    let mut name = Name::from_ascii(name).map_err(|_| LookupError::BadName)?;
    // Never complete a stranger's name with our own search domains.
    name.set_fqdn(true);
    Ok(name)
}

fn builder(
    nameservers: &[String],
    timeout: Duration,
) -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError> {
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
    Ok(builder)
}

/// The error of two questions that says more.
fn first_error<T>(v4: &Result<T, LookupError>, v6: &Result<T, LookupError>) -> LookupError {
    match (v4, v6) {
        (Err(a), Err(b)) if b.is_temporary() && !a.is_temporary() => *b,
        (Err(a), _) => *a,
        (_, Err(b)) => *b,
        _ => LookupError::NoRecord,
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
    } else if matches!(error, DnsError::Dns(Failure::Nsec { proof, .. }) if *proof != Proof::Bogus) {
        // Its absence is not proven where nothing has to be.
        LookupError::NoRecord
    } else if matches!(error, DnsError::Dns(Failure::DnssecBogus | Failure::Nsec { .. })) {
        LookupError::Bogus
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

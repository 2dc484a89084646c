//! Everything outgoing mail needs of the network, opened once from the configuration.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use thiserror::Error;

use crate::{
    client_tls::ClientTls,
    connect::Connector,
    guard::Guard,
    network::Network,
    resolver::{Dnssec, Resolver},
};

/// How to reach the world.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// Nameservers as `ip` or `ip:port`; the system's if empty.
    pub nameservers: Vec<String>,
    /// One DNS query waits this long.
    pub dns_timeout: Duration,
    /// One look-up waits this long with all its queries.
    pub dns_budget: Duration,
    /// Whether the answers about mail servers are validated.
    pub dnssec: Dnssec,
    /// File of DNSKEY records to begin with, instead of the root's keys.
    pub trust_anchor: Option<PathBuf>,
    /// Whether hosts on loopback, private and link-local addresses are dialled.
    pub allow_private_destinations: bool,
    /// Our addresses to send from; the system chooses if empty.
    pub source_addresses: Vec<IpAddr>,
    /// PEM file with further roots to trust.
    pub extra_ca: Option<PathBuf>,
    /// A connection is given up after this time.
    pub connect_timeout: Duration,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            nameservers: Vec::new(),
            dns_timeout: Duration::from_secs(5),
            dns_budget: Duration::from_secs(20),
            dnssec: Dnssec::default(),
            trust_anchor: None,
            allow_private_destinations: false,
            source_addresses: Vec::new(),
            extra_ca: None,
            connect_timeout: Duration::from_secs(30),
        }
    }
}

/// The configuration does not give a working network.
#[derive(Debug, Error)]
pub enum NetError {
    /// A nameserver is not an address.
    #[error("dns.nameservers: `{0}` is not an address; write ip or ip:port, such as 127.0.0.1:5300")]
    Nameserver(String),
    /// The resolver cannot be made, for instance because the system's settings cannot be read.
    #[error("dns: {0}; set dns.nameservers")]
    Resolver(String),
    /// The file with further roots cannot be used.
    #[error("{path}: {reason}")]
    Ca {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The file with the root's keys cannot be used.
    #[error("dns.trust_anchor: {path}: {reason}")]
    TrustAnchor {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("tls: {0}")]
    Tls(String),
}

/// Resolver, connector and TLS of outgoing connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Net {
    /// DNS.
    pub resolver: Resolver,
    /// TCP.
    pub connector: Connector,
    /// TLS.
    pub tls: ClientTls,
}

impl Net {
    /// Makes all three. Call inside a tokio runtime.
    pub fn open(config: &NetConfig) -> Result<Self, NetError> {
        let guard = Guard::new(config.allow_private_destinations);
        let anchor = config.trust_anchor.as_deref();
        let resolver = Resolver::new(&config.nameservers, config.dns_timeout, config.dns_budget)?;
        Ok(Self {
            resolver: resolver.with_dnssec(config.dnssec, &config.nameservers, config.dns_timeout, anchor)?,
            connector: Connector::new(guard, config.source_addresses.clone(), config.connect_timeout),
            tls: ClientTls::new(config.extra_ca.as_deref())?,
        })
    }

    /// The same over another network than the machine's, which also answers for names.
    pub fn over(network: Arc<dyn Network>, config: &NetConfig) -> Result<Self, NetError> {
        let guard = Guard::new(config.allow_private_destinations);
        let connector = Connector::new(guard, config.source_addresses.clone(), config.connect_timeout);
        Ok(Self {
            resolver: Resolver::over(Arc::clone(&network), config.dns_budget),
            connector: connector.over(network),
            tls: ClientTls::new(config.extra_ca.as_deref())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wrong_nameserver_is_named() {
        let config = NetConfig { nameservers: vec!["localhost".into()], ..NetConfig::default() };
        let error = Net::open(&config).expect_err("not an address");
        assert_eq!(
            error.to_string(),
            "dns.nameservers: `localhost` is not an address; write ip or ip:port, such as 127.0.0.1:5300"
        );
    }
}

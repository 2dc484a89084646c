//! What a domain publishes, asked anew each time: whoever changed a record a moment ago wants to know whether it is seen.

use std::{net::IpAddr, time::Duration};

use mail_auth::{MessageAuthenticator, SpfResult, spf::verify::SpfParameters};

use crate::{
    net::{NetConfig, NetError},
    resolver::{LookupError, Resolver},
};

/// Asks the DNS and remembers nothing. Cheap to clone.
#[derive(Clone)]
pub struct Published {
    /// Records.
    pub records: Resolver,
    senders: MessageAuthenticator,
    budget: Duration,
}

/// What a domain's sender policy says of an address (RFC 7208 section 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpfVerdict {
    /// It may send.
    Pass,
    /// It may not, or nothing is said of it.
    NotPass,
    /// There is no policy.
    NoPolicy,
    /// The policy cannot be read, or asks for too many look-ups.
    Broken,
    /// It could not be asked.
    Unknown,
}

impl Published {
    /// Asks the nameservers of this configuration.
    pub fn new(config: &NetConfig) -> Result<Self, NetError> {
        let (records, dns) = Resolver::forgetful(&config.nameservers, config.dns_timeout, config.dns_budget)?;
        Ok(Self { records, senders: MessageAuthenticator(dns), budget: config.dns_budget })
    }

    /// Whether a server called `host` at `address` may send with a reverse-path of `domain`.
    pub async fn may_send(&self, address: IpAddr, host: &str, domain: &str) -> SpfVerdict {
        let sender = format!("postmaster@{domain}");
        let asked = SpfParameters::verify_mail_from(address, host, host, &sender);
        match tokio::time::timeout(self.budget, self.senders.verify_spf(asked)).await {
            Err(_) => SpfVerdict::Unknown,
            Ok(output) => match output.result() {
                SpfResult::Pass => SpfVerdict::Pass,
                SpfResult::Fail | SpfResult::SoftFail | SpfResult::Neutral => SpfVerdict::NotPass,
                SpfResult::None => SpfVerdict::NoPolicy,
                SpfResult::PermError => SpfVerdict::Broken,
                SpfResult::TempError => SpfVerdict::Unknown,
            },
        }
    }

    /// The addresses of a host.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        self.records.addresses(host).await
    }
}

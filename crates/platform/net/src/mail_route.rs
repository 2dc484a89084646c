//! Where mail for a domain goes: MX records in order, the domain itself without them, or nowhere.
//!
//! RFC 5321 section 5.1 (MX, implicit MX, own name in the list), RFC 7505 (null MX).

use std::net::IpAddr;

use thiserror::Error;
use waxseal_model::Random;

use crate::resolver::{LookupError, MxRecords, Resolver};

/// Hosts tried for one domain, at most.
const MAX_HOSTS: usize = 8;

/// A host that takes mail for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHost {
    /// Its preference among those of the domain: the lowest is tried first.
    pub preference: u16,
    /// Host name in lower case without the final dot, or an address in text.
    pub name: String,
    /// Known already for an address literal; looked up otherwise.
    pub address: Option<IpAddr>,
    /// Whether the DNS vouches for it being a host of the domain: then its TLSA records count (RFC 7672 section 2.2.1).
    pub vouched: bool,
}

/// Why there is no host for a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    /// The domain does not exist: final (5.1.2).
    #[error("the domain does not exist")]
    NoSuchDomain,
    /// The domain says that it takes no mail (null MX): final (5.1.10).
    #[error("the domain does not accept mail")]
    NullMx,
    /// Not a domain name: final (5.1.2).
    #[error("not a domain name")]
    BadName,
    /// The best host is ourselves: final (5.4.6).
    #[error("mail for the domain loops back to this server")]
    Loop,
    /// DNS has no answer now: try later.
    #[error("DNS look-up failed: {0}")]
    Temporary(LookupError),
}

impl RouteError {
    /// Whether trying later may help.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::Temporary(_))
    }
}

impl Resolver {
    /// The hosts that take mail for `domain`, the best first; equals in random order. Domains may be
    /// written in Unicode. Hosts from our own place in the list on are left out (`own_names`).
    pub async fn mail_hosts(
        &self,
        domain: &str,
        own_names: &[String],
        random: &dyn Random,
    ) -> Result<Vec<MailHost>, RouteError> {
        if let Some(literal) = address_literal(domain) {
            return Ok(vec![MailHost {
                preference: 0,
                name: literal.to_string(),
                address: Some(literal),
                vouched: false,
            }]);
        }
        let domain = idna::domain_to_ascii(domain).map_err(|_| RouteError::BadName)?;
        match self.mx(&domain).await {
            Ok(records) => from_records(records, own_names, random),
            Err(LookupError::NoRecord) => self.implicit(&domain, own_names).await,
            Err(error) => Err(failure(error)),
        }
    }

    /// Without MX records the domain itself is the host, if it has an address.
    async fn implicit(&self, domain: &str, own_names: &[String]) -> Result<Vec<MailHost>, RouteError> {
        if is_ours(domain, own_names) {
            return Err(RouteError::Loop);
        }
        match self.addresses(domain).await {
            // Whether the name itself is vouched for, its addresses tell.
            Ok(_) => {
                let vouched = self.is_validating().await;
                Ok(vec![MailHost { preference: 0, name: domain.into(), address: None, vouched }])
            }
            Err(error) => Err(failure(error)),
        }
    }
}

fn is_ours(name: &str, own_names: &[String]) -> bool {
    own_names.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn failure(error: LookupError) -> RouteError {
    match error {
        LookupError::NoSuchName => RouteError::NoSuchDomain,
        LookupError::BadName => RouteError::BadName,
        // No host at all may be a zone in the making: as temporary as a failing nameserver.
        LookupError::NoRecord | LookupError::TimedOut | LookupError::ServerFailed | LookupError::Bogus => {
            RouteError::Temporary(error)
        }
    }
}

fn from_records(
    MxRecords { records, vouched }: MxRecords,
    own_names: &[String],
    random: &dyn Random,
) -> Result<Vec<MailHost>, RouteError> {
    if records.iter().all(|record| record.exchange.is_empty()) {
        return Err(RouteError::NullMx);
    }
    let ours = records
        .iter()
        .filter(|record| is_ours(&record.exchange, own_names))
        .map(|record| record.preference)
        .min()
        .map_or(u32::MAX, u32::from);
    let mut keyed: Vec<_> = records
        .into_iter()
        .filter(|record| !record.exchange.is_empty() && u32::from(record.preference) < ours)
        .map(|record| (record.preference, random.below(u64::MAX), record.exchange))
        .collect();
    if keyed.is_empty() {
        return Err(RouteError::Loop);
    }
    keyed.sort();
    let mut hosts: Vec<MailHost> = Vec::new();
    for (preference, _, name) in keyed {
        if hosts.len() < MAX_HOSTS && hosts.iter().all(|host| host.name != name) {
            hosts.push(MailHost { preference, name, address: None, vouched });
        }
    }
    Ok(hosts)
}

/// The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3).
fn address_literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
            inner.get(5..)?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => inner.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use waxseal_model::SeededRandom;

    use super::*;
    use crate::resolver::MxRecord;

    fn mx(preference: u16, exchange: &str) -> MxRecord {
        MxRecord { preference, exchange: exchange.into() }
    }

    fn ours() -> [String; 2] {
        ["second.ours.example".into(), "mail.ours.example".into()]
    }

    fn names(records: Vec<MxRecord>, seed: u64) -> Vec<String> {
        let records = MxRecords { records, vouched: false };
        let hosts = from_records(records, &ours(), &SeededRandom::new(seed)).expect("hosts");
        hosts.into_iter().map(|host| host.name).collect()
    }

    #[test]
    fn hosts_come_by_preference_and_equals_take_turns() {
        let records = || vec![mx(20, "last"), mx(10, "a"), mx(10, "b")];
        let orders: std::collections::BTreeSet<_> = (0..50).map(|seed| names(records(), seed)).collect();
        let expected: Vec<Vec<String>> =
            vec![["a", "b", "last"].map(String::from).into(), ["b", "a", "last"].map(String::from).into()];
        assert_eq!(orders.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_hundred_records_cost_a_few_hosts() {
        let records = (0..100).map(|n| mx(n, &format!("mx{n}"))).collect();
        assert_eq!(names(records, 1).len(), MAX_HOSTS);
    }

    #[test]
    fn our_own_place_in_the_list_ends_it() {
        let records = vec![mx(10, "first"), mx(20, "mail.ours.example"), mx(30, "behind")];
        assert_eq!(names(records, 1), ["first"]);
        for name in ours() {
            let records = vec![mx(10, &name), mx(30, "behind")];
            let first = MxRecords { records, vouched: false };
            let error = from_records(first, &ours(), &SeededRandom::new(1));
            assert_eq!(error, Err(RouteError::Loop));
        }
    }

    #[test]
    fn a_null_mx_means_no_mail() {
        let records = MxRecords { records: vec![mx(0, "")], vouched: false };
        let error = from_records(records, &ours(), &SeededRandom::new(1));
        assert_eq!(error, Err(RouteError::NullMx));
    }

    #[test]
    fn address_literals_are_read() {
        assert_eq!(address_literal("[192.0.2.1]"), Some("192.0.2.1".parse().expect("ip")));
        assert_eq!(address_literal("[IPv6:2001:db8::1]"), Some("2001:db8::1".parse().expect("ip")));
        assert_eq!(address_literal("192.0.2.1"), None);
    }
}

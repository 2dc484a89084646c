//! The DNS records that a domain's owner publishes, as data.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use waxseal_mail::dkim;
use waxseal_store::domain::{DkimAlgorithm, DkimKey, Domain, DomainKind};

/// One record to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// `TXT`, `MX` or `CNAME`.
    pub record_type: &'static str,
    /// Full name, without a final dot.
    pub name: String,
    /// Value: the text of a TXT record in one piece (longer than 255 bytes for an RSA key: most DNS
    /// panels split it by themselves), the host of an MX record.
    pub value: String,
    /// Preference of an MX record.
    pub priority: Option<u16>,
    /// What it is for.
    pub purpose: DnsPurpose,
}

/// What a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsPurpose {
    /// The public key that signatures are checked with (RFC 6376, RFC 8463).
    Dkim,
    /// This server may send with the domain's return path (RFC 7208).
    Spf,
    /// Bounces come back here.
    ReturnPath,
    /// What receivers do with mail that fails both; a suggestion (RFC 7489).
    Dmarc,
    /// Links and pixels that are followed lead here.
    Tracking,
    /// Mail to the domain comes here.
    Receiving,
}

impl DnsPurpose {
    /// The word in `domain create --json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkim => "dkim",
            Self::Spf => "spf",
            Self::ReturnPath => "return-path",
            Self::Dmarc => "dmarc",
            Self::Tracking => "tracking",
            Self::Receiving => "receiving",
        }
    }
}

/// The records of a domain whose mail this host sends, signed with `keys` of the domain `signing`. Nothing of a sandbox
/// domain leaves the machine: it needs no record, and its keys are shown so that captured mail can be verified.
pub fn records(domain: &Domain, signing: &str, keys: &[DkimKey], hostname: &str) -> Vec<DnsRecord> {
    let details = &domain.settings.details;
    let mut published: Vec<_> =
        keys.iter().filter(|key| key.active || details.rotation.awaits(key.id)).collect();
    published.sort_by_key(|key| (key.algorithm != DkimAlgorithm::RsaSha256, !key.active));
    let mut records: Vec<_> = published.into_iter().map(|key| dkim_record(signing, key)).collect();
    if domain.kind == DomainKind::Sandbox {
        return records;
    }
    let name = &domain.name;
    let returned = details.mailfrom_host.as_ref().unwrap_or(name);
    records.extend([
        txt(returned.clone(), format!("v=spf1 a:{hostname} ~all"), DnsPurpose::Spf),
        mx(returned, hostname, DnsPurpose::ReturnPath),
        txt(format!("_dmarc.{name}"), "v=DMARC1; p=none".into(), DnsPurpose::Dmarc),
        DnsRecord {
            record_type: "CNAME",
            name: format!("{}.{name}", details.web_prefix),
            value: hostname.to_owned(),
            priority: None,
            purpose: DnsPurpose::Tracking,
        },
    ]);
    if returned != name {
        records.push(mx(name, hostname, DnsPurpose::Receiving));
    }
    records
}

fn mx(name: &str, host: &str, purpose: DnsPurpose) -> DnsRecord {
    DnsRecord {
        record_type: "MX",
        name: name.to_owned(),
        value: host.to_owned(),
        priority: Some(10),
        purpose,
    }
}

/// The record of a key of the domain `signing`.
pub(crate) fn dkim_record(domain: &str, key: &DkimKey) -> DnsRecord {
    let name = format!("{}._domainkey.{domain}", key.selector);
    txt(name, dkim::dns_record(algorithm(key.algorithm), &STANDARD.encode(&key.public_key)), DnsPurpose::Dkim)
}

fn txt(name: String, value: String, purpose: DnsPurpose) -> DnsRecord {
    DnsRecord { record_type: "TXT", name, value, priority: None, purpose }
}

pub(crate) const fn algorithm(stored: DkimAlgorithm) -> dkim::Algorithm {
    match stored {
        DkimAlgorithm::RsaSha256 => dkim::Algorithm::Rsa2048,
        DkimAlgorithm::Ed25519Sha256 => dkim::Algorithm::Ed25519,
    }
}

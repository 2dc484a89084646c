//! DANE (RFC 6698, 7671, 7672): whether a server's certificate is the one that its TLSA records tell of, without I/O.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA512, digest};

/// Records of one server that are looked at, at most.
const RECORDS: usize = 32;
/// The longest data of a record: a whole certificate.
const DATA: usize = 16 * 1024;

/// Whose certificate a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// DANE-TA(2): one that issued the server's, which then has to be good for its name and for now.
    TrustAnchor,
    /// DANE-EE(3): the server's own, whatever name and dates it has (RFC 7672 section 3.1.1).
    EndEntity,
}

/// What of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selector {
    Certificate,
    Key,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matching {
    Exact,
    Sha256,
    Sha512,
}

/// One TLSA record that says something for SMTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    usage: Usage,
    selector: Selector,
    matching: Matching,
    data: Vec<u8>,
}

impl Association {
    /// From the four fields of a record (RFC 6698 section 2.1). `None` if it is unusable: usages PKIX-TA(0) and
    /// PKIX-EE(1), which SMTP does not have (RFC 7672 section 3.1.3), numbers that nobody assigned, digests of another
    /// length.
    pub fn new(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Option<Self> {
        let usage = match usage {
            2 => Usage::TrustAnchor,
            3 => Usage::EndEntity,
            _ => return None,
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::Key,
            _ => return None,
        };
        let matching = match (matching, data.len()) {
            (0, 1..=DATA) => Matching::Exact,
            (1, 32) => Matching::Sha256,
            (2, 64) => Matching::Sha512,
            _ => return None,
        };
        Some(Self { usage, selector, matching, data: data.into() })
    }

    /// Whose certificate it tells of.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Whether it tells of this certificate: `certificate` is all of it, `key` its SubjectPublicKeyInfo, both in DER.
    pub fn matches(&self, certificate: &[u8], key: &[u8]) -> bool {
        let selected = match self.selector {
            Selector::Certificate => certificate,
            Selector::Key => key,
        };
        match self.matching {
            Matching::Exact => self.data == selected,
            Matching::Sha256 => self.data == digest(&SHA256, selected).as_ref(),
            Matching::Sha512 => self.data == digest(&SHA512, selected).as_ref(),
        }
    }

    /// The whole certificate of an issuer, if the record holds it: then the server need not send it.
    pub fn issuer(&self) -> Option<&[u8]> {
        let is_whole = (self.usage, self.selector, self.matching)
            == (Usage::TrustAnchor, Selector::Certificate, Matching::Exact);
        is_whole.then_some(self.data.as_slice())
    }
}

/// As a zone file spells it: three numbers and the data in hexadecimal digits (RFC 6698 section 2.2).
impl fmt::Display for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = match self.usage {
            Usage::TrustAnchor => 2,
            Usage::EndEntity => 3,
        };
        write!(f, "{usage} {} {} ", self.selector as u8, self.matching as u8)?;
        self.data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the TLSA records of one server say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Associations(Vec<Association>);

impl Associations {
    /// From usable records. Of digests of the same thing only the strongest kind counts (RFC 7671 section 9).
    pub fn new(records: impl IntoIterator<Item = Association>) -> Self {
        let all: Vec<_> = records.into_iter().take(RECORDS).collect();
        let is_outdone = |one: &Association| {
            one.matching != Matching::Exact
                && all.iter().any(|other| {
                    (other.usage, other.selector) == (one.usage, one.selector)
                        && other.matching > one.matching
                })
        };
        Self(all.iter().filter(|one| !is_outdone(one)).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Association> {
        self.0.iter()
    }

    /// Those of one usage.
    pub fn of(&self, usage: Usage) -> impl Iterator<Item = &Association> {
        self.0.iter().filter(move |one| one.usage == usage)
    }
}

#[cfg(test)]
mod tests;

//! Envelope addresses: the paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531).

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use thiserror::Error;

/// The longest path with its angle brackets, in bytes.
pub const PATH_MAX: usize = 256;
/// The longest local part, in bytes, quotes included.
pub const LOCAL_PART_MAX: usize = 64;
/// The longest domain, in bytes.
pub const DOMAIN_MAX: usize = 255;

/// What stands between angle brackets.
#[derive(Clone, PartialEq, Eq)]
pub enum Path {
    /// `<>`: nobody, the sender of notices that must not be answered.
    Null,
    /// `<Postmaster>`, the one address without a domain.
    Postmaster,
    /// An address.
    Mailbox(Mailbox),
}

/// An address, checked. Its parts are kept as written: a quoted local part keeps its quotes, a domain
/// may be in A-labels, U-labels or an address literal, in any case.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    address: String,
    at: usize,
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// No angle brackets, or something outside of them.
    #[error("an address stands in angle brackets: <user@example.org>")]
    Brackets,
    /// The local part or domain is missing or holds characters that it may not.
    #[error("the address is not of the form <user@example.org>")]
    Syntax,
    /// Longer than 256 bytes, a local part over 64 or a domain over 255.
    #[error("the address is too long")]
    TooLong,
    /// Not ASCII, and SMTPUTF8 was not asked for.
    #[error("an address that is not ASCII needs SMTPUTF8")]
    NeedsUtf8,
}

impl Mailbox {
    /// Checks `local@domain`. Characters beyond ASCII pass only if `utf8`.
    pub fn parse(address: &str, utf8: bool) -> Result<Self, PathError> {
        if !utf8 && !address.is_ascii() {
            return Err(PathError::NeedsUtf8);
        }
        let at = local_part_len(address).ok_or(PathError::Syntax)?;
        let domain = address[at..].strip_prefix('@').ok_or(PathError::Syntax)?;
        if at > LOCAL_PART_MAX || domain.len() > DOMAIN_MAX {
            return Err(PathError::TooLong);
        }
        if !is_domain(domain) && !is_address_literal(domain) {
            return Err(PathError::Syntax);
        }
        Ok(Self { address: address.to_owned(), at })
    }

    /// `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The part before the last `@`, with its quotes if it has some.
    pub fn local_part(&self) -> &str {
        &self.address[..self.at]
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        &self.address[self.at + 1..]
    }

    /// Whether the domain is an address literal such as `[192.0.2.1]`.
    pub fn is_literal(&self) -> bool {
        self.domain().starts_with('[')
    }

    /// Whether it needs SMTPUTF8 on its way.
    pub fn needs_utf8(&self) -> bool {
        !self.address.is_ascii()
    }

    /// The address itself.
    pub fn into_string(self) -> String {
        self.address
    }
}

impl Path {
    /// Reads `<…>`. A source route in front of the address is checked and dropped, as RFC 5321
    /// appendix C asks.
    pub fn parse(text: &[u8], utf8: bool) -> Result<Self, PathError> {
        let inner = text.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">"));
        let inner = inner.ok_or(PathError::Brackets)?;
        if text.len() > PATH_MAX {
            return Err(PathError::TooLong);
        }
        if !utf8 && !inner.is_ascii() {
            return Err(PathError::NeedsUtf8);
        }
        let inner = std::str::from_utf8(inner).map_err(|_| PathError::Syntax)?;
        if inner.is_empty() {
            return Ok(Self::Null);
        }
        if inner.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster);
        }
        Mailbox::parse(without_route(inner)?, utf8).map(Self::Mailbox)
    }

    /// Where a path that starts `text` ends: the index behind its `>`, which may stand in quotes.
    pub fn end(text: &[u8]) -> Option<usize> {
        let mut quoted = false;
        let mut escaped = false;
        for (index, byte) in text.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'>' if !quoted => return Some(index + 1),
                _ => {}
            }
        }
        None
    }
}

fn without_route(text: &str) -> Result<&str, PathError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let (route, address) = text.split_once(':').ok_or(PathError::Syntax)?;
    let good = route.split(',').all(|hop| hop.strip_prefix('@').is_some_and(is_domain));
    if good { Ok(address) } else { Err(PathError::Syntax) }
}

/// The length of the local part that `address` starts with; `None` if it does not start with one.
fn local_part_len(address: &str) -> Option<usize> {
    if address.starts_with('"') {
        return quoted_len(address);
    }
    let at = address.find('@')?;
    let good = address[..at].split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    good.then_some(at)
}

fn quoted_len(address: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, char) in address.char_indices().skip(1) {
        match char {
            ' '..='~' if escaped => escaped = false,
            _ if escaped => return None,
            '\\' => escaped = true,
            // `""` is a quoted string, but nobody's mailbox.
            '"' => return (index > 1).then_some(index + 1),
            char if char.is_control() => return None,
            _ => {}
        }
    }
    None
}

fn is_atext(char: char) -> bool {
    match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_' | '`' => true,
        '{' | '|' | '}' | '~' => true,
        char => is_beyond_ascii(char),
    }
}

/// Letters of the world, but neither controls nor spaces nor line separators.
fn is_beyond_ascii(char: char) -> bool {
    !char.is_ascii() && !char.is_control() && !char.is_whitespace()
}

/// A host name in A-labels or U-labels. The underscore is no letter of host names, but exists in mail.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|char| {
                char.is_ascii_alphanumeric() || matches!(char, '-' | '_') || is_beyond_ascii(char)
            })
    };
    domain.split('.').all(label)
}

fn is_address_literal(domain: &str) -> bool {
    let Some(inner) = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) else {
        return false;
    };
    match inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")) {
        Some(_) => inner[5..].parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<Ipv4Addr>().is_ok(),
    }
}

// Addresses are personal: what is shown in logs and panics is only what kind of thing it is.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Postmaster => "Postmaster",
            Self::Mailbox(_) => "Mailbox(…)",
        })
    }
}

#[cfg(test)]
mod tests;

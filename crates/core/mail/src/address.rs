//! Addresses and mailboxes (RFC 5322, RFC 6532), as strict as the wire needs and as tolerant as
//! customers write them.

mod parse;
mod print;

#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;
use waxseal_model::comparable;

pub use parse::parse_list;
pub(crate) use print::{is_dot_atom, quoted};

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL: usize = 64;
/// Longest domain in octets, as A-labels (RFC 5321 §4.5.3.1.2).
pub const MAX_DOMAIN: usize = 255;

/// Why a text is not an address or a list of mailboxes. The texts hold nothing of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseAddressError {
    /// There is no address at all.
    #[error("the address is empty")]
    Empty,
    /// CR, LF, NUL or another control character, plain or inside an encoded word.
    #[error("the address holds a control character")]
    ControlCharacter,
    /// No `@` between local part and domain.
    #[error("the address has no @")]
    MissingAt,
    /// The local part is empty or has characters that need quotes.
    #[error("the part before the @ is not valid")]
    BadLocal,
    /// The domain is no domain name (address literals are not accepted).
    #[error("the part after the @ is not a domain name")]
    BadDomain,
    /// More than 64 octets before the `@` or 255 after it.
    #[error("the address is too long: 64 octets before the @ and 255 after it are allowed")]
    TooLong,
    /// A quotation mark, parenthesis, angle bracket or group is not closed.
    #[error("a quotation mark, bracket or group is not closed")]
    Unclosed,
    /// Something follows the `>` of a mailbox.
    #[error("there is text after the closing angle bracket")]
    TrailingText,
    /// More than one mailbox where one is wanted.
    #[error("exactly one address is expected")]
    NotOne,
    /// The list is longer than allowed.
    #[error("too many addresses: {max} are allowed")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
}

/// An address: local part and domain. Prints in its wire form, the local part quoted if it must be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    local: String,
    domain: String,
}

impl Address {
    /// Reads an addr-spec (RFC 5322 §3.4.1): no display name, no angle brackets. The domain becomes
    /// lower-case A-labels; a local part may be UTF-8 (RFC 6531).
    pub fn parse(text: &str) -> Result<Self, ParseAddressError> {
        parse::addr_spec(text)
    }

    /// The address of this local part (unquoted text) at this domain name.
    pub fn new(local: &str, domain: &str) -> Result<Self, ParseAddressError> {
        parse::address(local, domain)
    }

    /// The local part without quotes or escapes.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain: lower-case A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the wire form is ASCII; if not, only a server with SMTPUTF8 can take it.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }

    /// The form to compare, deduplicate and look up by: the wire form in lower case, its letters composed.
    pub fn key(&self) -> String {
        comparable(&self.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_atom(&self.local) {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            write!(f, "{}@{}", quoted(&self.local), self.domain)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// An address with the name that people see. Prints as `Name <local@domain>`, for people and for
/// parsing again; [`crate::header`] makes the form for headers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// Display name, decoded; never empty, never with control characters when it was parsed.
    pub name: Option<String>,
    /// Address.
    pub address: Address,
}

impl Mailbox {
    /// Reads exactly one mailbox: `a@b`, `<a@b>`, `Name <a@b>` or `a@b (Name)`.
    pub fn parse(text: &str) -> Result<Self, ParseAddressError> {
        let mut list = parse_list(text, 1).map_err(|error| match error {
            ParseAddressError::TooMany { .. } => ParseAddressError::NotOne,
            error => error,
        })?;
        match list.pop() {
            Some(mailbox) => Ok(mailbox),
            None => Err(ParseAddressError::Empty),
        }
    }

    /// The mailbox of an address without a name.
    pub const fn bare(address: Address) -> Self {
        Self { name: None, address }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} <{}>", print::phrase(name), self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

//! Options whose value is a word or a list of words.

use std::net::IpAddr;

use waxseal_model::options::Tracking;

use crate::error::SendError;

/// The six spellings that clients use.
pub(crate) fn boolean(option: &str, value: &str) -> Result<bool, SendError> {
    known_boolean(value).ok_or_else(|| SendError::Invalid(format!("o:{option} must be yes or no")))
}

/// An IP address.
pub(crate) fn address(option: &str, value: &str) -> Result<IpAddr, SendError> {
    value.parse().map_err(|_| SendError::Invalid(format!("o:{option} is not an IP address")))
}

/// A boolean, or `htmlonly`.
pub(crate) fn tracking(option: &str, value: &str) -> Result<Tracking, SendError> {
    match known_boolean(value) {
        Some(true) => Ok(Tracking::Yes),
        Some(false) => Ok(Tracking::No),
        None if value.eq_ignore_ascii_case("htmlonly") => Ok(Tracking::HtmlOnly),
        None => Err(SendError::Invalid(format!("o:{option} must be yes, no or htmlonly"))),
    }
}

fn known_boolean(value: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    if is(["yes", "true", "1", "on"]) {
        Some(true)
    } else if is(["no", "false", "0", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// A DKIM key by the name it is published under: `domain/selector`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyName {
    pub(crate) domain: String,
    pub(crate) selector: String,
}

impl KeyName {
    pub(crate) fn read(value: &str) -> Result<Self, SendError> {
        let (domain, selector) = value.split_once('/').ok_or_else(Self::invalid)?;
        let domain = waxseal_domains::name::normalise(domain, false).map_err(|_| Self::invalid())?;
        let label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if selector.is_empty() || selector.len() > 63 || !selector.bytes().all(label) {
            return Err(Self::invalid());
        }
        Ok(Self { domain, selector: selector.to_ascii_lowercase() })
    }

    /// As [`Self::read`] takes it.
    pub(crate) fn write(&self) -> String {
        format!("{}/{}", self.domain, self.selector)
    }

    /// The API's text.
    pub(crate) fn invalid() -> SendError {
        SendError::Invalid("is not a valid secondary dkim domain name".into())
    }
}

/// Which `X-Mailgun-*` headers the delivered copy does without (`o:suppress-headers`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HiddenHeaders {
    all: bool,
    names: Vec<String>,
}

impl HiddenHeaders {
    pub(crate) fn add(&mut self, value: &str) -> Result<(), SendError> {
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case("all") {
                self.all = true;
            } else if is_ours(name) {
                self.names.push(name.to_ascii_lowercase());
            } else {
                let text = "o:suppress-headers must be all or a list of X-Mailgun- header names";
                return Err(SendError::Invalid(text.into()));
            }
        }
        Ok(())
    }

    pub(crate) fn hides(&self, name: &str) -> bool {
        is_ours(name) && (self.all || self.names.iter().any(|hidden| hidden.eq_ignore_ascii_case(name)))
    }
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

const PREFIX: &str = "X-Mailgun-";

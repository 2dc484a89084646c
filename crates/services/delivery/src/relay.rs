//! A smart host: `smtp://user:password@host:port` or `smtps://…`.

use std::{fmt, net::IpAddr, num::NonZeroU16, str::FromStr};

use thiserror::Error;
use waxseal_smtp::client::Credentials;

/// A relay.
///
/// With credentials and away from loopback its certificate must be good, because whoever sits in
/// between would get the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) implicit_tls: bool,
    pub(crate) credentials: Option<Credentials>,
}

/// The text is not a relay.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("delivery.relay: {0}; write smtp://host:port or smtps://user:password@host:port")]
pub struct ParseRelayError(&'static str);

impl Relay {
    /// The same server with this login and no other.
    pub fn with_login(self, user: String, password: String) -> Self {
        Self { credentials: Some(Credentials::new(user, password)), ..self }
    }

    /// In the place of one that cannot be read: a name that there never is (RFC 6761), so that mail waits.
    pub(crate) fn nowhere() -> Self {
        Self { host: "unreadable.invalid".into(), port: 25, implicit_tls: false, credentials: None }
    }

    /// Whether its URL held a login.
    pub const fn has_login(&self) -> bool {
        self.credentials.is_some()
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// Its URL, always without a login.
impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.implicit_tls { "smtps" } else { "smtp" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl FromStr for Relay {
    type Err = ParseRelayError;

    fn from_str(text: &str) -> Result<Self, ParseRelayError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(ParseRelayError("the scheme is missing"))?;
        let implicit_tls = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(ParseRelayError("the scheme is neither smtp nor smtps")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user_info, place) = match rest.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place)?;
        let port = match port {
            Some(port) => port
                .parse::<NonZeroU16>()
                .map_err(|_| ParseRelayError("the port is not a number from 1 to 65535"))?
                .get(),
            None if implicit_tls => 465,
            None => 25,
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(ParseRelayError("the host is missing or not a host name"));
        }
        let credentials = user_info.map(parse_credentials).transpose()?;
        Ok(Self { host: host.to_ascii_lowercase(), port, implicit_tls, credentials })
    }
}

fn split_port(place: &str) -> Result<(&str, Option<&str>), ParseRelayError> {
    if place.starts_with('[') {
        let end = place.find(']').ok_or(ParseRelayError("the IPv6 address does not end in ]"))?;
        let (host, rest) = place.split_at(end + 1);
        return Ok((host, rest.strip_prefix(':')));
    }
    Ok(match place.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    })
}

fn parse_credentials(user_info: &str) -> Result<Credentials, ParseRelayError> {
    let (login, password) = user_info.split_once(':').ok_or(ParseRelayError("the password is missing"))?;
    let decoded = percent_decode(login).zip(percent_decode(password));
    let (login, password) = decoded.ok_or(ParseRelayError("login or password has a broken %-escape"))?;
    Ok(Credentials::new(login, password))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_from_its_url() {
        let relay: Relay = "smtp://Relay.example.org".parse().expect("relay");
        assert_eq!((relay.host.as_str(), relay.port, relay.implicit_tls), ("relay.example.org", 25, false));
        let relay: Relay = "smtps://me%40example.org:p%3Ass@[::1]:4650/".parse().expect("relay");
        assert_eq!((relay.host.as_str(), relay.port, relay.implicit_tls), ("[::1]", 4650, true));
        assert_eq!(relay.credentials, Some(Credentials::new("me@example.org".into(), "p:ss".into())));
        assert!(relay.address().is_some_and(|ip| ip.is_loopback()));
        assert!(!format!("{relay:?} {relay}").contains("p:ss"), "a password is not printed");
        assert_eq!(relay.to_string(), "smtps://[::1]:4650");
        let again: Relay = relay.to_string().parse().expect("relay");
        assert!(relay.has_login() && !again.has_login());
        assert_eq!(again.with_login("me@example.org".into(), "p:ss".into()), relay);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, words) in [
            ("relay.example.org:25", "the scheme is missing"),
            ("http://relay", "neither smtp nor smtps"),
            ("smtp://relay:x", "the port is not a number"),
            ("smtp://relay:0", "the port is not a number"),
            ("smtp://user@relay", "the password is missing"),
            ("smtp://", "the host is missing"),
            ("smtp://u:%zz@relay", "a broken %-escape"),
        ] {
            let error = text.parse::<Relay>().expect_err(text).to_string();
            assert!(error.starts_with("delivery.relay: ") && error.contains(words), "{error}");
        }
    }
}

//! URLs that may be called: read once, so that what is checked and what is dialled are the same.

use std::{fmt, net::IpAddr};

use thiserror::Error;
use url::{Position, Url};

use crate::guard::Guard;

/// The longest URL, in bytes.
const LONGEST: usize = 2_048;

/// What URLs may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRules {
    /// Ports that may be called; any if empty.
    pub ports: Vec<u16>,
    /// Whether hosts on loopback, private and link-local addresses may be called.
    pub allow_private: bool,
}

impl Default for HttpRules {
    fn default() -> Self {
        Self { ports: vec![80, 443], allow_private: false }
    }
}

/// Why a URL may not be called. The texts say it to who gave the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Not a URL, or one that is written in a way that programs read differently.
    #[error("is not a URL: give one such as https://archive.example.com/in")]
    Syntax,
    /// Too long.
    #[error("is longer than {LONGEST} characters")]
    TooLong,
    /// Another scheme.
    #[error("must start with http:// or https://")]
    Scheme,
    /// A user or a password in it.
    #[error("must not hold a user name or a password")]
    UserInfo,
    /// A port that the operator does not allow.
    #[error("has a port that may not be called")]
    Port,
    /// An address inside, or a name that can only be one inside.
    #[error("must name a host on the public Internet")]
    NotPublic,
}

/// Whom a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// An address, however it was written.
    Address(IpAddr),
    /// A name in lower-case A-labels, without a final dot.
    Name(&'a str),
}

/// A URL that may be called. It may carry a secret of whoever gave it, so it has no `Display`, and its `Debug`
/// shows the scheme alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    url: Url,
    port: u16,
}

impl HttpUrl {
    /// Reads a URL and checks it as far as that goes without the DNS.
    pub fn parse(text: &str, rules: &HttpRules) -> Result<Self, UrlError> {
        if text.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        // The parser would take these out or turn them into others; nobody needs them.
        if text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
            return Err(UrlError::Syntax);
        }
        let after =
            |scheme: &str| text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
        let rest = match (after("http://"), after("https://")) {
            (Some(start), _) | (_, Some(start)) => text.get(start.len()..).unwrap_or_default(),
            (None, None) => return Err(UrlError::Scheme),
        };
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(UrlError::UserInfo);
        }
        if rest.starts_with('/') {
            return Err(UrlError::Syntax);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme);
        }
        let port = url.port_or_known_default().ok_or(UrlError::Syntax)?;
        let is_allowed = rules.ports.is_empty() || rules.ports.contains(&port);
        if port == 0 || !is_allowed {
            return Err(UrlError::Port);
        }
        let url = Self { url, port };
        url.check_host(rules)?;
        Ok(url)
    }

    fn check_host(&self, rules: &HttpRules) -> Result<(), UrlError> {
        match self.host() {
            Host::Address(address) if Guard::new(rules.allow_private).allows(address) => Ok(()),
            Host::Address(_) => Err(UrlError::NotPublic),
            Host::Name("") => Err(UrlError::Syntax),
            // No host on the Internet has a name without a dot.
            Host::Name(name) if !name.contains('.') && !rules.allow_private => Err(UrlError::NotPublic),
            Host::Name(_) => Ok(()),
        }
    }

    /// Whether it is called under TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host.
    pub fn host(&self) -> Host<'_> {
        match self.url.host() {
            Some(url::Host::Ipv4(address)) => Host::Address(address.into()),
            Some(url::Host::Ipv6(address)) => Host::Address(address.into()),
            Some(url::Host::Domain(name)) => Host::Name(name.strip_suffix('.').unwrap_or(name)),
            None => Host::Name(""),
        }
    }

    /// The text, for keeping it.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The name that the certificate has to be good for.
    pub(super) fn server_name(&self) -> String {
        match self.host() {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_owned(),
        }
    }

    /// The `Host` header.
    pub(super) fn host_header(&self) -> String {
        let host = match self.host() {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_owned(),
        };
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// Path and query: what the request line asks for.
    pub(super) fn target(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({}://…)", self.url.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HttpUrl, UrlError> {
        HttpUrl::parse(text, &HttpRules { ports: vec![80, 443, 8443], allow_private: false })
    }

    #[test]
    fn a_url_is_read_once_for_everything_that_is_done_with_it() {
        let url = read("HTTPS://Archive.Example.COM.:8443/in?key=1#part").expect("a URL");
        assert!(url.is_https());
        assert_eq!((url.host(), url.port()), (Host::Name("archive.example.com"), 8443));
        assert_eq!((url.host_header().as_str(), url.target()), ("archive.example.com:8443", "/in?key=1"));
        let url = read("http://[2606:4700::1111]").expect("a URL");
        assert_eq!((url.host_header().as_str(), url.target()), ("[2606:4700::1111]", "/"));
        assert_eq!(url.server_name(), "2606:4700::1111");
        let url = read("https://bücher.example/").expect("a URL");
        assert_eq!(url.host(), Host::Name("xn--bcher-kva.example"));
    }

    #[test]
    fn what_may_not_be_called_is_refused_with_a_reason() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("archive.example.com/in", UrlError::Scheme),
            ("ftp://archive.example.com/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http:archive.example.com", UrlError::Scheme),
            ("http:///archive.example.com", UrlError::Syntax),
            ("http://", UrlError::Syntax),
            ("http:// archive.example.com/", UrlError::Syntax),
            ("http://archive.example.com\\@127.0.0.1/", UrlError::Syntax),
            ("http://arch\tive.example.com/", UrlError::Syntax),
            ("http://archive.example.com/\r\nX: y", UrlError::Syntax),
            ("http://user@archive.example.com/", UrlError::UserInfo),
            ("http://user:pass@archive.example.com/", UrlError::UserInfo),
            ("http://@archive.example.com/", UrlError::UserInfo),
            ("http://archive.example.com:22/", UrlError::Port),
            ("http://archive.example.com:0/", UrlError::Port),
            ("http://archive.example.com:99999/", UrlError::Syntax),
            ("http://127.0.0.1/", UrlError::NotPublic),
            ("http://localhost/", UrlError::NotPublic),
            ("http://intranet/", UrlError::NotPublic),
        ] {
            assert_eq!(read(text), Err(error), "{text:?}");
        }
        assert_eq!(read(&format!("http://a.example/{}", "x".repeat(LONGEST))), Err(UrlError::TooLong));
    }

    #[test]
    fn a_url_does_not_show_itself() {
        let url = read("https://archive.example.com/in?key=secret").expect("a URL");
        assert_eq!(format!("{url:?}"), "HttpUrl(https://…)");
    }
}

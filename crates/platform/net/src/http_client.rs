//! The one client for outgoing HTTP: every URL that a customer or a domain of recipients gives us is called through here.
//!
//! A URL is a stranger's input, and the machine it is called from sees more of the network than the
//! stranger does. So the client reads a URL once ([`HttpUrl`]), looks its host up once, dials only
//! addresses that the [`Guard`] allows and exactly those it looked at, follows no redirect, knows no
//! proxy, and reads little of the answer for a short time. Whatever fails on the way, nothing is sent.

mod exchange;
mod url;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::HeaderName;
use thiserror::Error;
use waxseal_model::Timestamp;

use crate::{
    client_tls::{ClientTls, ClientTlsError, Flaw},
    connect::{ConnectError, Connector, Source},
    guard::Guard,
    resolver::{LookupError, Resolver},
    stream::Stream,
};

pub use url::{Host, HttpRules, HttpUrl, UrlError};

/// Bytes of an answer's body that are read.
pub const ANSWER_BYTES: usize = 64 * 1024;
/// Addresses of a host that are tried.
const ADDRESSES: usize = 4;

/// No answer came back.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The host has no address, or the DNS does not say.
    #[error("DNS look-up failed: {0}")]
    Lookup(#[from] LookupError),
    /// The host has no address that may be dialled.
    #[error("the host has no public address")]
    NotPublic,
    /// Nobody took the connection.
    #[error(transparent)]
    Connect(ConnectError),
    /// There is no TLS with the host.
    #[error(transparent)]
    Tls(#[from] ClientTlsError),
    /// The host did not prove its name.
    #[error("{0}")]
    Certificate(Flaw),
    /// All of it took too long.
    #[error("no answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// A header of the call cannot be written.
    #[error("a header of the call has a value that HTTP cannot carry")]
    Header,
    /// The other side does not speak HTTP, or stopped in the middle.
    #[error("the HTTP exchange broke off")]
    Broken,
}

/// One POST.
#[derive(Debug, Clone)]
pub struct HttpPost<'a> {
    /// Where to.
    pub url: &'a HttpUrl,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// Body.
    pub body: Bytes,
    /// Time limit of the whole call: look-up, connection, TLS, exchange.
    pub within: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status code; a redirect is an answer like any other.
    pub status: u16,
    /// `Content-Type` in lower case, without its parameters; empty if there is none.
    pub media_type: String,
    /// The body, at most [`ANSWER_BYTES`] of it.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub truncated: bool,
}

impl HttpAnswer {
    /// Whether the other side took the call (2xx).
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Calls URLs of strangers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    resolver: Resolver,
    connector: Connector,
    tls: ClientTls,
    rules: HttpRules,
}

impl HttpClient {
    /// A client over these parts. `connect_timeout` bounds the try of one address.
    pub fn new(resolver: Resolver, tls: ClientTls, rules: HttpRules, connect_timeout: Duration) -> Self {
        let guard = Guard::new(rules.allow_private);
        // Addresses to send mail from have a reputation to keep; calls start where the system likes.
        let connector = Connector::new(guard, Vec::new(), connect_timeout);
        Self { resolver, connector, tls, rules }
    }

    /// What URLs it takes.
    pub const fn rules(&self) -> &HttpRules {
        &self.rules
    }

    /// Makes the call. `now` is the time as of which certificates are checked.
    pub async fn post(&self, post: HttpPost<'_>, now: Timestamp) -> Result<HttpAnswer, HttpError> {
        let within = post.within;
        let call = async {
            let stream = self.open(post.url, now, within).await?;
            exchange::post(stream, &post).await
        };
        tokio::time::timeout(within, call).await.map_err(|_| HttpError::TimedOut(within))?
    }

    /// Gets what is at a URL, all in all `within` this time. `now` is the time as of which certificates are checked.
    pub async fn get(
        &self,
        url: &HttpUrl,
        now: Timestamp,
        within: Duration,
    ) -> Result<HttpAnswer, HttpError> {
        let call = async { exchange::get(self.open(url, now, within).await?, url).await };
        tokio::time::timeout(within, call).await.map_err(|_| HttpError::TimedOut(within))?
    }

    /// A connection to the URL's host, under TLS and with a good certificate for https.
    async fn open(&self, url: &HttpUrl, now: Timestamp, within: Duration) -> Result<Stream, HttpError> {
        let stream = self.connect(url).await?;
        if !url.is_https() {
            return Ok(stream);
        }
        let (stream, peer) = stream.secure(&self.tls, url.server_name().as_str(), now, within).await?;
        peer.flaw.map_or(Ok(stream), |flaw| Err(HttpError::Certificate(flaw)))
    }

    /// Looks the host up once and dials what was found, and nothing else.
    async fn connect(&self, url: &HttpUrl) -> Result<Stream, HttpError> {
        let addresses: Vec<IpAddr> = match url.host() {
            Host::Address(address) => vec![address],
            Host::Name(name) => self.resolver.addresses(name).await?,
        };
        let mut last = HttpError::NotPublic;
        for address in addresses.into_iter().take(ADDRESSES) {
            match self.connector.connect((address, url.port()).into(), Source::Turn(0)).await {
                Ok(stream) => return Ok(stream),
                // One inner address among public ones is passed over, not a reason to stop.
                Err(ConnectError::Refused) => {}
                Err(error) => last = HttpError::Connect(error),
            }
        }
        Err(last)
    }
}

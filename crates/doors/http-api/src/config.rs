//! What an operator may set of the HTTP door.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio_rustls::rustls::ServerConfig;

/// The HTTP door's configuration.
#[derive(Clone)]
pub struct HttpConfig {
    /// Addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Base of absolute links. `None`: the host that the request names, so that clients which follow
    /// links stay on the server they know.
    pub public_url: Option<String>,
    /// TLS on every listener.
    pub tls: Option<Arc<ServerConfig>>,
    /// Limits.
    pub limits: Limits,
}

/// Bounds on what strangers can make the door do.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request body in bytes, counted after decompression.
    pub body: usize,
    /// Largest file of suppressions in bytes.
    pub import: usize,
    /// Bytes of all request bodies in memory at a time; beyond it requests are asked to come later.
    pub bodies_in_flight: usize,
    /// Most form fields of a request.
    pub fields: usize,
    /// Most connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Most connections of one peer at a time; further ones are closed.
    pub connections_per_peer: usize,
    /// Time for a request's headers, also between requests of one connection.
    pub header_timeout: Duration,
    /// Longest silence within a body.
    pub body_silence: Duration,
    /// Time for a whole body.
    pub body_total: Duration,
    /// Least bytes a second of a body, on average, after one time of silence.
    pub body_rate: u64,
    /// Longest time in which a client takes nothing of its answer.
    pub write_silence: Duration,
    /// Time for requests in flight when the door closes.
    pub drain: Duration,
    /// Failed authentications a peer may make at once, refilled within a minute.
    pub failed_logins: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // 52.4 MiB, the figure that clients know.
            body: 54_945_382,
            import: 25 * 1024 * 1024,
            bodies_in_flight: 256 * 1024 * 1024,
            fields: 10_000,
            connections: 4_096,
            connections_per_peer: 1_024,
            header_timeout: Duration::from_secs(15),
            body_silence: Duration::from_secs(30),
            body_total: Duration::from_secs(600),
            body_rate: 256,
            write_silence: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            failed_logins: 300,
        }
    }
}

impl HttpConfig {
    /// Listens on these addresses with default limits, without TLS.
    pub fn new(listen: Vec<SocketAddr>) -> Self {
        Self { listen, public_url: None, tls: None, limits: Limits::default() }
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("tls", &self.tls.is_some())
            .field("limits", &self.limits)
            .finish()
    }
}

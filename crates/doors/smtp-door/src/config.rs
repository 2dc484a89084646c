//! What the door can be told.

use std::{net::SocketAddr, time::Duration};

use waxseal_net::crowd::CrowdLimits;
use waxseal_smtp::server::Limits;

/// How the door listens and what it puts up with.
#[derive(Debug, Clone)]
pub struct DoorConfig {
    /// Our name in the greeting.
    pub hostname: String,
    /// Listeners that offer STARTTLS; port 0 takes any free port.
    pub submission: Vec<SocketAddr>,
    /// Listeners under TLS from the first byte.
    pub implicit_tls: Vec<SocketAddr>,
    /// Limits of one session.
    pub session: Limits,
    /// Time limits.
    pub times: Times,
    /// How many may come at once.
    pub crowd: CrowdLimits,
}

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From our last reply to the next complete command.
    pub command: Duration,
    /// For the whole content of a message.
    pub content: Duration,
    /// For the client to take what we send.
    pub write: Duration,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For a connection altogether: who stays longer is asked to come again between two messages, so
    /// that a login that was taken away ends some time.
    pub connection: Duration,
    /// How long content is watched before its rate is judged.
    pub rate_window: Duration,
    /// Bytes a second that content must come with, averaged over the window.
    pub min_rate: u64,
    /// How long to wait before the greeting for clients that speak out of turn; zero: not at all.
    pub greeting_delay: Duration,
    /// What is in flight when the door closes has this long to finish.
    pub drain: Duration,
}

impl DoorConfig {
    /// The defaults, without listeners.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            submission: Vec::new(),
            implicit_tls: Vec::new(),
            session: Limits::default(),
            times: Times::default(),
            crowd: CrowdLimits { per_peer: 50, total: 2_000, content_bytes: 512 * 1024 * 1024 },
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(300),
            content: Duration::from_secs(600),
            write: Duration::from_secs(120),
            handshake: Duration::from_secs(30),
            connection: Duration::from_secs(3_600),
            rate_window: Duration::from_secs(60),
            min_rate: 500,
            greeting_delay: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}

//! Outgoing TCP connections: guarded, from a chosen source address, within a time.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::net::TcpSocket;

use crate::{guard::Guard, network::Network, stream::Stream};

/// No connection was made.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The guard does not let us dial this address.
    #[error("the address is not public")]
    Refused,
    /// Nobody answered in time.
    #[error("connection timed out")]
    TimedOut,
    /// The source address asked for is of the other kind than the destination.
    #[error("no address of the kind of the sending address")]
    OtherFamily,
    /// The system or the other side said no.
    #[error("{}", io_words(.0))]
    Io(#[from] io::Error),
}

/// Where a connection starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// At one of our addresses, by turns: equal numbers, equal address.
    Turn(u64),
    /// At this address and at no other.
    Exactly(IpAddr),
}

/// Makes outgoing TCP connections.
#[derive(Debug, Clone)]
pub struct Connector {
    guard: Guard,
    sources: Vec<IpAddr>,
    timeout: Duration,
    through: Through,
}

/// Which network connections are made in.
#[derive(Debug, Clone)]
enum Through {
    Machine,
    Other(Arc<dyn Network>),
}

impl Connector {
    /// A connector that dials what `guard` allows, from one of `sources` (the system chooses if there
    /// is none of the right family), and gives up after `timeout`.
    pub const fn new(guard: Guard, sources: Vec<IpAddr>, timeout: Duration) -> Self {
        Self { guard, sources, timeout, through: Through::Machine }
    }

    /// The same connector for hosts that the operator named: they may be anywhere.
    #[must_use]
    pub fn trusting(&self) -> Self {
        Self { guard: Guard::new(true), ..self.clone() }
    }

    /// The addresses that it starts at by turns.
    pub fn sources(&self) -> &[IpAddr] {
        &self.sources
    }

    /// The same connector in another network than the machine's.
    pub(crate) fn over(self, network: Arc<dyn Network>) -> Self {
        Self { through: Through::Other(network), ..self }
    }

    /// Connects.
    pub async fn connect(&self, to: SocketAddr, source: Source) -> Result<Stream, ConnectError> {
        if !self.guard.allows(to.ip()) || to.port() == 0 {
            return Err(ConnectError::Refused);
        }
        let from = self.source(to, source)?;
        let network = match &self.through {
            Through::Machine => return self.dial(to, from).await,
            Through::Other(network) => network,
        };
        let dialled = tokio::time::timeout(self.timeout, network.dial(to, from)).await;
        Ok(Stream::other(dialled.map_err(|_| ConnectError::TimedOut)??))
    }

    async fn dial(&self, to: SocketAddr, from: Option<IpAddr>) -> Result<Stream, ConnectError> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(source) = from {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = tokio::time::timeout(self.timeout, socket.connect(to))
            .await
            .map_err(|_| ConnectError::TimedOut)??;
        stream.set_nodelay(true)?;
        Ok(Stream::plain(stream))
    }

    /// The address to start at; `None`: the system chooses.
    fn source(&self, to: SocketAddr, source: Source) -> Result<Option<IpAddr>, ConnectError> {
        let turn = match source {
            Source::Exactly(ip) if ip.is_ipv4() != to.is_ipv4() => return Err(ConnectError::OtherFamily),
            Source::Exactly(ip) => return Ok(Some(ip)),
            Source::Turn(turn) => turn,
        };
        let fitting: Vec<_> = self.sources.iter().filter(|ip| ip.is_ipv4() == to.is_ipv4()).collect();
        let index = turn.checked_rem(fitting.len() as u64).and_then(|index| usize::try_from(index).ok());
        Ok(index.and_then(|index| fitting.get(index)).map(|ip| **ip))
    }
}

/// What happened, in words that stay the same on every system.
fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::AddrNotAvailable => "the source address is not available".into(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn loopback_is_dialled_only_where_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let to = listener.local_addr().expect("address");
        let timeout = Duration::from_secs(5);
        let strict = Connector::new(Guard::new(false), Vec::new(), timeout);
        assert!(matches!(strict.connect(to, Source::Turn(0)).await, Err(ConnectError::Refused)));
        let open = Connector::new(Guard::new(true), Vec::new(), timeout);
        open.connect(to, Source::Turn(0)).await.expect("connected");
    }

    #[tokio::test]
    async fn source_addresses_take_turns() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let to = listener.local_addr().expect("address");
        let sources = ["127.0.0.2", "::1", "127.0.0.3"].map(|ip| ip.parse().expect("ip")).to_vec();
        let connector = Connector::new(Guard::new(true), sources, Duration::from_secs(5));
        let mut seen = Vec::new();
        for turn in 0..3 {
            let stream = connector.connect(to, Source::Turn(turn)).await.expect("connected");
            seen.push(stream.local_ip().expect("local").to_string());
        }
        assert_eq!(seen, ["127.0.0.2", "127.0.0.3", "127.0.0.2"]);
    }

    #[tokio::test]
    async fn a_source_address_that_was_asked_for_is_used_or_nothing_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let to = listener.local_addr().expect("address");
        let [two, six] = ["127.0.0.2", "::1"].map(|ip| ip.parse().expect("ip"));
        let connector = Connector::new(Guard::new(true), vec![two, six], Duration::from_secs(5));
        for _ in 0..3 {
            let stream = connector.connect(to, Source::Exactly(two)).await.expect("connected");
            assert_eq!(stream.local_ip(), Some(two));
        }
        let refused = connector.connect(to, Source::Exactly(six)).await;
        assert!(matches!(refused, Err(ConnectError::OtherFamily)));
    }

    #[tokio::test]
    async fn a_closed_port_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let to = listener.local_addr().expect("address");
        drop(listener);
        let connector = Connector::new(Guard::new(true), Vec::new(), Duration::from_secs(5));
        let error = connector.connect(to, Source::Turn(0)).await.expect_err("closed");
        assert_eq!(error.to_string(), "connection refused");
    }
}

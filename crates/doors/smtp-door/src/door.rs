//! The listeners and everybody who came in by them.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waxseal_accounts::account::Accounts;
use waxseal_domains::Domains;
use waxseal_model::{Clock, Random};
use waxseal_net::{
    crowd::{Crowd, Full},
    peer::{self, PeerKey},
};
use waxseal_sending::send::Sending;
use waxseal_smtp::Reply;

use crate::{
    config::DoorConfig,
    connection::{Connection, Shared, crowded},
    submission::Submission,
    throttle::Throttle,
};

/// How long to rest when the system has no more file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// How long goodbyes may take once the time to finish is over.
const GOODBYE: Duration = Duration::from_secs(5);

/// What the door needs of the house.
pub struct Services {
    /// Knows logins and networks.
    pub accounts: Accounts,
    /// Knows which domain a caller sends for.
    pub domains: Domains,
    /// Takes messages.
    pub sending: Sending,
    /// Time for the throttles.
    pub clock: Arc<dyn Clock>,
    /// Chance for the key under which the throttles keep logins.
    pub random: Arc<dyn Random>,
}

/// The submission door, bound and ready to run.
pub struct SmtpDoor {
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    crowd: Arc<Crowd>,
}

struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    implicit_tls: bool,
}

impl SmtpDoor {
    /// Binds all listeners. Without `tls` neither STARTTLS is offered nor AUTH, except to loopback.
    ///
    /// Fails if an address cannot be bound, or if a listener is to be under TLS and there is none.
    pub async fn bind(
        config: DoorConfig,
        services: Services,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        if tls.is_none() && !config.implicit_tls.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "implicit TLS needs a certificate"));
        }
        let mut listeners = Vec::new();
        let doors = [
            ("submission.listen", &config.submission, false),
            ("submission.implicit_tls", &config.implicit_tls, true),
        ];
        for (key, addresses, implicit_tls) in doors {
            for address in addresses {
                let named =
                    |error: io::Error| io::Error::new(error.kind(), format!("{key} {address}: {error}"));
                let socket = TcpListener::bind(address).await.map_err(named)?;
                let address = socket.local_addr()?;
                listeners.push(Listener { socket, address, implicit_tls });
            }
        }
        let Services { accounts, domains, sending, clock, random } = services;
        let submission = Submission { accounts, domains, sending, throttle: Throttle::new(clock, &*random) };
        let crowd = Crowd::new(config.crowd);
        let shared = Shared {
            config,
            tls: tls.map(TlsAcceptor::from),
            submission: Arc::new(submission),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        Ok(Self { listeners, shared: Arc::new(shared), crowd })
    }

    /// Where the listeners with STARTTLS are, in the order of the configuration.
    pub fn submission(&self) -> Vec<SocketAddr> {
        self.addresses(false)
    }

    /// Where the listeners under TLS are, in the order of the configuration.
    pub fn implicit_tls(&self) -> Vec<SocketAddr> {
        self.addresses(true)
    }

    fn addresses(&self, implicit_tls: bool) -> Vec<SocketAddr> {
        let those = self.listeners.iter().filter(|listener| listener.implicit_tls == implicit_tls);
        those.map(|listener| listener.address).collect()
    }

    /// Serves until `shutdown` is cancelled, then finishes: no new connections, idle clients are told
    /// 421, messages under way may end within [`crate::config::Times::drain`].
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listeners, shared, crowd } = self;
        let clients = TaskTracker::new();
        let acceptors = TaskTracker::new();
        for listener in listeners {
            let (shared, crowd, clients) = (Arc::clone(&shared), Arc::clone(&crowd), clients.clone());
            acceptors.spawn(accept(listener, shared, crowd, clients));
        }
        shutdown.cancelled().await;
        shared.closing.cancel();
        acceptors.close();
        acceptors.wait().await;
        clients.close();
        if timeout(shared.config.times.drain, clients.wait()).await.is_err() {
            shared.closed.cancel();
            let _ = timeout(GOODBYE, clients.wait()).await;
        }
    }
}

async fn accept(listener: Listener, shared: Arc<Shared>, crowd: Arc<Crowd>, clients: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = shared.closing.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, listener.implicit_tls, &shared, &crowd, &clients),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    implicit_tls: bool,
    shared: &Arc<Shared>,
    crowd: &Arc<Crowd>,
    clients: &TaskTracker,
) {
    // A reply is small and waited for: it must not wait for the client's acknowledgement of what came before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "replies may be slow: no TCP_NODELAY");
    }
    let listener = if implicit_tls { "implicit_tls" } else { "starttls" };
    if crowd.is_full() || shared.submission.sending.is_crowded() {
        return turn_away(stream, implicit_tls, &crowded(421));
    }
    match crowd.enter(PeerKey::of(peer.ip())) {
        Ok(place) => {
            metrics::counter!("waxseal_smtp_connections_total", "listener" => listener).increment(1);
            let shared = Arc::clone(shared);
            clients.spawn(async move {
                let open = metrics::gauge!("waxseal_smtp_connections_open", "listener" => listener);
                open.increment(1);
                tracing::debug!(listener, peer = peer::class(peer.ip()), "connection opened");
                let end = Connection::serve(shared, stream, peer, implicit_tls, place).await;
                let failure = end.err().map(|error| error.kind());
                tracing::debug!(listener, ?failure, "connection closed");
                open.decrement(1);
            });
        }
        Err(full) => {
            let reason = match full {
                Full::Peer => "peer",
                Full::Total => "total",
            };
            metrics::counter!("waxseal_smtp_connections_refused_total", "reason" => reason).increment(1);
            let reply = Reply::new(421, 7, 0, "Too many connections; try again later");
            turn_away(stream, implicit_tls, &reply);
        }
    }
}

/// Tells a client that there is no place for it, if that can be done without waiting.
fn turn_away(stream: TcpStream, implicit_tls: bool, reply: &Reply) {
    if implicit_tls {
        return;
    }
    let mut wire = Vec::new();
    reply.write_to(&mut wire);
    // A fresh socket has room for a line; if not, the client learns by the closing alone.
    let _ = stream.into_std().and_then(|mut stream| stream.write_all(&wire));
}

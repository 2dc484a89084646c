//! Listening: sockets, TLS, connections, and closing in good order.

mod patience;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waxseal_net::{
    crowd::{Crowd, CrowdLimits},
    peer::PeerKey,
};

use crate::{
    config::HttpConfig,
    entry::{ApiService, Peer, service},
    state::Services,
};
use patience::Patient;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Most bytes of a request's line and headers.
const MAX_HEAD: usize = 64 * 1024;
/// Pause after the system refused a connection (out of descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The HTTP door with its sockets open.
pub struct HttpApi {
    config: HttpConfig,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    service: ApiService,
}

impl HttpApi {
    /// Opens the listening sockets; clients can connect from now on and are served by [`Self::serve`].
    pub async fn bind(config: HttpConfig, services: Services) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for address in &config.listen {
            let listener = TcpListener::bind(address)
                .await
                .map_err(|error| io::Error::new(error.kind(), format!("http.listen {address}: {error}")))?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        let service = service(&config, services);
        Ok(Self { config, listeners, addresses, service })
    }

    /// The addresses listened on, with the ports that port 0 became.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop`; then finishes what is in flight, within the configured time.
    pub async fn serve(self, stop: CancellationToken) {
        let limits = self.config.limits.clone();
        let door = Arc::new(Door {
            service: self.service,
            tls: self.config.tls.map(TlsAcceptor::from),
            header_timeout: limits.header_timeout,
            write_silence: limits.write_silence,
            slots: Arc::new(Semaphore::new(limits.connections)),
            crowd: Crowd::new(CrowdLimits {
                per_peer: limits.connections_per_peer,
                total: limits.connections,
                content_bytes: u64::MAX,
            }),
            tracker: TaskTracker::new(),
            stop: stop.clone(),
        });
        for listener in self.listeners {
            let door = Arc::clone(&door);
            door.tracker.clone().spawn(async move { door.accept_from(&listener).await });
        }
        stop.cancelled().await;
        door.tracker.close();
        if tokio::time::timeout(limits.drain, door.tracker.wait()).await.is_err() {
            tracing::warn!(connections = door.tracker.len(), "closing before all requests were answered");
        }
    }
}

struct Door {
    service: ApiService,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
    write_silence: Duration,
    slots: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// Accepts while there is a slot; the rest waits in the system's backlog.
    async fn accept_from(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = self.accept_one(listener) => accepted,
            };
            match accepted {
                Ok((stream, peer, slot)) => {
                    // Closed, not answered: an answer would take a handshake, and waiting for it.
                    let Ok(place) = self.crowd.enter(PeerKey::of(peer.ip())) else {
                        metrics::counter!("waxseal_http_connections_refused_total").increment(1);
                        continue;
                    };
                    let door = Arc::clone(self);
                    self.tracker.spawn(async move {
                        door.connection(stream, peer).await;
                        drop((slot, place));
                    });
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn accept_one(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer, slot))
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let open = metrics::gauge!("waxseal_http_connections_open");
        open.increment(1.0);
        match &self.tls {
            None => self.requests(stream, peer).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    self.requests(stream, peer).await;
                }
            }
        }
        open.decrement(1.0);
    }

    async fn requests<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer(peer.ip().to_canonical());
        let service = service_fn(|request: Request<Incoming>| {
            let service = self.service.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                Ok::<_, std::convert::Infallible>(service.answer(request).await)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(Patient::new(stream, self.write_silence)), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            // Faults of a connection are its client's; their texts can hold what it sent.
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

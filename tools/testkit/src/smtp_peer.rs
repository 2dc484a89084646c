//! SMTP servers that behave exactly as a test says: a counting sink, or the worst peer there is.
//!
//! A peer answers like a proper server (PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES,
//! and STARTTLS if it has a certificate) wherever its [`Script`] says nothing else, and records
//! every connection, command and message.

mod conversation;
pub mod identity;
pub mod script;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use identity::Certificate;
pub use script::{Greeting, Reaction, Script, StartTls};

/// Nothing that a test waits for takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message that arrived up to the end of its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// MAIL FROM with its parameters, as sent: `<a@b.example> SIZE=12`.
    pub mail: String,
    /// RCPT TO, as sent, of those that were accepted.
    pub recipients: Vec<String>,
    /// The content without dot-stuffing.
    pub content: Vec<u8>,
    /// Whether it came under TLS.
    pub tls: bool,
    /// Whether it was answered with 250.
    pub acknowledged: bool,
    /// The login, if there was one.
    pub login: Option<String>,
    /// Where the connection came from.
    pub from: Option<IpAddr>,
    /// What it called itself in EHLO or HELO.
    pub hello: String,
}

impl Received {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Whether the content holds a CR or LF that is not part of a CRLF.
    pub fn has_bare_line_ends(&self) -> bool {
        let content = &self.content;
        content.iter().enumerate().any(|(at, byte)| match byte {
            b'\n' => at == 0 || content[at - 1] != b'\r',
            b'\r' => content.get(at + 1) != Some(&b'\n'),
            _ => false,
        })
    }
}

/// What a peer saw.
#[derive(Default)]
pub struct Seen {
    /// Connections made, in all.
    pub connections: usize,
    /// Connections open now.
    pub open: usize,
    /// The most connections that were open at once.
    pub most_open: usize,
    /// By which names it was asked for in handshakes (SNI).
    pub server_names: Vec<String>,
    /// Commands in the order of their coming, of all connections.
    pub commands: Vec<String>,
    /// Contents that were read to their end, answered or not.
    pub contents: usize,
    /// Messages.
    pub messages: Vec<Received>,
}

/// A running SMTP server. It stops when it is dropped.
pub struct Peer {
    address: SocketAddr,
    certificate: Option<Certificate>,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Seen>,
    changed: watch::Sender<u64>,
}

impl Peer {
    /// A server on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", script).await
    }

    /// A server at this address.
    pub async fn start_at(address: &str, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let certificate = script.certificate.clone();
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            seen: Mutex::default(),
            changed: watch::channel(0).0,
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, certificate, shared, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its certificate, if it has one.
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// What it saw until now.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen()
    }

    /// The messages that it answered with 250.
    pub fn acknowledged(&self) -> Vec<Received> {
        self.seen().messages.iter().filter(|message| message.acknowledged).cloned().collect()
    }

    /// Changes its behaviour from the next command on.
    pub fn rescript(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.script());
        self.shared.note(|_| ());
    }

    /// Waits until `condition` holds for what it saw.
    ///
    /// # Panics
    /// It does not come to that for very long.
    pub async fn wait_for(&self, condition: impl Fn(&Seen) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let holds = async {
            while !condition(&self.seen()) {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, holds).await;
        assert!(
            ended.is_ok(),
            "the peer has seen {} messages, and waits for more",
            self.seen().messages.len()
        );
    }

    /// Waits until it has acknowledged `count` messages.
    pub async fn wait_for_messages(&self, count: usize) {
        let enough =
            |seen: &Seen| seen.messages.iter().filter(|message| message.acknowledged).count() >= count;
        self.wait_for(enough).await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reaction to a command, once there is one.
    async fn reaction(&self, verb: &str, argument: &str) -> Reaction {
        let mut changed = self.changed.subscribe();
        loop {
            let reaction = self.script().react(verb, argument);
            if reaction != Reaction::Held || changed.changed().await.is_err() {
                return reaction;
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen());
        self.changed.send_modify(|count| *count += 1);
    }
}

/// Counts a connection as open until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.note(|seen| {
            seen.connections += 1;
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
        });
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.note(|seen| seen.open -= 1);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Conversations end with the peer, because they are dropped with this task.
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let open = Open::new(Arc::clone(&shared));
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            // A client that hangs up is no fault of the peer.
            let _ = conversation::hold(stream, shared).await;
            drop(open);
        });
        while conversations.try_join_next().is_some() {}
    }
}

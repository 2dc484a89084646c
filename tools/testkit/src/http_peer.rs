//! An HTTP server that a customer's URL names: it answers as told and keeps what came.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::smtp_peer::Certificate;

/// What the server does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status without a body.
    Status(u16),
    /// These bytes, then the connection closes.
    Say(String),
    /// Nothing, for ever.
    Silence,
}

/// A request that came whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Request line.
    pub line: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    connections: Mutex<usize>,
    requests: Mutex<Vec<Request>>,
    changed: watch::Sender<u64>,
}

/// A running HTTP server. It stops when it is dropped.
pub struct HttpPeer {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl HttpPeer {
    /// A server on a free port of 127.0.0.1 that gives these answers, each once and the last for ever.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", None, answers).await
    }

    /// A server at this address, under TLS if there is a certificate.
    pub async fn start_at(
        address: &str,
        certificate: Option<&Certificate>,
        answers: impl IntoIterator<Item = Answer>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { answers: Mutex::new(answers.into_iter().collect()), ..Shared::default() });
        let acceptor = certificate.map(Certificate::acceptor);
        let server = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }

    /// The requests that came whole.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Gives these answers from now on, each once and the last for ever.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        *lock(&self.shared.answers) = answers.into_iter().collect();
    }

    /// Waits until so many requests came.
    pub async fn wait_for(&self, count: usize) -> Vec<Request> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            let requests = self.requests();
            if requests.len() >= count || changed.changed().await.is_err() {
                return requests;
            }
        }
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, acceptor: Option<tokio_rustls::TlsAcceptor>, shared: Arc<Shared>) {
    // Exchanges end with the server, because they are dropped with this task.
    let mut exchanges = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        *lock(&shared.connections) += 1;
        let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
        exchanges.spawn(async move {
            match acceptor {
                None => exchange(stream, &shared).await,
                Some(acceptor) => exchange(acceptor.accept(stream).await?, &shared).await,
            }
        });
        while exchanges.try_join_next().is_some() {}
    }
}

/// One request and its answer.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> io::Result<()> {
    let mut bytes = Vec::new();
    let request = loop {
        let mut piece = [0u8; 16 * 1024];
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&piece[..read]);
        if let Some(request) = whole(&bytes) {
            break request;
        }
    };
    let answer = {
        let mut answers = lock(&shared.answers);
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    };
    lock(&shared.requests).push(request);
    shared.changed.send_modify(|count| *count += 1);
    let text = match answer.unwrap_or(Answer::Status(200)) {
        Answer::Silence => std::future::pending().await,
        Answer::Say(text) => text,
        Answer::Status(status) => format!("HTTP/1.1 {status} Told so\r\nContent-Length: 0\r\n\r\n"),
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// The request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { line, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(request)
}

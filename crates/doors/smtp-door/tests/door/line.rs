//! A client that sends exactly what the test says.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// How long a reply may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) struct Line {
    stream: Box<dyn Stream>,
    kept: Vec<u8>,
}

impl Line {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut line = Self::connect_silently(address).await;
        assert_eq!(line.reply().await, "220 mail.example.org ESMTP Waxseal");
        line
    }

    pub(crate) async fn connect_silently(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream: Box::new(stream), kept: Vec::new() }
    }

    /// Speaks TLS from here on, trusting the certificate that the door made in this folder.
    pub(crate) async fn start_tls(self, folder: &Path) -> Self {
        let stream = connector(folder).connect(name(), self.stream).await.expect("a handshake");
        Self { stream: Box::new(stream), kept: Vec::new() }
    }

    /// Tries a handshake: whether it succeeded.
    pub(crate) async fn try_tls(self, folder: &Path) -> bool {
        timeout(PATIENCE, connector(folder).connect(name(), self.stream)).await.expect("an end").is_ok()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server takes it");
        self.stream.flush().await.expect("the server takes it");
    }

    /// Sends although the server may have hung up.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// The next reply, its lines joined by a newline; empty if the server hung up.
    pub(crate) async fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.line().await else { return lines.join("\n") };
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return lines.join("\n");
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.kept.windows(2).position(|pair| pair == b"\r\n") {
                let rest = self.kept.split_off(end + 2);
                let line = std::mem::replace(&mut self.kept, rest);
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut buffer = [0u8; 4096];
            match timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("a reply in time") {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.kept.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Sends a line and reads the reply.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    #[track_caller]
    pub(crate) fn expect<'a>(
        &'a mut self,
        line: &'a str,
        reply: &'a str,
    ) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let heard = self.say(line).await;
            assert!(heard.starts_with(reply), "{caller}: {line:?}: expected {reply:?}, heard {heard:?}");
            heard
        }
    }

    pub(crate) async fn login(&mut self, login: &str, password: &str) {
        let response = STANDARD.encode(format!("\0{login}\0{password}"));
        self.expect(&format!("AUTH PLAIN {response}"), "235 2.7.0").await;
    }

    /// Sends the envelope and DATA, and gives the reply to `content` with the final dot behind it.
    pub(crate) async fn submit(&mut self, from: &str, to: &[&str], content: &str) -> String {
        self.expect(&format!("MAIL FROM:<{from}>"), "250").await;
        for to in to {
            self.expect(&format!("RCPT TO:<{to}>"), "250").await;
        }
        self.expect("DATA", "354").await;
        self.send(content.as_bytes()).await;
        self.say("\r\n.").await
    }

    /// Everything until the server hangs up.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        loop {
            match self.reply().await {
                reply if reply.is_empty() => return all.join("\n"),
                reply => all.push(reply),
            }
        }
    }
}

fn connector(folder: &Path) -> TlsConnector {
    let pem = folder.join("data/tls-cert.pem");
    let certificate = CertificateDer::from_pem_file(pem).expect("the certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate to trust");
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// A message with this subject.
pub(crate) fn message(subject: &str) -> String {
    format!("From: app@mg.example.org\r\nTo: b@example.net\r\nSubject: {subject}\r\n\r\nhello\r\n")
}

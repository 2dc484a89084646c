//! A recipient's server for the proof: SMTP with STARTTLS, keeps what it takes in memory.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;
use waxseal_net::{Identity, server_tls};
use waxseal_smtp::{
    Reply,
    server::{Event, Limits, Message, Security, Session, SessionConfig},
};

/// A message as it arrived.
pub(crate) struct Arrived {
    /// MAIL FROM.
    pub(crate) reverse_path: String,
    /// RCPT TO.
    pub(crate) recipients: Vec<String>,
    /// Content.
    pub(crate) content: Vec<u8>,
    /// Whether it came under TLS.
    pub(crate) tls: bool,
}

/// The server; it ends when it is dropped.
pub(crate) struct Recipient {
    pub(crate) address: SocketAddr,
    pub(crate) arrived: mpsc::UnboundedReceiver<Arrived>,
    task: AbortHandle,
}

impl Drop for Recipient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the server says to RCPT of this address.
pub(crate) type Answers = fn(&str) -> Reply;

impl Recipient {
    /// Listens on loopback as `hostname` and takes everything; its certificate goes into `folder`.
    pub(crate) async fn start(hostname: &str, folder: &Path) -> Result<Self> {
        Self::answering(hostname, folder, |_| Reply::plain(250, "2.1.0 OK")).await
    }

    /// The same, with answers of its own to RCPT.
    pub(crate) async fn answering(hostname: &str, folder: &Path, answers: Answers) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let identity =
            Identity::SelfSigned { data_dir: folder.to_path_buf(), names: vec![hostname.to_owned()] };
        let tls = server_tls(&identity).context("certificate of the recipient's server")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (send, arrived) = mpsc::unbounded_channel();
        let hostname = hostname.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = Served { hostname: hostname.clone(), arrived: send.clone(), answers };
                tokio::spawn(connection(stream, tls.clone(), served));
            }
        });
        Ok(Self { address, arrived, task: task.abort_handle() })
    }
}

/// What a connection is served with.
struct Served {
    hostname: String,
    arrived: mpsc::UnboundedSender<Arrived>,
    answers: Answers,
}

async fn connection(mut stream: TcpStream, tls: Arc<ServerConfig>, served: Served) -> Result<()> {
    let security = Security::StartTls;
    let hostname = served.hostname.clone();
    let config = SessionConfig { hostname, limits: Limits::default(), security, auth_without_tls: false };
    let mut session = Session::new(config);
    session.greet();
    if !converse(&mut stream, &mut session, &served, false).await? {
        return Ok(());
    }
    let mut stream = TlsAcceptor::from(tls).accept(stream).await?;
    session.tls_started();
    converse(&mut stream, &mut session, &served, true).await?;
    Ok(())
}

/// Talks until the end, or until TLS is to start (`true`).
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    session: &mut Session,
    served: &Served,
    tls: bool,
) -> Result<bool> {
    let mut buffer = vec![0; 16 * 1024];
    let mut input: &[u8] = &[];
    loop {
        let event = session.advance(&mut input);
        match &event {
            Some(Event::Message(message)) => {
                let _ = served.arrived.send(taken(message, tls));
                session.answer(Reply::plain(250, "2.0.0 Taken"));
            }
            Some(Event::MailFrom(_)) => session.answer(Reply::plain(250, "2.1.0 OK")),
            Some(Event::RcptTo(mailbox)) => session.answer((served.answers)(mailbox.as_str())),
            Some(Event::Authenticate(_)) => session.answer(Reply::plain(535, "5.7.8 Nobody logs in here")),
            Some(Event::StartTls | Event::Close) | None => {}
        }
        stream.write_all(&session.take_output()).await?;
        stream.flush().await?;
        match event {
            Some(Event::StartTls) => return Ok(true),
            Some(Event::Close) => return Ok(false),
            Some(_) => {}
            None => match stream.read(&mut buffer).await? {
                0 => return Ok(false),
                read => input = buffer.get(..read).unwrap_or_default(),
            },
        }
    }
}

fn taken(message: &Message, tls: bool) -> Arrived {
    Arrived {
        reverse_path: message
            .envelope
            .mail_from
            .as_ref()
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default(),
        recipients: message.envelope.recipients.iter().map(|mailbox| mailbox.as_str().to_owned()).collect(),
        content: message.content.clone(),
        tls,
    }
}

//! One connection: moves bytes between the client and its session.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use waxseal_net::crowd::Place;
use waxseal_smtp::{
    Reply,
    server::{Event, Security, Session, SessionConfig},
};

use crate::{
    config::DoorConfig,
    pace::{Pace, Slow},
    submission::{Client, Submission},
};

/// How much is read at once.
const READ_SIZE: usize = 16 * 1024;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: DoorConfig,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) submission: Arc<Submission>,
    /// The door closes: finish the message under way, start no other.
    pub(crate) closing: CancellationToken,
    /// The time to finish is over.
    pub(crate) closed: CancellationToken,
}

/// One client.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    session: Session,
    client: Client,
    place: Place,
    pace: Pace,
    opened: Instant,
}

/// How a conversation ended.
enum End {
    Close,
    StartTls,
}

impl Connection {
    /// Serves a client until it goes or is sent away.
    pub(crate) async fn serve(
        shared: Arc<Shared>,
        stream: TcpStream,
        peer: SocketAddr,
        implicit_tls: bool,
        place: Place,
    ) -> io::Result<()> {
        let security = match (implicit_tls, &shared.tls) {
            (true, _) => Security::Tls,
            (false, Some(_)) => Security::StartTls,
            (false, None) => Security::Plain,
        };
        let session = Session::new(SessionConfig {
            hostname: shared.config.hostname.clone(),
            limits: shared.config.session,
            security,
            auth_without_tls: peer.ip().to_canonical().is_loopback(),
        });
        let client = Client::new(Arc::clone(&shared.submission), peer.ip());
        let opened = Instant::now();
        let pace = Pace::new(shared.config.times, opened);
        Self { shared, session, client, place, pace, opened }.run(stream, implicit_tls).await
    }

    async fn run(mut self, mut stream: TcpStream, implicit_tls: bool) -> io::Result<()> {
        if implicit_tls {
            let mut stream = self.handshake(stream).await?;
            self.greet(&mut stream).await?;
            self.talk(&mut stream).await?;
            return self.hang_up(stream).await;
        }
        self.greet(&mut stream).await?;
        match self.talk(&mut stream).await? {
            End::Close => self.hang_up(stream).await,
            End::StartTls => {
                let mut stream = self.handshake(stream).await?;
                self.session.tls_started();
                self.client.forget();
                self.pace.replied(Instant::now());
                self.talk(&mut stream).await?;
                self.hang_up(stream).await
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let acceptor = self.shared.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        timeout(self.shared.config.times.handshake, acceptor.accept(stream)).await?
    }

    /// Greets the client, after the delay in which only those speak that do not listen.
    async fn greet(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
        let delay = self.shared.config.times.greeting_delay;
        if !delay.is_zero() {
            let mut early = [0u8; 1];
            if let Ok(count) = timeout(delay, stream.read(&mut early)).await {
                let count = count?;
                self.session.advance(&mut &early[..count]);
            }
        }
        self.session.greet();
        self.flush(stream).await
    }

    /// Moves bytes until the session ends or asks for TLS.
    async fn talk(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<End> {
        let mut buffer = vec![0u8; READ_SIZE];
        let mut received = 0;
        loop {
            let mut input = &buffer[..received];
            while let Some(event) = self.session.advance(&mut input) {
                let reply = match event {
                    Event::MailFrom(mail) if !self.may_begin(mail.size) => crowded(451),
                    Event::MailFrom(mail) => self.client.mail_from(&mail).await,
                    Event::RcptTo(mailbox) => self.client.rcpt_to(&mailbox),
                    Event::Authenticate(credentials) => {
                        self.flush(stream).await?;
                        self.client.authenticate(credentials).await
                    }
                    Event::Message(message) => {
                        self.flush(stream).await?;
                        self.client.message(message).await
                    }
                    Event::StartTls => {
                        self.flush(stream).await?;
                        return Ok(End::StartTls);
                    }
                    Event::Close => {
                        self.flush(stream).await?;
                        return Ok(End::Close);
                    }
                };
                self.session.answer(reply);
            }
            // Whoever hears that a message was taken may rely on it that its room is free.
            self.place.hold(self.session.content_held());
            self.flush(stream).await?;
            received = match self.receive(stream, &mut buffer).await? {
                Some(0) => return Ok(End::Close),
                Some(received) => received,
                // The session was closed: the next round says goodbye.
                None => 0,
            };
        }
    }

    /// Waits for bytes: how many came, 0 if the client hung up, or `None` if the session was closed
    /// for want of them.
    async fn receive(
        &mut self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if !self.place.hold(self.session.content_held()) {
            self.session.close(&Reply::new(421, 3, 1, "Too much mail is coming in; try again later"));
            // What it held has gone with that: others need not wait until the connection has.
            self.place.hold(self.session.content_held());
            return Ok(None);
        }
        let finishing = self.session.is_in_transaction();
        if !finishing && self.opened.elapsed() > self.shared.config.times.connection {
            self.session.close(&Reply::new(
                421,
                4,
                2,
                "This connection has lasted long enough; connect again",
            ));
            return Ok(None);
        }
        loop {
            self.pace.expect(self.session.is_receiving_content(), Instant::now());
            tokio::select! {
                biased;
                () = self.shared.closed.cancelled() => return Ok(self.shut_down()),
                () = self.shared.closing.cancelled(), if !finishing => return Ok(self.shut_down()),
                read = timeout_at(self.pace.look_at(), stream.read(buffer)) => {
                    if let Ok(count) = read {
                        let count = count?;
                        self.pace.received(count);
                        return Ok(Some(count));
                    }
                }
            }
            if let Err(slow) = self.pace.judge(Instant::now()) {
                self.session.close(&too_slow(slow));
                return Ok(None);
            }
        }
    }

    /// Whether a message may be begun: there is likely to be room for all of it.
    fn may_begin(&self, size: Option<u64>) -> bool {
        self.place.may_begin(size) && !self.shared.submission.sending.is_crowded()
    }

    fn shut_down(&mut self) -> Option<usize> {
        self.session.close(&Reply::new(421, 3, 2, "Shutting down; connect again"));
        None
    }

    /// Sends what the session wrote.
    async fn flush(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Ok(());
        }
        timeout(self.shared.config.times.write, async {
            stream.write_all(&output).await?;
            stream.flush().await
        })
        .await??;
        self.pace.replied(Instant::now());
        Ok(())
    }

    /// Ends the stream so that the client can read our last words: closing with bytes unread would make
    /// the kernel reset the connection.
    async fn hang_up(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        const LINGER: std::time::Duration = std::time::Duration::from_secs(2);
        const MOST: usize = 64;
        let _ = timeout(LINGER, async {
            stream.shutdown().await?;
            let mut rest = vec![0u8; READ_SIZE];
            for _ in 0..MOST {
                if stream.read(&mut rest).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        })
        .await;
        Ok(())
    }
}

/// What clients hear while others take most of the room: with 421 before they have said anything, with 451 at MAIL.
pub(crate) fn crowded(code: u16) -> Reply {
    metrics::counter!("waxseal_load_shed_total", "door" => "smtp").increment(1);
    Reply::new(code, 3, 2, "Too much mail is coming in; try again later")
}

fn too_slow(slow: Slow) -> Reply {
    match slow {
        Slow::Command => Reply::new(421, 4, 2, "Timeout waiting for a command"),
        Slow::Content => Reply::new(421, 4, 2, "The message came too slowly"),
    }
}

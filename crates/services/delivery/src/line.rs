//! One connection to a peer: moves bytes for its SMTP session and watches the time.

use std::{future::poll_fn, io, net::IpAddr, pin::Pin, task::Poll, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::Instant,
};
use waxseal_model::Timestamp;
use waxseal_net::{ClientTls, ClientTlsError, ServerNames, Stream, TlsPeer};
use waxseal_smtp::client::{Session, Step, Transaction, Verdict, Wait};

use crate::{
    board::Route,
    config::Timeouts,
    open::{Refusal, Wish},
    recall::Recall,
    second_copy::EndNote,
};

/// Whom we talk to, for events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) host: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) sending_ip: Option<IpAddr>,
    /// `None`: in the clear.
    pub(crate) tls: Option<TlsPeer>,
    /// Whether its certificate is one that its TLSA records tell of, for the domain it was last used for.
    pub(crate) is_told_of: bool,
}

impl Contact {
    /// Whether the certificate is good: by its issuer, or by the DNS.
    pub(crate) fn is_verified(&self) -> bool {
        self.tls.as_ref().is_some_and(|peer| peer.is_verified() || self.is_told_of)
    }
}

/// Where the line stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The session wants TLS.
    Handshake,
    /// The session takes a message.
    Ready,
    /// A message is done.
    Finished(Vec<Verdict>),
    /// The connection is of no more use.
    Over,
}

/// A connection with its session.
pub(crate) struct Line {
    stream: Option<Stream>,
    pub(crate) session: Session,
    pub(crate) contact: Contact,
    /// Messages that went over it.
    pub(crate) used: u32,
    /// Domains for which it is counted as a session.
    counted_for: Vec<Box<str>>,
    /// Why it is in the clear, if TLS was tried before.
    pub(crate) without_tls: Option<Refusal>,
    timeouts: Timeouts,
    buffer: Box<[u8]>,
    /// What has to be on record before the end of the message goes out.
    end_note: Option<EndNote>,
    /// Asked before the content goes out.
    recall: Option<Recall>,
    /// That could not be written, and the end was kept back.
    is_withheld: bool,
    /// When the current wait began, and how many replies had come by then.
    waiting: Option<(Instant, u64)>,
}

impl Line {
    pub(crate) fn new(stream: Stream, session: Session, contact: Contact, timeouts: Timeouts) -> Self {
        let buffer = vec![0; 8 * 1024].into_boxed_slice();
        Self {
            stream: Some(stream),
            session,
            contact,
            used: 0,
            counted_for: Vec::new(),
            without_tls: None,
            timeouts,
            buffer,
            end_note: None,
            recall: None,
            is_withheld: false,
            waiting: None,
        }
    }

    /// Whether it is a session of the route's domain already; from now on it is. One in which a report goes is none: what
    /// other mail makes of the connection afterwards is.
    pub(crate) fn is_counted_for(&mut self, route: &Route, wish: &Wish) -> bool {
        let is_counted = wish.regardless || self.counted_for.iter().any(|domain| **domain == *route.told());
        if !is_counted {
            self.counted_for.push(route.told().into());
        }
        is_counted
    }

    /// Runs until somebody else has to do something.
    pub(crate) async fn run(&mut self) -> Stop {
        loop {
            match self.session.step() {
                Step::Send(_) if !self.may_send() => self.session.failed(),
                Step::Send(wait) => self.send(wait).await,
                Step::Check => {
                    let noted = self.note_end().await;
                    self.check().await;
                    if noted {
                        self.session.checked();
                    } else {
                        // The connection is of no more use: in the middle of a message there is no way back.
                        self.is_withheld = true;
                        self.session.failed();
                    }
                }
                Step::Receive(wait) => self.receive(wait).await,
                Step::Handshake => return Stop::Handshake,
                Step::Ready => return Stop::Ready,
                Step::Finished(verdicts) => {
                    self.used += 1;
                    return Stop::Finished(verdicts);
                }
                Step::Over => {
                    self.stream = None;
                    return Stop::Over;
                }
            }
        }
    }

    /// Makes the handshake that [`Stop::Handshake`] asks for, with the server under this name; `None`: under its own.
    pub(crate) async fn secure(
        &mut self,
        tls: &ClientTls,
        asked: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ClientTlsError> {
        let lost = || ClientTlsError::Handshake("the connection is gone".into());
        let stream = self.stream.take().ok_or_else(lost)?;
        let limit = self.timeouts.of(Wait::StartTls);
        // Its issuer's word is about its own name, also for mail to other domains.
        let checked = &*self.contact.host;
        let names = ServerNames { asked: asked.unwrap_or(checked), checked };
        let (stream, peer) = stream.secure(tls, names, now, limit).await?;
        self.stream = Some(stream);
        self.contact.tls = Some(peer);
        self.session.secured();
        Ok(())
    }

    /// Whether what is to be noted before the end of a message is on record, if the end comes next.
    async fn note_end(&mut self) -> bool {
        if !self.session.is_ending() {
            return true;
        }
        match self.end_note.take() {
            Some(note) => note.write().await,
            None => true,
        }
    }

    /// Whether what comes next may go out: content that was recalled must not.
    fn may_send(&self) -> bool {
        !self.session.is_sending_content() || self.recall.as_ref().is_none_or(Recall::begin)
    }

    /// Hands over a message and waits for the verdicts, unless it is recalled. Its end goes out after `end_note`
    /// was written; `None` if that cannot be written now: then nobody has the message, and the peer is not to blame.
    pub(crate) async fn transact(
        &mut self,
        transaction: Transaction,
        end_note: EndNote,
        recall: Recall,
    ) -> Option<Vec<Verdict>> {
        self.end_note = Some(end_note);
        self.recall = Some(recall);
        self.session.begin(transaction);
        let stop = self.run().await;
        if self.is_withheld {
            return None;
        }
        Some(match stop {
            Stop::Finished(verdicts) => verdicts,
            // A session ends every transaction with verdicts; none at all reads as "not done".
            Stop::Ready | Stop::Handshake | Stop::Over => Vec::new(),
        })
    }

    /// Whether another message may go over it. Notices when the peer has hung up meanwhile.
    pub(crate) async fn is_ready(&mut self) -> bool {
        self.check().await;
        self.run().await == Stop::Ready
    }

    /// Waits until the peer says something or hangs up, which an idle peer does only to end.
    pub(crate) async fn disturbed(&mut self) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.read(&mut self.buffer[..1]).await;
        }
    }

    /// Says good-bye, briefly.
    pub(crate) async fn quit(mut self) {
        self.session.quit();
        self.run().await;
    }

    async fn send(&mut self, wait: Wait) {
        let output = self.session.take_output();
        let limit = self.timeouts.of(wait);
        let written = tokio::time::timeout(limit, self.write_watching(&output)).await;
        self.waiting = None;
        match written {
            Ok(Ok(())) => self.session.sent(),
            Ok(Err(_)) => {
                // The peer may have said why before it hung up.
                self.check().await;
                self.session.failed();
            }
            Err(_) => self.session.timed_out(),
        }
    }

    /// Writes everything, and reads meanwhile so that a peer that refuses in the middle of a message
    /// is heard at once and never blocks us.
    async fn write_watching(&mut self, output: &[u8]) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let watch = self.session.is_sending_content();
        if !watch {
            stream.write_all(output).await?;
            return stream.flush().await;
        }
        let mut written = 0;
        let (session, buffer) = (&mut self.session, &mut self.buffer);
        poll_fn(|cx| {
            loop {
                let mut read = ReadBuf::new(buffer);
                match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                    Poll::Ready(Ok(())) if read.filled().is_empty() => {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    Poll::Ready(Ok(())) => {
                        session.receive(read.filled());
                        if session.fault().is_some() {
                            return Poll::Ready(Ok(()));
                        }
                        continue;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
                let rest = output.get(written..).unwrap_or_default();
                if rest.is_empty() {
                    return Pin::new(&mut *stream).poll_flush(cx);
                }
                match Pin::new(&mut *stream).poll_write(cx, rest) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => written += count,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    async fn receive(&mut self, wait: Wait) {
        let replies = self.session.replies();
        let since = match self.waiting {
            Some((since, then)) if then == replies => since,
            _ => Instant::now(),
        };
        self.waiting = Some((since, replies));
        let left = self.timeouts.of(wait).saturating_sub(since.elapsed());
        let Some(stream) = &mut self.stream else { return self.session.failed() };
        match tokio::time::timeout(left.max(Duration::from_millis(1)), stream.read(&mut self.buffer)).await {
            Ok(Ok(0)) => self.session.closed(),
            Ok(Ok(count)) => self.session.receive(self.buffer.get(..count).unwrap_or_default()),
            Ok(Err(_)) => self.session.failed(),
            Err(_) => self.session.timed_out(),
        }
    }

    /// Feeds what has already arrived.
    async fn check(&mut self) {
        loop {
            let Some(stream) = &mut self.stream else { return };
            let mut read = ReadBuf::new(&mut self.buffer);
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_read(cx, &mut read))).await;
            match polled {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => self.session.receive(read.filled()),
                Poll::Ready(Ok(())) => return self.session.closed(),
                Poll::Ready(Err(_)) => return self.session.failed(),
            }
            if self.session.fault().is_some() {
                return;
            }
        }
    }
}

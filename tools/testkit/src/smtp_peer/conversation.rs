//! One conversation of a scripted peer.

use std::{future::pending, io, net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Greeting, Reaction, Received, Shared, StartTls};

/// How a conversation ends.
enum End {
    /// The connection closes.
    Close,
    /// The connection is reset.
    Reset,
    /// TLS starts.
    StartTls,
}

/// The state of a conversation.
#[derive(Default)]
struct State {
    mail: Option<String>,
    recipients: Vec<String>,
    login: Option<String>,
    tls: bool,
    from: Option<IpAddr>,
    hello: String,
}

pub(super) async fn hold(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let from = stream.peer_addr().ok().map(|address| address.ip());
    let mut state = State { from, ..State::default() };
    let acceptor = shared.script().certificate.as_ref().map(super::Certificate::acceptor);
    let implicit = shared.script().implicit_tls;
    let Some(acceptor) = acceptor else {
        let mut plain = BufReader::new(stream);
        let end = Talk { io: &mut plain, shared: &shared, state: &mut state }.run(true).await?;
        return finish(plain.into_inner(), &end);
    };
    if implicit {
        state.tls = true;
        let mut tls = BufReader::new(accept(&acceptor, stream, &shared).await?);
        let end = Talk { io: &mut tls, shared: &shared, state: &mut state }.run(true).await?;
        return finish(into_tcp(tls.into_inner()), &end);
    }
    let mut plain = BufReader::new(stream);
    let end = Talk { io: &mut plain, shared: &shared, state: &mut state }.run(true).await?;
    if !matches!(end, End::StartTls) {
        return finish(plain.into_inner(), &end);
    }
    // What the client sent in the clear behind STARTTLS is dropped with the buffer.
    let mut tls = BufReader::new(accept(&acceptor, plain.into_inner(), &shared).await?);
    state = State { tls: true, from, ..State::default() };
    let end = Talk { io: &mut tls, shared: &shared, state: &mut state }.run(false).await?;
    finish(into_tcp(tls.into_inner()), &end)
}

async fn accept(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    shared: &Shared,
) -> io::Result<TlsStream<TcpStream>> {
    let tls = acceptor.accept(stream).await?;
    if let Some(name) = tls.get_ref().1.server_name() {
        shared.note(|seen| seen.server_names.push(name.to_owned()));
    }
    Ok(tls)
}

fn into_tcp(tls: TlsStream<TcpStream>) -> TcpStream {
    tls.into_inner().0
}

fn finish(stream: TcpStream, end: &End) -> io::Result<()> {
    if matches!(end, End::Reset) {
        stream.set_zero_linger()?;
    }
    Ok(())
}

struct Talk<'a, S> {
    io: &'a mut BufReader<S>,
    shared: &'a Shared,
    state: &'a mut State,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn run(mut self, greet: bool) -> io::Result<End> {
        if greet && let Some(end) = self.greet().await? {
            return Ok(end);
        }
        loop {
            let mut line = Vec::new();
            if self.io.read_until(b'\n', &mut line).await? == 0 {
                return Ok(End::Close);
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.shared.note(|seen| seen.commands.push(line.clone()));
            let (verb, argument) = line.split_once([' ', ':']).unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let reaction = self.shared.reaction(&verb, argument).await;
            if let Some(end) = self.perform(&verb, argument, reaction).await? {
                return Ok(end);
            }
        }
    }

    async fn greet(&mut self) -> io::Result<Option<End>> {
        let (greeting, proper) = {
            let script = self.shared.script();
            (script.greeting.clone(), format!("220 {} ESMTP\r\n", script.name()))
        };
        match greeting {
            Greeting::Proper => self.say(&proper).await?,
            Greeting::Say(text) => self.say(&text).await?,
            Greeting::Drip(pause) => {
                for byte in proper.chars() {
                    tokio::time::sleep(pause).await;
                    self.say(&byte.to_string()).await?;
                }
            }
            Greeting::Endless => loop {
                self.say("220-and another thing\r\n").await?;
            },
            Greeting::Silence => pending().await,
            Greeting::Close => return Ok(Some(End::Close)),
        }
        Ok(None)
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.io.get_mut().write_all(text.as_bytes()).await?;
        self.io.get_mut().flush().await
    }

    async fn perform(&mut self, verb: &str, argument: &str, reaction: Reaction) -> io::Result<Option<End>> {
        match reaction {
            Reaction::Proper => self.proper(verb, argument).await,
            Reaction::Late(pause) => {
                tokio::time::sleep(pause).await;
                self.proper(verb, argument).await
            }
            Reaction::Say(text) => self.follow(verb, argument, &text).await,
            other => self.speak(other, "").await,
        }
    }

    /// Reacts without any change of state.
    async fn speak(&mut self, reaction: Reaction, proper: &str) -> io::Result<Option<End>> {
        let (text, end) = match &reaction {
            Reaction::Proper => (proper, None),
            Reaction::Late(pause) => {
                tokio::time::sleep(*pause).await;
                (proper, None)
            }
            Reaction::Say(text) => (text.as_str(), None),
            Reaction::SayAndClose(text) => (text.as_str(), Some(End::Close)),
            Reaction::SayAndReset(text) => (text.as_str(), Some(End::Reset)),
            Reaction::Close => ("", Some(End::Close)),
            Reaction::Silence => return self.keep_silent().await,
            Reaction::Held => pending().await,
        };
        self.say(text).await?;
        Ok(end)
    }

    /// Says nothing until the client hangs up; what it goes on to say is not read.
    async fn keep_silent(&mut self) -> io::Result<Option<End>> {
        if self.io.fill_buf().await?.is_empty() {
            return Ok(Some(End::Close));
        }
        pending().await
    }

    /// Says `text` and changes state as its first digit means.
    async fn follow(&mut self, verb: &str, argument: &str, text: &str) -> io::Result<Option<End>> {
        self.say(text).await?;
        match (verb, text.as_bytes().first()) {
            ("EHLO" | "HELO", _) => argument.clone_into(&mut self.state.hello),
            ("MAIL", Some(b'2')) => self.state.mail = Some(argument.into()),
            ("RCPT", Some(b'2')) => self.state.recipients.push(argument.into()),
            ("DATA", Some(b'3')) => return self.content().await,
            ("QUIT", _) => return Ok(Some(End::Close)),
            _ => {}
        }
        Ok(None)
    }

    async fn proper(&mut self, verb: &str, argument: &str) -> io::Result<Option<End>> {
        let locked = self.shared.script().credentials.is_some() && self.state.login.is_none();
        let reply = match verb {
            "EHLO" => self.shared.script().ehlo(self.state.tls),
            "HELO" => format!("250 {}\r\n", self.shared.script().name()),
            "STARTTLS" => return self.starttls().await,
            "AUTH" => return self.auth(argument).await,
            "MAIL" if locked => "530 5.7.0 Authentication required\r\n".into(),
            "MAIL" => {
                self.state.recipients.clear();
                "250 2.1.0 Sender ok\r\n".into()
            }
            "RCPT" if self.state.mail.is_none() => "503 5.5.1 MAIL first\r\n".into(),
            "RCPT" => "250 2.1.5 Recipient ok\r\n".into(),
            "DATA" if self.state.recipients.is_empty() => "503 5.5.1 RCPT first\r\n".into(),
            "DATA" => "354 Go ahead\r\n".into(),
            "RSET" => {
                self.reset();
                "250 2.0.0 Reset\r\n".into()
            }
            "NOOP" => "250 2.0.0 Ok\r\n".into(),
            "QUIT" => "221 2.0.0 Bye\r\n".into(),
            _ => "500 5.5.2 What?\r\n".into(),
        };
        self.follow(verb, argument, &reply).await
    }

    fn reset(&mut self) {
        self.state.mail = None;
        self.state.recipients.clear();
    }

    async fn starttls(&mut self) -> io::Result<Option<End>> {
        let (starttls, possible) = {
            let script = self.shared.script();
            (script.starttls.clone(), script.certificate.is_some() && !self.state.tls)
        };
        if !possible {
            self.say("502 5.5.1 No TLS here\r\n").await?;
            return Ok(None);
        }
        match starttls {
            StartTls::Proper => {
                self.say("220 2.0.0 Go ahead\r\n").await?;
                Ok(Some(End::StartTls))
            }
            StartTls::Plaintext => {
                self.say("220 2.0.0 Go ahead\r\n").await?;
                self.io.read_u8().await?;
                self.say("250 mx.test I do not feel like it\r\n").await?;
                Ok(Some(End::Close))
            }
            StartTls::Inject => {
                self.say("220 2.0.0 Go ahead\r\n250 mx.test\r\n").await?;
                Ok(Some(End::StartTls))
            }
            StartTls::Alert => {
                self.say("220 2.0.0 Go ahead\r\n").await?;
                self.io.read_u8().await?;
                self.io.get_mut().write_all(b"\x15\x03\x01\x00\x02\x02\x46").await?;
                // Read on, so that the alert is not lost to a reset.
                let mut rest = Vec::new();
                let _ = tokio::time::timeout(Duration::from_secs(1), self.io.read_to_end(&mut rest)).await;
                Ok(Some(End::Close))
            }
        }
    }

    async fn auth(&mut self, argument: &str) -> io::Result<Option<End>> {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let decode = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let given = if mechanism.eq_ignore_ascii_case("LOGIN") {
            let login = self.ask("334 VXNlcm5hbWU6\r\n").await?;
            let password = self.ask("334 UGFzc3dvcmQ6\r\n").await?;
            decode(&login).zip(decode(&password))
        } else {
            decode(initial).and_then(|text| {
                let mut parts = text.split('\0').skip(1).map(String::from);
                parts.next().zip(parts.next())
            })
        };
        if given.is_some() && given == self.shared.script().credentials {
            self.state.login = given.map(|(login, _)| login);
            self.say("235 2.7.0 Welcome\r\n").await?;
        } else {
            self.say("535 5.7.8 Wrong login or password\r\n").await?;
        }
        Ok(None)
    }

    async fn ask(&mut self, challenge: &str) -> io::Result<String> {
        self.say(challenge).await?;
        let mut line = String::new();
        self.io.read_line(&mut line).await?;
        Ok(line.trim_end().into())
    }

    /// Reads content up to its end and answers.
    async fn content(&mut self) -> io::Result<Option<End>> {
        let reaction = self.shared.reaction("content", "").await;
        if reaction != Reaction::Proper {
            // In the middle: after the first bytes of the content.
            self.io.fill_buf().await?;
            if let Some(end) = self.speak(reaction, "").await? {
                return Ok(Some(end));
            }
        }
        let Some(content) = self.read_content().await? else { return Ok(Some(End::Close)) };
        let mail = self.state.mail.take().unwrap_or_default();
        let recipients = std::mem::take(&mut self.state.recipients);
        self.shared.note(|seen| seen.contents += 1);
        let reaction = self.shared.reaction(".", "").await;
        let acknowledged = match &reaction {
            Reaction::Proper | Reaction::Late(_) => true,
            Reaction::Say(text) | Reaction::SayAndClose(text) | Reaction::SayAndReset(text) => {
                text.starts_with('2')
            }
            Reaction::Close | Reaction::Silence | Reaction::Held => false,
        };
        let (tls, login, from) = (self.state.tls, self.state.login.clone(), self.state.from);
        let hello = self.state.hello.clone();
        self.shared.note(|seen| {
            let received = Received { mail, recipients, content, tls, acknowledged, login, from, hello };
            seen.messages.push(received);
        });
        self.speak(reaction, "250 2.0.0 Taken\r\n").await
    }

    async fn read_content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.io.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            // Only CRLF.CRLF ends the content.
            if line == b".\r\n" && (content.is_empty() || content.ends_with(b"\r\n")) {
                return Ok(Some(content));
            }
            let stuffed = line.starts_with(b".") && (content.is_empty() || content.ends_with(b"\n"));
            content.extend_from_slice(&line[usize::from(stuffed)..]);
        }
    }
}

//! Dialogues with the server's side, whole and cut to pieces.

mod auth;
mod chunks;
mod dialogue;
mod limits;
mod relay;
mod segmentation;
mod smuggling;
mod starttls;

use super::*;

/// A session with a driver that lets `user`/`secret` in, sends only for those who are in, refuses the
/// recipient `refused@…`, and takes every message.
pub(super) struct Client {
    session: Session,
    /// Messages taken: sender, recipients, content.
    pub(super) messages: Vec<(Option<String>, Vec<String>, Vec<u8>)>,
    /// Everything the server wrote.
    pub(super) heard: Vec<u8>,
    /// Logins that were checked.
    pub(super) logins: Vec<String>,
    pub(super) closed: bool,
    pub(super) wants_tls: bool,
    open_to_all: bool,
}

pub(super) fn config() -> SessionConfig {
    SessionConfig {
        hostname: "mail.example.org".into(),
        limits: Limits::default(),
        security: Security::Tls,
        auth_without_tls: false,
    }
}

impl Client {
    /// A client that has to authenticate.
    pub(super) fn new(config: SessionConfig) -> Self {
        let mut session = Session::new(config);
        session.greet();
        Self {
            session,
            messages: Vec::new(),
            heard: Vec::new(),
            logins: Vec::new(),
            closed: false,
            wants_tls: false,
            open_to_all: false,
        }
    }

    /// A client that may send without AUTH and has said EHLO.
    pub(super) fn trusted() -> Self {
        Self::trusted_with(config())
    }

    pub(super) fn trusted_with(config: SessionConfig) -> Self {
        let mut client = Self::new(config);
        client.open_to_all = true;
        client.send(b"EHLO client.example\r\n");
        client.heard.clear();
        client
    }

    /// Sends bytes as one segment.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let mut input = bytes;
        while let Some(event) = self.session.advance(&mut input) {
            match event {
                Event::Close => {
                    self.closed = true;
                    break;
                }
                Event::StartTls => {
                    self.wants_tls = true;
                    assert!(input.is_empty(), "what came with STARTTLS is dropped");
                    break;
                }
                event => {
                    let reply = self.decide(event);
                    self.session.answer(reply);
                }
            }
        }
        self.heard.extend(self.session.take_output());
    }

    fn decide(&mut self, event: Event) -> Reply {
        match event {
            Event::Authenticate(credentials) => {
                self.logins.push(credentials.login.to_string());
                match (credentials.login.as_str(), credentials.password.as_str()) {
                    ("user", "secret") => replies::authenticated(),
                    ("down", _) => Reply::new(454, 7, 0, "Temporary authentication failure"),
                    _ => replies::wrong_credentials(),
                }
            }
            Event::MailFrom(_) if self.open_to_all || self.session.is_authenticated() => replies::sender_ok(),
            Event::MailFrom(_) => replies::authentication_required(),
            Event::RcptTo(mailbox) if mailbox.local_part() == "refused" => Reply::new(550, 1, 1, "No"),
            Event::RcptTo(_) => replies::recipient_ok(),
            Event::Message(message) => {
                let recipients = message.envelope.recipients.into_iter().map(Mailbox::into_string).collect();
                let sender = message.envelope.mail_from.map(Mailbox::into_string);
                self.messages.push((sender, recipients, message.content));
                Reply::new(250, 0, 0, format!("OK <{}>", self.messages.len()))
            }
            Event::StartTls | Event::Close => unreachable!("handled by the caller"),
        }
    }

    pub(super) fn finish_tls(&mut self) {
        assert!(std::mem::take(&mut self.wants_tls), "STARTTLS was accepted");
        self.session.tls_started();
    }

    /// Sends a line and gives the replies to it, without CRLF at the end.
    pub(super) fn line(&mut self, line: &str) -> String {
        self.session.take_output();
        self.heard.clear();
        self.send(format!("{line}\r\n").as_bytes());
        self.text().trim_end_matches("\r\n").to_owned()
    }

    /// Sends lines, each of which must be answered by what starts so.
    #[track_caller]
    pub(super) fn expect(&mut self, dialogue: &[(&str, &str)]) {
        for (line, reply) in dialogue {
            let heard = self.line(line);
            assert!(heard.starts_with(reply), "{line:?}: expected {reply:?}, heard {heard:?}");
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

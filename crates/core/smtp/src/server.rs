//! The server's side of a session, without I/O and without a clock.
//!
//! A driver shows the session what it received ([`Session::advance`]), sends what the session wrote
//! ([`Session::take_output`]), and answers its events ([`Session::answer`]). The session keeps the
//! order of commands, the limits and the line ends; who may do what is the driver's to say.

mod auth;
mod body;
mod command;
mod limits;
mod receive;
pub mod replies;
mod transaction;

use limits::Counters;
use receive::Mode;
use transaction::Transaction;

pub use auth::Credentials;
pub use command::{Body, MailFrom, Mechanism};
pub use limits::Limits;
pub use transaction::{Envelope, Message};

use crate::{
    capabilities::{Capabilities, Mechanisms},
    path::Mailbox,
    reply::{Class, Reply},
};

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, or since STARTTLS.
    Tls,
    /// No TLS; STARTTLS is offered.
    StartTls,
    /// No TLS, and none to be had.
    Plain,
}

/// What a session starts from.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Our name in the greeting and in the answer to EHLO.
    pub hostname: String,
    /// Limits.
    pub limits: Limits,
    /// Protection at the start.
    pub security: Security,
    /// Whether AUTH may be used without TLS: only for peers on this machine.
    pub auth_without_tls: bool,
}

/// What the driver has to do or to decide.
pub enum Event {
    /// Check these, then [`Session::answer`]: success lets the client in.
    Authenticate(Credentials),
    /// May this sender start a message? Then [`Session::answer`].
    MailFrom(MailFrom),
    /// May the message go to this recipient? Then [`Session::answer`].
    RcptTo(Mailbox),
    /// Take responsibility for this message, then [`Session::answer`] with success, or with a refusal.
    Message(Message),
    /// Send the output, shake hands, forget what was received before, then [`Session::tls_started`].
    StartTls,
    /// Send the output and close the connection.
    Close,
}

/// What the session waits for the driver to answer.
enum Question {
    Authenticate,
    MailFrom(MailFrom),
    RcptTo(Mailbox),
    Message,
    StartTls,
}

/// One connection of a client.
pub struct Session {
    config: SessionConfig,
    mode: Mode,
    greeted: bool,
    said_hello: bool,
    authenticated: bool,
    transaction: Option<Transaction>,
    counters: Counters,
    output: Vec<u8>,
}

impl Session {
    /// A session before its greeting.
    pub fn new(config: SessionConfig) -> Self {
        let mode = Mode::command(&config.limits);
        Self {
            config,
            mode,
            greeted: false,
            said_hello: false,
            authenticated: false,
            transaction: None,
            counters: Counters::default(),
            output: Vec::new(),
        }
    }

    /// Greets the client. Whoever speaks before is no mail client and is sent away.
    pub fn greet(&mut self) {
        if !self.greeted {
            self.greeted = true;
            replies::greeting(&self.config.hostname).write_to(&mut self.output);
        }
    }

    /// What is to be sent, in order. Empty if there is nothing.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether content is being received, for which drivers have other time limits than for commands.
    pub const fn is_receiving_content(&self) -> bool {
        matches!(self.mode, Mode::Data(_) | Mode::Chunk { .. })
    }

    /// How many bytes of a message the session holds.
    pub fn content_held(&self) -> u64 {
        match (&self.mode, &self.transaction) {
            (Mode::Data(decoder), _) => decoder.held(),
            (_, Some(transaction)) => transaction.held(),
            (_, None) => 0,
        }
    }

    /// Whether the client is between MAIL and the answer to its message.
    pub const fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether AUTH succeeded.
    pub const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Says `reply` and ends the session: a time limit, a shutdown.
    pub fn close(&mut self, reply: &Reply) {
        if !matches!(self.mode, Mode::Closed) {
            reply.write_to(&mut self.output);
            self.mode = Mode::Closed;
            self.transaction = None;
        }
    }

    /// The handshake after [`Event::StartTls`] succeeded: the session starts anew, nothing that was said
    /// in the clear counts. What it has used up of its limits stays used.
    pub fn tls_started(&mut self) {
        if let Mode::Waiting(Question::StartTls) = self.mode {
            self.config.security = Security::Tls;
            self.said_hello = false;
            self.authenticated = false;
            self.transaction = None;
            self.mode = Mode::command(&self.config.limits);
        }
    }

    /// Answers the last event. A success (2xx) accepts; anything else refuses, and a 421 also ends the
    /// session. Without an open event nothing happens.
    pub fn answer(&mut self, reply: Reply) {
        let waiting =
            matches!(&self.mode, Mode::Waiting(question) if !matches!(question, Question::StartTls));
        if !waiting {
            return;
        }
        let mode = std::mem::replace(&mut self.mode, Mode::command(&self.config.limits));
        let Mode::Waiting(question) = mode else { return };
        if reply.is_success() {
            self.accepted(question);
            reply.write_to(&mut self.output);
            return;
        }
        match question {
            // The client did nothing wrong if the store is down.
            Question::Authenticate if reply.class() == Class::Permanent => self.auth_failed(reply),
            Question::Message => {
                self.transaction = None;
                self.error(reply);
            }
            Question::Authenticate | Question::MailFrom(_) | Question::RcptTo(_) | Question::StartTls => {
                self.error(reply);
            }
        }
    }

    fn accepted(&mut self, question: Question) {
        match question {
            Question::Authenticate => self.authenticated = true,
            Question::MailFrom(mail) => self.transaction = Some(Transaction::new(mail)),
            Question::RcptTo(mailbox) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipients.push(mailbox);
                }
            }
            Question::Message => {
                self.transaction = None;
                self.counters.message_taken();
            }
            Question::StartTls => {}
        }
    }

    /// Answers with an error and counts it; too many end the session.
    fn error(&mut self, reply: Reply) {
        self.counters.errors += 1;
        if reply.code() == 421 {
            self.close(&reply);
        } else if self.counters.errors > self.config.limits.errors {
            self.close(&replies::too_many_errors());
        } else {
            reply.write_to(&mut self.output);
        }
    }

    fn auth_failed(&mut self, reply: Reply) {
        self.counters.auth_failures += 1;
        self.error(reply);
        if self.counters.auth_failures >= self.config.limits.auth_failures {
            self.close(&replies::too_many_auth_failures());
        }
    }

    fn may_authenticate(&self) -> bool {
        self.config.security == Security::Tls || self.config.auth_without_tls
    }

    fn capabilities(&self) -> Capabilities {
        let auth = self.may_authenticate();
        Capabilities {
            pipelining: true,
            eight_bit_mime: true,
            smtp_utf8: true,
            chunking: true,
            enhanced_status_codes: true,
            starttls: self.config.security == Security::StartTls,
            size: Some(self.config.limits.message),
            auth: Mechanisms { plain: auth, login: auth },
        }
    }
}

#[cfg(test)]
mod tests;

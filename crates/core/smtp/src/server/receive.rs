//! What the client sends, step by step: lines, exchanges, content, chunks.

use crate::{
    content::{ContentError, DataDecoder},
    line::{Line, LineReader},
    path::{Mailbox, Path},
    reply::Reply,
    server::{
        Event, Question, Security, Session,
        auth::{self, Exchange, Step},
        command::{self, Command, MailFrom, Mechanism},
        limits::Limits,
        replies,
    },
};

use zeroize::Zeroize;

/// What the next bytes are.
pub(super) enum Mode {
    Command(LineReader),
    Auth { exchange: Exchange, reader: LineReader },
    Data(Box<DataDecoder>),
    Chunk { left: u64, octets: u64, last: bool, refusal: Option<Reply> },
    Waiting(Question),
    Closed,
}

impl Mode {
    pub(super) const fn command(limits: &Limits) -> Self {
        Self::Command(LineReader::new(limits.extended_line))
    }
}

/// Whether to look at the input again.
pub(super) enum Progress {
    GoOn,
    NeedInput,
    Event(Event),
}

impl Session {
    /// Takes bytes off the front of `input` until an event needs the driver (what is left belongs to
    /// what comes after the answer) or all are used up (`None`: receive more).
    ///
    /// While an event is open, nothing is taken.
    pub fn advance(&mut self, input: &mut &[u8]) -> Option<Event> {
        if !self.greeted && !input.is_empty() {
            self.greeted = true;
            self.close(&replies::spoke_too_early());
        }
        loop {
            match self.step(input) {
                Ok(Progress::GoOn) => {}
                Ok(Progress::NeedInput) => return None,
                Ok(Progress::Event(event)) => return Some(event),
                Err(ContentError::BareLineEnd(_)) => self.close(&replies::bare_line_end()),
                Err(ContentError::Flood) => {
                    self.close(&replies::message_too_large(self.config.limits.message))
                }
            }
        }
    }

    fn step(&mut self, input: &mut &[u8]) -> Result<Progress, ContentError> {
        match &mut self.mode {
            Mode::Waiting(_) => Ok(Progress::NeedInput),
            Mode::Closed => {
                *input = &[];
                Ok(Progress::Event(Event::Close))
            }
            Mode::Command(reader) => match reader.read(input)? {
                None => Ok(Progress::NeedInput),
                Some(line) => Ok(self.command_line(line, input)),
            },
            Mode::Auth { reader, .. } => match reader.read(input)? {
                None => Ok(Progress::NeedInput),
                Some(line) => Ok(self.auth_line(line)),
            },
            Mode::Data(decoder) => {
                if decoder.read(input)? {
                    Ok(self.data_end())
                } else {
                    Ok(Progress::NeedInput)
                }
            }
            Mode::Chunk { .. } => Ok(self.chunk(input)?),
        }
    }

    fn command_line(&mut self, line: Line, input: &mut &[u8]) -> Progress {
        let mut line = match line {
            Line::Complete(line) => line,
            Line::TooLong => return self.refuse_line(replies::line_too_long()),
            Line::Endless => return self.give_up_line(),
        };
        if line.len() + 2 > self.config.limits.command_line && !command::may_be_long(&line) {
            return self.refuse_line(replies::line_too_long());
        }
        let progress = match command::parse(&line) {
            Ok(command) => self.command(command, input),
            Err(reply) => {
                self.error(reply);
                Progress::GoOn
            }
        };
        // It may have held a password.
        line.zeroize();
        progress
    }

    fn refuse_line(&mut self, reply: Reply) -> Progress {
        self.error(reply);
        Progress::GoOn
    }

    fn give_up_line(&mut self) -> Progress {
        self.close(&replies::endless_line());
        Progress::GoOn
    }

    fn command(&mut self, command: Command<'_>, input: &mut &[u8]) -> Progress {
        match command {
            Command::Helo { extended } => self.hello(extended),
            Command::Mail(mail) => return self.mail(mail),
            Command::Rcpt(path) => return self.rcpt(path),
            Command::Data => self.data(),
            Command::Bdat { octets, last } => self.bdat(octets, last),
            Command::Rset => {
                self.transaction = None;
                self.junk(replies::ok());
            }
            Command::Noop => self.junk(replies::ok()),
            Command::Vrfy => self.junk(replies::cannot_verify()),
            Command::Help => self.junk(replies::help()),
            Command::Quit => self.close(&replies::bye()),
            Command::StartTls => return self.starttls(input),
            Command::Auth { mechanism, initial } => return self.auth(mechanism, initial),
            Command::Http => self.close(&replies::not_smtp()),
        }
        Progress::GoOn
    }

    /// Answers a command that brings no message nearer; too many of them end the session.
    pub(super) fn junk(&mut self, reply: Reply) {
        self.counters.junk += 1;
        if self.counters.junk > self.config.limits.junk {
            self.close(&replies::too_much_junk());
        } else {
            reply.write_to(&mut self.output);
        }
    }

    fn hello(&mut self, extended: bool) {
        self.said_hello = true;
        self.transaction = None;
        let hostname = &self.config.hostname;
        let reply = if extended {
            self.capabilities().to_ehlo(hostname)
        } else {
            Reply::plain(250, hostname.clone())
        };
        self.junk(reply);
    }

    fn mail(&mut self, mail: MailFrom) -> Progress {
        let limits = &self.config.limits;
        if !self.said_hello {
            self.error(replies::bad_sequence("EHLO first"));
        } else if self.transaction.is_some() {
            self.error(replies::bad_sequence("A message is under way: finish it or RSET"));
        } else if self.counters.messages >= limits.messages {
            self.close(&replies::too_many_messages());
        } else if mail.size.is_some_and(|size| size > limits.message) {
            self.error(replies::message_too_large(limits.message));
        } else {
            return self.ask(Question::MailFrom(mail.clone()), Event::MailFrom(mail));
        }
        Progress::GoOn
    }

    fn rcpt(&mut self, path: &[u8]) -> Progress {
        let limits = self.config.limits;
        let (utf8, count, chunks) = match &self.transaction {
            None => (false, 0, true),
            Some(transaction) => {
                (transaction.mail.smtp_utf8, transaction.recipients.len(), transaction.has_chunks())
            }
        };
        if chunks {
            self.error(replies::bad_sequence("RCPT belongs between MAIL and the content"));
            return Progress::GoOn;
        }
        let mailbox = match recipient(path, utf8) {
            Ok(mailbox) => mailbox,
            Err(reply) => {
                self.error(reply);
                return Progress::GoOn;
            }
        };
        if count < limits.recipients {
            return self.ask(Question::RcptTo(mailbox.clone()), Event::RcptTo(mailbox));
        }
        self.counters.surplus += 1;
        if self.counters.surplus > limits.recipients {
            self.error(replies::too_many_recipients());
        } else {
            replies::too_many_recipients().write_to(&mut self.output);
        }
        Progress::GoOn
    }

    pub(super) fn ask(&mut self, question: Question, event: Event) -> Progress {
        self.mode = Mode::Waiting(question);
        Progress::Event(event)
    }

    fn starttls(&mut self, input: &mut &[u8]) -> Progress {
        match self.config.security {
            Security::Tls => self.error(replies::bad_sequence("TLS is active already")),
            Security::Plain => self.error(replies::not_implemented()),
            Security::StartTls => {
                // Whatever came along was not said under TLS, so it was never said.
                *input = &[];
                replies::ready_for_tls().write_to(&mut self.output);
                return self.ask(Question::StartTls, Event::StartTls);
            }
        }
        Progress::GoOn
    }

    fn auth(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) -> Progress {
        if !self.said_hello {
            self.error(replies::bad_sequence("EHLO first"));
        } else if self.authenticated {
            self.error(replies::bad_sequence("Authenticated already"));
        } else if self.transaction.is_some() {
            self.error(replies::bad_sequence("AUTH cannot come within a message"));
        } else if !self.may_authenticate() {
            self.error(replies::encryption_required());
        } else {
            return self.auth_step(auth::start(mechanism, initial));
        }
        Progress::GoOn
    }

    fn auth_line(&mut self, line: Line) -> Progress {
        let mode = std::mem::replace(&mut self.mode, Mode::command(&self.config.limits));
        let Mode::Auth { exchange, .. } = mode else { return Progress::GoOn };
        let mut line = match line {
            Line::Complete(line) => line,
            Line::TooLong => return self.refuse_line(replies::auth_line_too_long()),
            Line::Endless => return self.give_up_line(),
        };
        let step = auth::go_on(exchange, &line);
        line.zeroize();
        self.auth_step(step)
    }

    fn auth_step(&mut self, step: Step) -> Progress {
        match step {
            Step::Ask(exchange, reply) => {
                reply.write_to(&mut self.output);
                let reader = LineReader::new(self.config.limits.extended_line);
                self.mode = Mode::Auth { exchange, reader };
            }
            Step::Complete(credentials) => {
                return self.ask(Question::Authenticate, Event::Authenticate(credentials));
            }
            Step::Fail(reply) => self.error(reply),
            Step::Wrong => self.auth_failed(replies::wrong_credentials()),
        }
        Progress::GoOn
    }
}

fn recipient(path: &[u8], utf8: bool) -> Result<Mailbox, Reply> {
    match Path::parse(path, utf8).map_err(command::recipient_error)? {
        Path::Mailbox(mailbox) => Ok(mailbox),
        Path::Null => Err(Reply::new(501, 1, 3, "cannot parse to address: nobody is no recipient")),
        Path::Postmaster => Err(Reply::new(550, 1, 1, "The postmaster has an address with a domain")),
    }
}

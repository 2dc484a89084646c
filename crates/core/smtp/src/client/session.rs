//! The dialogue with a peer: what to send next, and what its replies mean.

mod envelope;
mod opening;

use std::{collections::VecDeque, sync::Arc};

use super::{
    auth::Credentials,
    encoder::Encoder,
    fault::{Fault, Stage},
    transaction::{Transaction, Verdict},
    wait::Wait,
};
use crate::{
    capabilities::Capabilities,
    reply::{
        Class, Reply,
        reader::{ReplyError, ReplyReader},
    },
};

/// Content goes out in blocks of about this size.
const BLOCK: usize = 64 * 1024;

/// What to do about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsPolicy {
    /// No STARTTLS.
    Never,
    /// STARTTLS where offered.
    Opportunistic,
    /// No message without TLS.
    Required,
}

/// How to talk to a peer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name for EHLO.
    pub hello: String,
    /// TLS by STARTTLS.
    pub tls: TlsPolicy,
    /// TLS was started before the greeting (port 465).
    pub implicit_tls: bool,
    /// Login, for a relay.
    pub credentials: Option<Credentials>,
    /// The peer is on this machine: credentials may go without TLS.
    pub loopback: bool,
    /// Names of ours: a peer that greets with one of them is ourselves.
    pub own_names: Arc<[String]>,
}

/// What the driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write all of [`Session::take_output`] within the time of this wait, then call
    /// [`Session::sent`]. While [`Session::is_sending_content`], what arrives meanwhile is fed to
    /// [`Session::receive`].
    Send(Wait),
    /// Feed what has already arrived, without waiting, then call [`Session::checked`].
    Check,
    /// Wait for bytes, feed them to [`Session::receive`]. The time counts from the last sending or
    /// complete reply, whatever drips in.
    Receive(Wait),
    /// Make the TLS handshake, then call [`Session::secured`]; give the session up if it fails.
    Handshake,
    /// Call [`Session::begin`] or [`Session::quit`].
    Ready,
    /// The transaction is over: a verdict for each recipient, in their order.
    Finished(Vec<Verdict>),
    /// Close the connection. [`Session::fault`] says why, if not because of QUIT.
    Over,
}

/// A reply that will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    AuthPlain,
    AuthLogin,
    AuthName,
    AuthPassword,
    Mail,
    Rcpt(usize),
    Data,
    End,
    Reset,
    Quit,
}

impl Due {
    const fn wait(self) -> Wait {
        match self {
            Self::Greeting => Wait::Greeting,
            Self::Ehlo | Self::Helo => Wait::Hello,
            Self::StartTls => Wait::StartTls,
            Self::AuthPlain | Self::AuthLogin | Self::AuthName | Self::AuthPassword => Wait::Auth,
            Self::Mail => Wait::Mail,
            Self::Rcpt(_) => Wait::Rcpt,
            Self::Data => Wait::DataStart,
            Self::End => Wait::DataEnd,
            Self::Reset => Wait::Reset,
            Self::Quit => Wait::Quit,
        }
    }
}

/// Where the dialogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Handshake,
    Ready,
    /// A transaction was handed over; nothing has been sent of it.
    Starting,
    Envelope,
    Content,
    /// The content is out, its end is not.
    Ending,
    /// The end of the content is out (or was given to the driver).
    Ended,
    Resetting,
    Over,
}

/// A transaction under way.
struct Running {
    transaction: Transaction,
    verdicts: Vec<Option<Verdict>>,
    accepted: usize,
    encoder: Encoder,
    offset: usize,
}

/// One connection's dialogue. See the [module](super) for how to drive it.
pub struct Session {
    settings: Settings,
    phase: Phase,
    reader: ReplyReader,
    capabilities: Capabilities,
    secure: bool,
    output: Vec<u8>,
    /// Replies to what is in `output`.
    queued: Vec<Due>,
    /// Replies to what has been sent.
    due: VecDeque<Due>,
    running: Option<Running>,
    finished: Option<Vec<Verdict>>,
    fault: Option<Fault>,
    replies: u64,
}

impl Session {
    /// The dialogue on a connection that was just made (and secured, with implicit TLS).
    pub fn new(settings: Settings) -> Self {
        Self {
            secure: settings.implicit_tls,
            settings,
            phase: Phase::Opening,
            reader: ReplyReader::new(),
            capabilities: Capabilities::default(),
            output: Vec::new(),
            queued: Vec::new(),
            due: VecDeque::from([Due::Greeting]),
            running: None,
            finished: None,
            fault: None,
            replies: 0,
        }
    }

    /// What the peer offers, as far as it said.
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether the connection is under TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Why the dialogue is over, if it broke.
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Replies read so far: a wait begins anew with each.
    pub const fn replies(&self) -> u64 {
        self.replies
    }

    /// Whether content is going out: what arrives meanwhile must be fed at once.
    pub const fn is_sending_content(&self) -> bool {
        matches!(self.phase, Phase::Content)
    }

    /// Whether the content is out and its end is what [`Session::checked`] lets go next: from then on the peer may
    /// have taken the message, whatever is heard of it.
    pub const fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending)
    }

    /// What to do now.
    pub fn step(&mut self) -> Step {
        if let Some(verdicts) = self.finished.take() {
            return Step::Finished(verdicts);
        }
        if self.phase == Phase::Over {
            return Step::Over;
        }
        if self.phase == Phase::Content && self.output.is_empty() {
            self.fill();
        }
        if !self.output.is_empty() {
            let content = matches!(self.phase, Phase::Content | Phase::Ended);
            let wait = self.queued.first().map_or(Wait::DataBlock, |due| due.wait());
            return Step::Send(if content { Wait::DataBlock } else { wait });
        }
        match (self.phase, self.due.front()) {
            (_, Some(due)) => Step::Receive(due.wait()),
            (Phase::Handshake, None) => Step::Handshake,
            (Phase::Ready, None) => Step::Ready,
            (Phase::Starting | Phase::Ending, None) => Step::Check,
            // Every other phase has a reply due; without one the dialogue cannot go on.
            (_, None) => {
                self.fail(Fault::OutOfTurn);
                self.finished.take().map_or(Step::Over, Step::Finished)
            }
        }
    }

    /// The bytes to write.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The output was written completely.
    pub fn sent(&mut self) {
        self.due.extend(self.queued.drain(..));
        if self.phase == Phase::Content && self.content_is_out() {
            self.phase = Phase::Ending;
        }
    }

    /// Bytes came from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && self.phase != Phase::Over {
            if self.phase == Phase::Handshake {
                return self.fail(Fault::Injected);
            }
            match self.reader.read(rest) {
                Ok((used, reply)) => {
                    rest = rest.get(used..).unwrap_or_default();
                    if let Some(reply) = reply {
                        self.on_reply(reply);
                    }
                }
                Err(error) => return self.babbled(error),
            }
        }
    }

    /// What came is no reply. To the content one that does not end has an answer in its first line: what the server took is not
    /// sent again. The connection is of no use either way.
    fn babbled(&mut self, error: ReplyError) {
        if error == ReplyError::TooLong
            && self.due.front() == Some(&Due::End)
            && let Some(reply) = self.reader.begun()
        {
            self.on_reply(reply);
        }
        self.fail(error.into());
    }

    /// All that had arrived was fed: a peer that has begun to speak did so out of turn.
    pub fn checked(&mut self) {
        if self.reader.is_inside() {
            return self.fail(Fault::OutOfTurn);
        }
        match self.phase {
            Phase::Starting => self.start_envelope(),
            Phase::Ending => {
                self.phase = Phase::Ended;
                self.command(".\r\n", Due::End);
            }
            _ => {}
        }
    }

    /// The handshake succeeded.
    pub fn secured(&mut self) {
        if self.phase == Phase::Handshake {
            self.secure = true;
            self.start_hello();
        }
    }

    /// Hands over a message. Only at [`Step::Ready`]; otherwise it is refused as out of turn.
    pub fn begin(&mut self, transaction: Transaction) {
        let verdicts = vec![None; transaction.recipients.len()];
        let obstacle = transaction.obstacle(&self.capabilities);
        let encoder = Encoder::default();
        let ready = self.phase == Phase::Ready;
        self.running = Some(Running { transaction, verdicts, accepted: 0, encoder, offset: 0 });
        match obstacle {
            _ if !ready => self.fail(Fault::OutOfTurn),
            Some(reply) => {
                self.decide(|| Verdict::Refused { stage: Stage::Mail, reply: reply.clone(), local: true });
                self.finish();
            }
            None => self.phase = Phase::Starting,
        }
    }

    /// Ends the dialogue politely. Only at [`Step::Ready`].
    pub fn quit(&mut self) {
        if self.phase == Phase::Ready {
            self.phase = Phase::Opening;
            self.command("QUIT\r\n", Due::Quit);
        }
    }

    /// The peer closed the connection.
    pub fn closed(&mut self) {
        self.fail(Fault::Closed);
    }

    /// The time of the current wait has passed.
    pub fn timed_out(&mut self) {
        self.fail(Fault::TimedOut);
    }

    /// Reading or writing failed.
    pub fn failed(&mut self) {
        self.fail(Fault::Io);
    }

    fn command(&mut self, text: &str, due: Due) {
        self.output.extend_from_slice(text.as_bytes());
        self.queued.push(due);
    }

    fn on_reply(&mut self, reply: Reply) {
        self.replies += 1;
        let Some(due) = self.due.pop_front() else {
            return self.unsolicited(reply);
        };
        if reply.code() == 421 && due != Due::Quit {
            return self.fail_at(due, Fault::Closing(reply));
        }
        match due {
            Due::Greeting | Due::Ehlo | Due::Helo | Due::StartTls => self.on_opening(due, reply),
            Due::AuthPlain | Due::AuthLogin | Due::AuthName | Due::AuthPassword => self.on_auth(due, reply),
            Due::Mail | Due::Rcpt(_) | Due::Data | Due::End | Due::Reset => self.on_envelope(due, reply),
            Due::Quit => self.phase = Phase::Over,
        }
    }

    /// A reply that nothing waits for.
    fn unsolicited(&mut self, reply: Reply) {
        let refusing = matches!(reply.class(), Class::Temporary | Class::Permanent);
        if reply.code() == 421 || (refusing && matches!(self.phase, Phase::Content | Phase::Ending)) {
            self.fail(Fault::Closing(reply));
        } else {
            self.fail(Fault::OutOfTurn);
        }
    }

    /// Ends the dialogue. Recipients without a verdict get one; after a violation of the protocol no
    /// refusal counts either, because it may have belonged to another command.
    fn fail(&mut self, fault: Fault) {
        if self.phase == Phase::Over {
            return;
        }
        let stage = self.stage();
        let quitting = self.due.front() == Some(&Due::Quit);
        self.phase = Phase::Over;
        self.output.clear();
        if let Some(mut running) = self.running.take() {
            if fault.is_violation() {
                running.verdicts.fill(None);
            }
            let verdict = match &fault {
                Fault::Closing(reply) => Verdict::Refused { stage, reply: reply.clone(), local: false },
                _ => Verdict::Broken { stage, fault: fault.clone() },
            };
            self.finished = Some(running.settle(&verdict));
        }
        if !quitting {
            self.fault = Some(fault);
        }
    }

    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Opening | Phase::Handshake | Phase::Ready | Phase::Over => Stage::Opening,
            Phase::Starting => Stage::Mail,
            Phase::Envelope => match self.due.front().or(self.queued.first()) {
                Some(Due::Mail) => Stage::Mail,
                Some(Due::Rcpt(_)) => Stage::Rcpt,
                _ => Stage::Data,
            },
            Phase::Resetting => Stage::Data,
            Phase::Content | Phase::Ending => Stage::Content,
            Phase::Ended => Stage::End,
        }
    }
}

impl Running {
    /// All verdicts, with `rest` for recipients that have none.
    fn settle(self, rest: &Verdict) -> Vec<Verdict> {
        self.verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| rest.clone())).collect()
    }
}

#[cfg(test)]
mod tests;

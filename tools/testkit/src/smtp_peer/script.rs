//! What a peer does instead of behaving.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::identity::Certificate;

/// A peer's behaviour. The default is that of a proper server.
#[derive(Clone, Default)]
pub struct Script {
    pub(super) hostname: Option<String>,
    pub(super) greeting: Greeting,
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) capabilities_under_tls: Option<Vec<String>>,
    pub(super) certificate: Option<Certificate>,
    pub(super) implicit_tls: bool,
    pub(super) starttls: StartTls,
    pub(super) credentials: Option<(String, String)>,
    /// What to do at a command: each once and in order, the last for ever.
    pub(super) reactions: BTreeMap<String, VecDeque<Reaction>>,
    /// As above, but by the recipient's address.
    pub(super) recipients: BTreeMap<String, VecDeque<Reaction>>,
}

/// How a connection begins.
#[derive(Clone, Default)]
pub enum Greeting {
    /// `220 <hostname> ESMTP`.
    #[default]
    Proper,
    /// These bytes.
    Say(String),
    /// One byte of a proper greeting each time this has passed.
    Drip(Duration),
    /// `220-` lines for ever.
    Endless,
    /// Nothing, for ever.
    Silence,
    /// The connection is closed.
    Close,
}

/// What STARTTLS leads to, where there is a certificate.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum StartTls {
    /// A handshake.
    #[default]
    Proper,
    /// 220, then plaintext instead of a handshake.
    Plaintext,
    /// 220 with a reply injected behind it in the same write.
    Inject,
    /// 220, then the alert of a server without a common protocol version.
    Alert,
}

/// What a peer does when a command comes. The end of the content is the command `.`, a block of
/// content `content`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The proper reply, and what belongs to it.
    Proper,
    /// These bytes; the state changes as if the first digit were meant.
    Say(String),
    /// These bytes, then the connection closes.
    SayAndClose(String),
    /// The connection closes without a word.
    Close,
    /// The connection is reset after these bytes.
    SayAndReset(String),
    /// Nothing is said or read until the client hangs up.
    Silence,
    /// The proper reply after this time.
    Late(Duration),
    /// Nothing is said until the script changes; then what it says by then.
    Held,
}

impl Script {
    /// A proper server.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name it greets with; `mx.test` otherwise.
    pub fn hostname(mut self, hostname: &str) -> Self {
        self.hostname = Some(hostname.into());
        self
    }

    /// How a connection begins.
    pub fn greeting(mut self, greeting: Greeting) -> Self {
        self.greeting = greeting;
        self
    }

    /// Offers these extensions instead of the usual ones.
    pub fn capabilities(mut self, keywords: &[&str]) -> Self {
        self.capabilities = Some(keywords.iter().map(|keyword| (*keyword).into()).collect());
        self
    }

    /// Offers these extensions under TLS.
    pub fn capabilities_under_tls(mut self, keywords: &[&str]) -> Self {
        self.capabilities_under_tls = Some(keywords.iter().map(|keyword| (*keyword).into()).collect());
        self
    }

    /// Offers STARTTLS with this certificate.
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Starts TLS before the greeting.
    pub fn implicit_tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self.implicit_tls = true;
        self
    }

    /// What STARTTLS leads to.
    pub fn starttls(mut self, starttls: StartTls) -> Self {
        self.starttls = starttls;
        self
    }

    /// Demands AUTH with this login and password.
    pub fn login(mut self, login: &str, password: &str) -> Self {
        self.credentials = Some((login.into(), password.into()));
        self
    }

    /// Reacts to a command (`EHLO`, `MAIL`, `RCPT`, `DATA`, `content`, `.`, `RSET`, `QUIT`, …): with each
    /// reaction once, the last for ever. [`Reaction::Proper`] last: properly from then on.
    pub fn on(mut self, verb: &str, reactions: impl IntoIterator<Item = Reaction>) -> Self {
        self.set(verb, reactions);
        self
    }

    /// [`Script::on`] with replies of a line each.
    pub fn reply(self, verb: &str, lines: &[&str]) -> Self {
        self.on(verb, lines.iter().map(|line| Reaction::Say(format!("{line}\r\n"))))
    }

    /// Reacts to RCPT with this address.
    pub fn recipient(mut self, address: &str, reactions: impl IntoIterator<Item = Reaction>) -> Self {
        self.recipients.insert(address.into(), reactions.into_iter().collect());
        self
    }

    /// As [`Script::on`], on a running peer.
    pub fn set(&mut self, verb: &str, reactions: impl IntoIterator<Item = Reaction>) {
        self.reactions.insert(verb.into(), reactions.into_iter().collect());
    }

    pub(super) fn name(&self) -> &str {
        self.hostname.as_deref().unwrap_or("mx.test")
    }

    /// The reaction to a command.
    pub(super) fn react(&mut self, verb: &str, argument: &str) -> Reaction {
        let address = argument.split(['<', '>']).nth(1).unwrap_or_default();
        if verb == "RCPT"
            && let Some(queue) = self.recipients.get_mut(address)
        {
            return next(queue);
        }
        self.reactions.get_mut(verb).map_or(Reaction::Proper, next)
    }

    pub(super) fn ehlo(&self, tls: bool) -> String {
        let usual = ["PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        let special = if tls { self.capabilities_under_tls.as_ref() } else { None };
        let mut keywords: Vec<String> = match special.or(self.capabilities.as_ref()) {
            Some(keywords) => keywords.clone(),
            None => usual.map(String::from).into(),
        };
        if self.certificate.is_some() && !tls {
            keywords.push("STARTTLS".into());
        }
        if self.credentials.is_some() {
            keywords.push("AUTH PLAIN LOGIN".into());
        }
        let mut lines: Vec<String> = std::iter::once(self.name().to_owned()).chain(keywords).collect();
        let last = lines.pop().unwrap_or_default();
        lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>() + &format!("250 {last}\r\n")
    }
}

fn next(queue: &mut VecDeque<Reaction>) -> Reaction {
    if queue.len() > 1 {
        queue.pop_front().unwrap_or(Reaction::Proper)
    } else {
        queue.front().cloned().unwrap_or(Reaction::Proper)
    }
}

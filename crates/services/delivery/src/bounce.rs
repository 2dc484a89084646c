//! What a refusal says: what it is about, whether the recipient is gone for good, whether to slow down.
//!
//! What servers say is data ([`Rules`]); what follows from it is here. Refusals for policy, content or reputation never
//! mean that an address is dead, so they never put it on the bounce list.

mod rules;

use waxseal_smtp::{
    Reply,
    reply::{Class, reader::ReplyReader},
};

pub use self::rules::{Rules, RulesError};

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BounceClass {
    /// There is no such mailbox, or its domain takes no mail.
    Recipient,
    /// The mailbox was there and is switched off.
    Inactive,
    /// The domain or its servers do not exist.
    Domain,
    /// The mailbox is full.
    Full,
    /// The mailbox takes nothing now.
    Mailbox,
    /// The message is too large.
    Size,
    /// The message was taken for spam, or for worse.
    Content,
    /// SPF, DKIM, DMARC or reverse DNS.
    Authentication,
    /// An address or domain of the sender is on a list, or has no good name.
    Reputation,
    /// Too much, too fast.
    Rate,
    /// The same message is wanted again later (RFC 6647).
    Greylisting,
    /// Some other rule of the receiver.
    Policy,
    /// The sender's address.
    Sender,
    /// The server does not take mail for this domain.
    Relaying,
    /// The way there: network, DNS, loops.
    Routing,
    /// TLS or authentication of the connection.
    Security,
    /// The dialogue.
    Protocol,
    /// The server is in trouble or busy.
    System,
    /// Nothing that is known.
    Other,
}

impl BounceClass {
    /// All.
    pub const ALL: [Self; 19] = [
        Self::Recipient,
        Self::Inactive,
        Self::Domain,
        Self::Full,
        Self::Mailbox,
        Self::Size,
        Self::Content,
        Self::Authentication,
        Self::Reputation,
        Self::Rate,
        Self::Greylisting,
        Self::Policy,
        Self::Sender,
        Self::Relaying,
        Self::Routing,
        Self::Security,
        Self::Protocol,
        Self::System,
        Self::Other,
    ];

    /// Its word in the table and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Inactive => "inactive",
            Self::Domain => "domain",
            Self::Full => "full",
            Self::Mailbox => "mailbox",
            Self::Size => "size",
            Self::Content => "content",
            Self::Authentication => "authentication",
            Self::Reputation => "reputation",
            Self::Rate => "rate",
            Self::Greylisting => "greylisting",
            Self::Policy => "policy",
            Self::Sender => "sender",
            Self::Relaying => "relaying",
            Self::Routing => "routing",
            Self::Security => "security",
            Self::Protocol => "protocol",
            Self::System => "system",
            Self::Other => "other",
        }
    }

    /// Whether an address that was refused for good like this goes on the bounce list.
    pub const fn suppresses(self) -> bool {
        matches!(self, Self::Recipient | Self::Inactive)
    }

    /// `bounce-type` of the API: hard where no message will ever arrive there, soft where another one may.
    pub const fn bounce_type(self) -> &'static str {
        match self {
            Self::Recipient | Self::Inactive | Self::Domain => "hard",
            _ => "soft",
        }
    }

    /// Whether fewer messages and connections are asked for.
    pub const fn slows_down(self) -> bool {
        matches!(self, Self::Rate | Self::Reputation)
    }

    /// `reason` of the API.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Recipient | Self::Inactive => "bounce",
            Self::Greylisting => "greylisted",
            Self::Rate | Self::Reputation | Self::Content | Self::Authentication | Self::Policy => "espblock",
            _ => "generic",
        }
    }
}

/// Reads a reply as a server says it, such as `550 5.1.1 No such user`; of several lines each has the code. `None` if it
/// is no refusal.
pub fn read_reply(text: &str) -> Option<Reply> {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    let (_, reply) = ReplyReader::new().read(format!("{}\r\n", lines.join("\r\n")).as_bytes()).ok()?;
    reply.filter(|reply| matches!(reply.class(), Class::Temporary | Class::Permanent))
}

/// A reply that was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified<'r> {
    /// What it is about.
    pub class: BounceClass,
    /// The rule that fits; `None` if none does.
    pub rule: Option<&'r str>,
}

impl Classified<'_> {
    /// Whether the recipient is gone: no temporary refusal says so.
    pub fn is_dead_address(&self, reply: &Reply) -> bool {
        reply.class() == Class::Permanent && self.class.suppresses()
    }
}

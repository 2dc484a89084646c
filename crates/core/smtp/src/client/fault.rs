//! How a conversation breaks.

use thiserror::Error;

use crate::reply::{Reply, reader::ReplyError};

/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Greeting, EHLO, STARTTLS or AUTH: before any message.
    Opening,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the content.
    Data,
    /// The content was being sent; its end was not.
    Content,
    /// The end of the content was sent.
    End,
}

/// Why a connection is over, besides our own QUIT.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The peer closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The peer did not answer, or took nothing more, in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The connection failed underneath.
    #[error("the connection failed")]
    Io,
    /// What the peer sent is not a reply.
    #[error("{0}")]
    Garbage(#[from] ReplyError),
    /// A reply without a command, or before its command, or one that no command can have.
    #[error("the server answered out of turn")]
    OutOfTurn,
    /// The peer said 421: it closes the connection.
    #[error("the server is closing the connection")]
    Closing(Reply),
    /// The peer refused the conversation as a whole (greeting, EHLO, AUTH).
    #[error("the server refused the conversation")]
    Refused(Reply),
    /// Plaintext behind the reply to STARTTLS: somebody in between injects replies.
    #[error("plaintext after the reply to STARTTLS")]
    Injected,
    /// TLS is required and the peer does not offer it, or refuses it.
    #[error("TLS required but not offered by the server")]
    NoTls,
    /// Credentials would go over plaintext.
    #[error("the relay offers no TLS; credentials are not sent in the clear")]
    AuthNeedsTls,
    /// The peer offers no mechanism we have.
    #[error("the relay offers neither AUTH PLAIN nor LOGIN")]
    NoAuth,
    /// The peer greets with our own name.
    #[error("the server is this server: mail loops")]
    Loop,
}

impl Fault {
    /// Whether the peer broke the protocol, so that none of its replies can be relied on.
    pub const fn is_violation(&self) -> bool {
        matches!(self, Self::Garbage(_) | Self::OutOfTurn | Self::Injected)
    }

    /// The reply behind the fault, if there is one.
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Closing(reply) | Self::Refused(reply) => Some(reply),
            _ => None,
        }
    }
}

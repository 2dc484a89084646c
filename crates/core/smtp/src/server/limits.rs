//! What one session may ask of the server, and the counters that watch it.

use crate::content::ContentLimits;

/// Limits of a session. Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A command line with its CRLF (RFC 5321 section 4.5.3.1.4).
    pub command_line: usize,
    /// A line of MAIL, RCPT, AUTH or of an AUTH exchange, which extensions make longer.
    pub extended_line: usize,
    /// A message.
    pub message: u64,
    /// The header section of a message, with the options in it: who takes the message may want less of the rest.
    pub header: u64,
    /// A line of a message without its CRLF.
    pub text_line: u64,
    /// `Received` fields of a message: more mean that it goes in circles (RFC 5321 section 6.3).
    pub hops: usize,
    /// Recipients of one message.
    pub recipients: usize,
    /// Commands answered with an error between two messages before the session ends.
    pub errors: u32,
    /// Commands that do nothing (NOOP, RSET, EHLO, …) between two messages before the session ends.
    pub junk: u32,
    /// Failed authentications before the session ends.
    pub auth_failures: u32,
    /// Messages of one connection.
    pub messages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 512,
            extended_line: 2_048,
            message: 25 * 1024 * 1024,
            header: 5 * 1024 * 1024,
            text_line: 128 * 1024,
            hops: 50,
            recipients: 1_000,
            errors: 20,
            junk: 100,
            auth_failures: 3,
            messages: 50_000,
        }
    }
}

impl Limits {
    /// The limits of a message's content.
    pub const fn content(&self) -> ContentLimits {
        ContentLimits {
            message: self.message,
            header: self.header,
            line: self.text_line,
            flood: self.flood(),
        }
    }

    /// The most that is read of a message that is too large, so that the client hears why, before
    /// hanging up on it.
    pub const fn flood(&self) -> u64 {
        self.message.saturating_mul(2)
    }
}

/// What a session has used up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) errors: u32,
    pub(super) junk: u32,
    pub(super) auth_failures: u32,
    pub(super) messages: u32,
    /// Recipients refused because there were enough: not counted as errors up to a point, since a client
    /// with too many recipients has sent them all before it hears of it.
    pub(super) surplus: usize,
}

impl Counters {
    /// A message was taken: the client is one that sends mail, so mistakes before it are forgiven.
    pub(super) const fn message_taken(&mut self) {
        self.messages += 1;
        self.errors = 0;
        self.junk = 0;
        self.surplus = 0;
    }
}

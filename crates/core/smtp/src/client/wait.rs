//! What a session waits for, and how long RFC 5321 section 4.5.3.2 lets a peer take.

use std::time::Duration;

/// What is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The greeting.
    Greeting,
    /// The reply to EHLO or HELO.
    Hello,
    /// The reply to STARTTLS, then the handshake.
    StartTls,
    /// A reply within AUTH.
    Auth,
    /// The reply to MAIL.
    Mail,
    /// The reply to RCPT.
    Rcpt,
    /// The reply to DATA.
    DataStart,
    /// The peer to take a block of content.
    DataBlock,
    /// The reply to the end of the content.
    DataEnd,
    /// The reply to RSET.
    Reset,
    /// The reply to QUIT.
    Quit,
}

impl Wait {
    /// How long to wait: from asking to the complete answer, however slowly it drips in.
    pub const fn limit(self) -> Duration {
        const MINUTE: u64 = 60;
        Duration::from_secs(match self {
            Self::Greeting | Self::Hello | Self::Mail | Self::Rcpt | Self::Reset => 5 * MINUTE,
            Self::StartTls | Self::Auth | Self::DataStart => 2 * MINUTE,
            Self::DataBlock => 3 * MINUTE,
            Self::DataEnd => 10 * MINUTE,
            // The outcome is known; nobody is served by waiting for the good-bye.
            Self::Quit => 2,
        })
    }
}

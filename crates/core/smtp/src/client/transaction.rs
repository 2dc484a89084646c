//! One message for one or several recipients, and what becomes of it for each.

use bytes::Bytes;

use super::{Stage, fault::Fault};
use crate::{
    capabilities::Capabilities,
    reply::{Class, EnhancedCode, Reply},
};

/// A message to hand over.
///
/// No `Debug`: it holds addresses and content.
#[derive(Clone)]
pub struct Transaction {
    /// MAIL FROM without angle brackets; empty for the null sender.
    pub reverse_path: String,
    /// RCPT TO without angle brackets, at least one.
    pub recipients: Vec<String>,
    /// The content, line ends CRLF.
    pub content: Bytes,
    /// Whether its headers are in UTF-8 (RFC 6532). Addresses are looked at anyway.
    pub utf8_headers: bool,
}

/// What became of the message for one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The peer took it.
    Delivered(Reply),
    /// The peer said no, or we know that it would: 4xx not now, 5xx never.
    Refused {
        /// Where.
        stage: Stage,
        /// The reply. A 552 to RCPT reads as the 452 that RFC 5321 section 4.5.3.1.10 means.
        reply: Reply,
        /// Whether we wrote the reply ourselves because the peer cannot take such a message.
        local: bool,
    },
    /// The conversation broke.
    Broken {
        /// Where. [`Stage::End`]: the peer may have taken it, nobody knows.
        stage: Stage,
        /// How.
        fault: Fault,
    },
}

impl Verdict {
    /// The peer's (or our own) reply, if there is one.
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Delivered(reply) | Self::Refused { reply, .. } => Some(reply),
            Self::Broken { fault, .. } => fault.reply(),
        }
    }

    /// Whether another attempt is of no use. A 5xx in the middle of the content is out of turn and
    /// therefore not trusted that far.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Delivered(_) => false,
            Self::Refused { stage, reply, .. } => {
                reply.class() == Class::Permanent && *stage != Stage::Content
            }
            Self::Broken { fault, .. } => matches!(fault, Fault::Loop),
        }
    }
}

impl Transaction {
    /// Whether SMTPUTF8 is needed.
    pub fn needs_utf8(&self) -> bool {
        let unicode = |address: &String| !address.is_ascii();
        self.utf8_headers || unicode(&self.reverse_path) || self.recipients.iter().any(unicode)
    }

    /// Why this message cannot go to a peer with these capabilities, as the reply it would give.
    pub(super) fn obstacle(&self, peer: &Capabilities) -> Option<Reply> {
        let mut addresses = self.recipients.iter().chain([&self.reverse_path]);
        if !addresses.all(|address| is_path(address)) {
            return Some(local(553, 1, 3, "The address cannot be written in an SMTP command"));
        }
        if let Some(limit) = peer.size.filter(|limit| *limit > 0)
            && self.content.len() as u64 > limit
        {
            return Some(local(552, 3, 4, "The message is larger than the server accepts"));
        }
        if self.needs_utf8() && !peer.smtp_utf8 {
            return Some(local(553, 6, 7, "The server does not support SMTPUTF8, which the message needs"));
        }
        if !peer.eight_bit_mime && !self.content.is_ascii() {
            return Some(local(554, 6, 3, "The server does not support 8BITMIME, which the message needs"));
        }
        None
    }

    pub(super) fn mail(&self, peer: &Capabilities) -> String {
        let mut command = format!("MAIL FROM:<{}>", self.reverse_path);
        if peer.size.is_some() {
            command.push_str(&format!(" SIZE={}", self.content.len()));
        }
        if peer.eight_bit_mime && !self.content.is_ascii() {
            command.push_str(" BODY=8BITMIME");
        }
        if peer.smtp_utf8 && self.needs_utf8() {
            command.push_str(" SMTPUTF8");
        }
        command.push_str("\r\n");
        command
    }
}

fn local(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
    Reply::new(code, subject, detail, text)
}

/// Whether an address can stand between angle brackets: no control characters, and brackets and
/// spaces only inside a quoted local part.
fn is_path(address: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    for char in address.chars() {
        if char.is_control() {
            return false;
        }
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' | '>' | ' ' if !quoted => return false,
            _ => {}
        }
    }
    !quoted && !escaped
}

/// A 552 to RCPT means "too many recipients", which is temporary.
pub(super) fn recipient_reply(reply: Reply) -> Reply {
    if reply.code() != 552 {
        return reply;
    }
    let enhanced = reply.enhanced().map(|code| EnhancedCode { class: 4, ..code });
    Reply::multiline(452, enhanced, reply.lines().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_cannot_carry_commands() {
        for good in ["", "a@b.example", "\"a b\"@c.example", "\"a>b\\\"\"@c.example", "a@[192.0.2.1]"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["a@b>\r\nDATA", "a b@c", "a@b> SIZE=1", "\"a@b", "a\u{0}@b", "<a@b>", "\"a\\"] {
            assert!(!is_path(bad), "{bad}");
        }
    }

    #[test]
    fn too_many_recipients_is_temporary() {
        let reply = recipient_reply(Reply::new(552, 5, 3, "too many recipients"));
        assert_eq!(reply.code(), 452);
        assert_eq!(reply.enhanced().map(|code| code.to_string()).as_deref(), Some("4.5.3"));
        assert_eq!(recipient_reply(Reply::new(550, 1, 1, "no")).code(), 550);
    }
}

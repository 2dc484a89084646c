//! One message on its way in: envelope, then content by DATA or BDAT.

use crate::{
    content::{ChunkDecoder, Excess},
    path::Mailbox,
    reply::Reply,
    server::{
        command::{Body, MailFrom},
        limits::Limits,
        replies,
    },
};

/// Who gets a message and who sent it, as the client said.
pub struct Envelope {
    /// The sender; `None` for `<>`.
    pub mail_from: Option<Mailbox>,
    /// At least one recipient, in order; duplicates as they came.
    pub recipients: Vec<Mailbox>,
    /// Whether the client asked for SMTPUTF8.
    pub smtp_utf8: bool,
    /// What the client declared of the content.
    pub body: Body,
}

/// A message that was received whole and keeps all limits.
pub struct Message {
    /// Envelope.
    pub envelope: Envelope,
    /// Content: lines that end in CRLF, dots unstuffed, no other CR, LF or NUL.
    pub content: Vec<u8>,
}

/// What is known between MAIL and the end of the message.
pub(super) struct Transaction {
    pub(super) mail: MailFrom,
    pub(super) recipients: Vec<Mailbox>,
    pub(super) chunks: Chunks,
}

/// How far a message by BDAT has come.
pub(super) enum Chunks {
    /// There was no BDAT.
    None,
    /// There was one, more may follow.
    Some(ChunkDecoder),
    /// One was refused: only RSET helps (RFC 3030 section 2).
    Failed,
}

/// What to do with the bytes of a chunk.
pub(super) enum ChunkPlan {
    /// Take them in.
    Take,
    /// Read and forget them, then answer.
    Discard(Reply),
    /// Too many even to forget: answer and hang up.
    HangUp(Reply),
}

impl Transaction {
    pub(super) const fn new(mail: MailFrom) -> Self {
        Self { mail, recipients: Vec::new(), chunks: Chunks::None }
    }

    /// The finished message.
    pub(super) fn into_message(self, content: Vec<u8>) -> Message {
        let mail_from = match self.mail.path {
            crate::path::Path::Mailbox(mailbox) => Some(mailbox),
            crate::path::Path::Null | crate::path::Path::Postmaster => None,
        };
        let envelope = Envelope {
            mail_from,
            recipients: self.recipients,
            smtp_utf8: self.mail.smtp_utf8,
            body: self.mail.body,
        };
        Message { envelope, content }
    }

    /// Whether BDAT has begun, after which neither RCPT nor DATA may follow.
    pub(super) const fn has_chunks(&self) -> bool {
        !matches!(self.chunks, Chunks::None)
    }

    /// Bytes held of the chunks so far.
    pub(super) fn held(&self) -> u64 {
        match &self.chunks {
            Chunks::Some(decoder) => decoder.held(),
            Chunks::None | Chunks::Failed => 0,
        }
    }

    /// Why no chunk can be taken now, if so.
    fn chunk_refusal(&self, octets: u64, limits: &Limits) -> Option<Reply> {
        let seen = match &self.chunks {
            Chunks::None => 0,
            Chunks::Some(decoder) => decoder.seen(),
            Chunks::Failed => return Some(replies::bad_sequence("A chunk was refused: RSET first")),
        };
        if self.recipients.is_empty() {
            return Some(replies::bad_sequence("RCPT first"));
        }
        let fits = seen.checked_add(octets).is_some_and(|size| size <= limits.message);
        (!fits).then(|| replies::message_too_large(limits.message))
    }
}

/// Decides what becomes of a chunk before its bytes are there. Its bytes are always read, whatever the
/// answer, for they would be taken for commands otherwise.
pub(super) fn plan_chunk(transaction: Option<&mut Transaction>, octets: u64, limits: &Limits) -> ChunkPlan {
    let Some(transaction) = transaction else {
        return discard_or_hang_up(replies::bad_sequence("MAIL first"), octets, limits);
    };
    match transaction.chunk_refusal(octets, limits) {
        Some(refusal) => {
            if !transaction.recipients.is_empty() {
                transaction.chunks = Chunks::Failed;
            }
            discard_or_hang_up(refusal, octets, limits)
        }
        None => {
            if let Chunks::None = transaction.chunks {
                transaction.chunks = Chunks::Some(ChunkDecoder::new(limits.content()));
            }
            ChunkPlan::Take
        }
    }
}

fn discard_or_hang_up(refusal: Reply, octets: u64, limits: &Limits) -> ChunkPlan {
    if octets <= limits.flood() { ChunkPlan::Discard(refusal) } else { ChunkPlan::HangUp(refusal) }
}

/// The answer to a message that went beyond a limit.
pub(super) fn excess_reply(excess: Excess, limits: &Limits) -> Reply {
    match excess {
        Excess::Message => replies::message_too_large(limits.message),
        Excess::Header => replies::header_too_large(limits.header),
        Excess::Line => replies::text_line_too_long(limits.text_line),
    }
}

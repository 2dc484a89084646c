//! The content of a message on its way in: DATA with its dots, BDAT with its chunks, and the limits
//! of both.

use thiserror::Error;

use crate::strict::{BareLineEnd, Piece, Scanner};

/// How large a message and its parts may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimits {
    /// The whole message after unstuffing.
    pub message: u64,
    /// The header section with its line ends.
    pub header: u64,
    /// One line without its end.
    pub line: u64,
    /// How much of a message that is too large is read and forgotten before giving up on the peer.
    pub flood: u64,
}

/// Why nothing more can be read. The connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContentError {
    /// A line end that is none.
    #[error(transparent)]
    BareLineEnd(#[from] BareLineEnd),
    /// Far more than a message may have, and no end in sight.
    #[error("the message does not end")]
    Flood,
}

/// Which limit a message went beyond. The first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// The message is too large.
    Message,
    /// The header section is too large.
    Header,
    /// A line is too long.
    Line,
}

/// A message as it grows. Beyond a limit nothing is kept any more, so memory stays below the limit.
pub struct Content {
    bytes: Vec<u8>,
    limits: ContentLimits,
    seen: u64,
    line: u64,
    in_header: bool,
    excess: Option<Excess>,
}

impl Content {
    /// An empty message.
    pub const fn new(limits: ContentLimits) -> Self {
        Self { bytes: Vec::new(), limits, seen: 0, line: 0, in_header: true, excess: None }
    }

    /// Bytes kept: as many as were received, none beyond a limit.
    pub fn held(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The message, or the limit it went beyond.
    pub fn finish(self) -> Result<Vec<u8>, Excess> {
        match self.excess {
            None => Ok(self.bytes),
            Some(excess) => Err(excess),
        }
    }

    fn text(&mut self, text: &[u8]) {
        // Of several limits the one that is reached first counts, however the text was cut.
        let line = self.limits.line.saturating_sub(self.line);
        let header = if self.in_header { self.limits.header.saturating_sub(self.seen) } else { u64::MAX };
        let message = self.limits.message.saturating_sub(self.seen);
        let length = text.len() as u64;
        if line < length && line <= header.min(message) {
            self.exceed(Excess::Line);
        } else if header < length && header < message {
            self.exceed(Excess::Header);
        }
        self.line += length;
        self.push(text);
    }

    fn line_end(&mut self) {
        self.push(b"\r\n");
        if self.line == 0 {
            self.in_header = false;
        }
        self.line = 0;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        if self.seen > self.limits.message {
            self.exceed(Excess::Message);
        }
        if self.in_header && self.seen > self.limits.header {
            self.exceed(Excess::Header);
        }
        if self.excess.is_none() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn exceed(&mut self, excess: Excess) {
        if self.excess.is_none() {
            self.excess = Some(excess);
            self.bytes = Vec::new();
        }
    }
}

/// Reads what follows DATA up to CRLF.CRLF, and takes the stuffed dots out (RFC 5321 section 4.5.2).
pub struct DataDecoder {
    scanner: Scanner,
    content: Content,
    at_line_start: bool,
    only_a_dot: bool,
}

impl DataDecoder {
    /// A decoder behind the reply 354.
    pub const fn new(limits: ContentLimits) -> Self {
        let content = Content::new(limits);
        Self { scanner: Scanner::new(), content, at_line_start: true, only_a_dot: false }
    }

    /// Takes bytes off the front of `input`; true when the final dot was read (what is behind it stays).
    pub fn read(&mut self, input: &mut &[u8]) -> Result<bool, ContentError> {
        while let Some(piece) = self.scanner.next(input)? {
            match piece {
                Piece::Text(text) => self.text(text),
                Piece::LineEnd if self.only_a_dot => return Ok(true),
                Piece::LineEnd => {
                    self.content.line_end();
                    self.at_line_start = true;
                }
            }
            if self.content.seen > self.content.limits.flood {
                return Err(ContentError::Flood);
            }
        }
        Ok(false)
    }

    /// Bytes held so far.
    pub fn held(&self) -> u64 {
        self.content.held()
    }

    /// The message, once the final dot was read.
    pub fn finish(self) -> Result<Vec<u8>, Excess> {
        self.content.finish()
    }

    fn text(&mut self, text: &[u8]) {
        let stuffed = self.at_line_start && text.first() == Some(&b'.');
        let text = if stuffed { &text[1..] } else { text };
        self.only_a_dot = stuffed && text.is_empty();
        self.at_line_start = false;
        if !text.is_empty() {
            self.content.text(text);
        }
    }
}

/// Reads the chunks of BDAT (RFC 3030). Without BINARYMIME they are text: a CR at the end of one chunk
/// finds its LF at the start of the next, or nowhere.
pub struct ChunkDecoder {
    scanner: Scanner,
    content: Content,
}

impl ChunkDecoder {
    /// A decoder before the first chunk.
    pub const fn new(limits: ContentLimits) -> Self {
        Self { scanner: Scanner::new(), content: Content::new(limits) }
    }

    /// Takes in the bytes of a chunk, or part of one.
    pub fn read(&mut self, mut input: &[u8]) -> Result<(), BareLineEnd> {
        while let Some(piece) = self.scanner.next(&mut input)? {
            match piece {
                Piece::Text(text) => self.content.text(text),
                Piece::LineEnd => self.content.line_end(),
            }
        }
        Ok(())
    }

    /// Bytes received so far.
    pub const fn seen(&self) -> u64 {
        self.content.seen
    }

    /// Bytes held so far.
    pub fn held(&self) -> u64 {
        self.content.held()
    }

    /// The message, after the last chunk. A last line without its end gets one: the next hop may have
    /// to use DATA, where there is no other way.
    pub fn finish(mut self) -> Result<Result<Vec<u8>, Excess>, BareLineEnd> {
        if self.scanner.is_after_cr() {
            return Err(BareLineEnd);
        }
        if self.content.line > 0 {
            self.content.line_end();
        }
        Ok(self.content.finish())
    }
}

/// How many servers a message has passed: its `Received` fields.
pub fn hops(message: &[u8]) -> usize {
    const FIELD: &[u8] = b"received:";
    let lines = message.split(|byte| *byte == b'\n').take_while(|line| !matches!(*line, [] | b"\r"));
    lines
        .filter(|line| line.get(..FIELD.len()).is_some_and(|start| start.eq_ignore_ascii_case(FIELD)))
        .count()
}

#[cfg(test)]
mod tests;

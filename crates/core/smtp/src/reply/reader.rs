//! Reading replies from a peer that may be slow, wrong or hostile.

use thiserror::Error;

use super::{Class, EnhancedCode, Reply};

/// The most a reply may hold: a peer that says more is babbling.
pub const REPLY_MAX_BYTES: usize = 64 * 1024;
/// The most lines a reply may have.
pub const REPLY_MAX_LINES: usize = 100;
/// Of a line that has not ended as much is told.
const BEGUN: usize = 512;

/// Why what the peer sent is not a reply. The connection cannot be used any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// A line does not start with a code from 200 to 599 and a space or hyphen.
    #[error("the peer's reply does not start with a reply code")]
    NoCode,
    /// The lines of one reply carry different codes.
    #[error("the lines of the peer's reply carry different codes")]
    MixedCodes,
    /// More than 64 KiB or 100 lines.
    #[error("the peer's reply is too long")]
    TooLong,
}

/// Puts replies together from bytes as they come. Lines may end in CRLF or LF; control characters in
/// the text become `?`; what is not UTF-8 becomes U+FFFD.
#[derive(Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    lines: Vec<String>,
    code: Option<u16>,
    bytes: usize,
}

impl ReplyReader {
    /// A reader between two replies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether part of a reply has been read.
    pub fn is_inside(&self) -> bool {
        self.bytes > 0
    }

    /// What is there of a reply that has not ended: its code is known from the first bytes.
    pub fn begun(&mut self) -> Option<Reply> {
        let read = std::mem::take(self);
        if !read.lines.is_empty() {
            return read.code.map(|code| assemble(code, read.lines));
        }
        let (code, _, text) = split(read.line.get(..BEGUN).unwrap_or(&read.line))?;
        Some(assemble(code, vec![clean(text)]))
    }

    /// Reads up to the end of one reply: how many bytes of `input` it took, and the reply if it is
    /// complete. What is behind it stays with the caller, who calls again (or drops it, as after the
    /// reply to STARTTLS).
    pub fn read(&mut self, input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        let mut used = 0;
        while let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr(b'\n', rest);
            let piece = &rest[..end.map_or(rest.len(), |at| at + 1)];
            used += piece.len();
            self.bytes += piece.len();
            if self.bytes > REPLY_MAX_BYTES {
                self.line.extend_from_slice(piece.get(..BEGUN).unwrap_or(piece));
                return Err(ReplyError::TooLong);
            }
            self.line.extend_from_slice(piece);
            if end.is_some()
                && let Some(reply) = self.end_line()?
            {
                return Ok((used, Some(reply)));
            }
        }
        Ok((used, None))
    }

    fn end_line(&mut self) -> Result<Option<Reply>, ReplyError> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, more, text) = split(line).ok_or(ReplyError::NoCode)?;
        if *self.code.get_or_insert(code) != code {
            return Err(ReplyError::MixedCodes);
        }
        self.lines.push(clean(text));
        if more {
            return if self.lines.len() < REPLY_MAX_LINES { Ok(None) } else { Err(ReplyError::TooLong) };
        }
        let lines = std::mem::take(self).lines;
        Ok(Some(assemble(code, lines)))
    }
}

/// Code, whether more lines follow, text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else { return None };
    let code = [a, b, c].into_iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, false, rest)),
        [b' ', text @ ..] => Some((code, false, text)),
        [b'-', text @ ..] => Some((code, true, text)),
        _ => None,
    }
}

fn clean(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// Takes the enhanced code off the lines if the first has one that agrees with the code.
fn assemble(code: u16, lines: Vec<String>) -> Reply {
    let plain = Reply::multiline(code, None, Vec::new());
    let class = match plain.class() {
        Class::Success => 2,
        Class::Temporary => 4,
        Class::Permanent => 5,
        Class::Continue => 0,
    };
    let enhanced = lines
        .first()
        .and_then(|line| line.split(' ').next())
        .and_then(EnhancedCode::parse)
        .filter(|enhanced| enhanced.class == class);
    let prefix = enhanced.map(|enhanced| enhanced.to_string());
    let without_code = |line: String| match &prefix {
        None => line,
        Some(prefix) => match line.strip_prefix(prefix.as_str()) {
            Some("") => String::new(),
            Some(rest) => rest.strip_prefix(' ').map(str::to_owned).unwrap_or(line),
            None => line,
        },
    };
    let lines = lines.into_iter().map(without_code).map(Into::into).collect();
    Reply::multiline(code, enhanced, lines)
}

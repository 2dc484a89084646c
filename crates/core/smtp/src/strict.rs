//! The strict reading of line ends: only CRLF is one, and CR, LF and NUL have no other use.
//!
//! Two servers that disagree on where a line ends can be made to disagree on where a message ends
//! (SMTP smuggling, CVE-2023-51764 and its kin). So nothing is mended here: what is not CRLF is an
//! error, and the connection ends.

use memchr::memchr3;
use thiserror::Error;

/// A CR without LF, an LF without CR, or a NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("lines end in CRLF; bare CR, bare LF and NUL are not accepted")]
pub struct BareLineEnd;

/// What a scan finds next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Part of a line: at least one byte, none of them CR, LF or NUL.
    Text(&'a [u8]),
    /// CRLF.
    LineEnd,
}

/// Splits a stream at CRLF. Each byte is looked at once, and the result does not depend on how the
/// stream was cut into reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanner {
    after_cr: bool,
}

impl Scanner {
    /// A scanner at the start of a line.
    pub const fn new() -> Self {
        Self { after_cr: false }
    }

    /// Takes the next piece off the front of `input`; `None` when `input` is used up.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, BareLineEnd> {
        loop {
            let Some((first, rest)) = input.split_first() else { return Ok(None) };
            if self.after_cr {
                if *first != b'\n' {
                    return Err(BareLineEnd);
                }
                self.after_cr = false;
                *input = rest;
                return Ok(Some(Piece::LineEnd));
            }
            match first {
                b'\r' => {
                    self.after_cr = true;
                    *input = rest;
                }
                b'\n' | b'\0' => return Err(BareLineEnd),
                _ => {
                    let end = memchr3(b'\r', b'\n', b'\0', input).unwrap_or(input.len());
                    let (text, rest) = input.split_at(end);
                    *input = rest;
                    return Ok(Some(Piece::Text(text)));
                }
            }
        }
    }

    /// Whether the last byte was a CR that waits for its LF.
    pub const fn is_after_cr(&self) -> bool {
        self.after_cr
    }
}

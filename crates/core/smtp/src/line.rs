//! Command lines, put together from bytes as they come.

use crate::strict::{BareLineEnd, Piece, Scanner};

/// A line that has ended.
#[derive(Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes without CRLF.
    Complete(Vec<u8>),
    /// It was longer than the limit; its bytes were dropped as they came.
    TooLong,
}

/// Reads lines of a limited length. Memory stays below the limit whatever the peer sends.
pub struct LineReader {
    scanner: Scanner,
    line: Vec<u8>,
    too_long: bool,
    max: usize,
}

impl LineReader {
    /// A reader of lines of at most `max` bytes, CRLF included.
    pub const fn new(max: usize) -> Self {
        Self { scanner: Scanner::new(), line: Vec::new(), too_long: false, max }
    }

    /// Takes bytes off the front of `input` up to the end of one line; `None` when they are used up.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Line>, BareLineEnd> {
        while let Some(piece) = self.scanner.next(input)? {
            match piece {
                Piece::Text(text) => self.push(text),
                Piece::LineEnd => {
                    let line = std::mem::take(&mut self.line);
                    let too_long = std::mem::take(&mut self.too_long);
                    return Ok(Some(if too_long { Line::TooLong } else { Line::Complete(line) }));
                }
            }
        }
        Ok(None)
    }

    fn push(&mut self, text: &[u8]) {
        if self.too_long || self.line.len() + text.len() + 2 > self.max {
            self.too_long = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(reader: &mut LineReader, mut input: &[u8]) -> Result<Vec<Line>, BareLineEnd> {
        let mut lines = Vec::new();
        while let Some(line) = reader.read(&mut input)? {
            lines.push(line);
        }
        Ok(lines)
    }

    #[test]
    fn a_line_may_be_exactly_as_long_as_the_limit() {
        let mut reader = LineReader::new(8);
        let read = lines(&mut reader, b"123456\r\n1234567\r\n12\r\n").expect("strict lines");
        let expected = [Line::Complete(b"123456".into()), Line::TooLong, Line::Complete(b"12".into())];
        assert!(read == expected);
    }

    #[test]
    fn only_crlf_ends_a_line() {
        for input in [&b"a\n"[..], b"a\rb", b"a\r\r\n", b"\n", b"a\0b\r\n", b"a\r\0\n"] {
            for cut in 0..input.len() {
                let mut reader = LineReader::new(100);
                let (head, tail) = input.split_at(cut);
                let found = lines(&mut reader, head).and_then(|_| lines(&mut reader, tail));
                assert!(found.is_err(), "{input:?} cut at {cut}");
            }
        }
    }
}

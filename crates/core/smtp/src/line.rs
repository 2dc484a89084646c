//! Command lines, put together from bytes as they come.

use crate::strict::{BareLineEnd, Piece, Scanner};

/// A line that has ended.
#[derive(Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes without CRLF.
    Complete(Vec<u8>),
    /// It was longer than the limit; its bytes were dropped as they came.
    TooLong,
    /// It has not ended, and is so long that nobody can mean it.
    Endless,
}

/// How long a line may be altogether before it counts as endless, in bytes.
pub const ENDLESS: usize = 256 * 1024;

/// Reads lines of a limited length. Memory stays below the limit whatever the peer sends.
pub struct LineReader {
    scanner: Scanner,
    line: Vec<u8>,
    dropped: usize,
    max: usize,
}

impl LineReader {
    /// A reader of lines of at most `max` bytes, CRLF included.
    pub const fn new(max: usize) -> Self {
        Self { scanner: Scanner::new(), line: Vec::new(), dropped: 0, max }
    }

    /// Takes bytes off the front of `input` up to the end of one line; `None` when they are used up.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Line>, BareLineEnd> {
        while let Some(piece) = self.scanner.next(input)? {
            match piece {
                Piece::Text(text) => self.push(text),
                Piece::LineEnd => {
                    let line = std::mem::take(&mut self.line);
                    let dropped = std::mem::take(&mut self.dropped);
                    return Ok(Some(if dropped > 0 { Line::TooLong } else { Line::Complete(line) }));
                }
            }
            if self.dropped > ENDLESS {
                return Ok(Some(Line::Endless));
            }
        }
        Ok(None)
    }

    fn push(&mut self, text: &[u8]) {
        if self.dropped > 0 || self.line.len() + text.len() + 2 > self.max {
            self.dropped += self.line.len() + text.len();
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
    fn a_line_without_end_is_given_up() {
        for piece in [1, 1_000, ENDLESS + 1] {
            let mut reader = LineReader::new(100);
            let text = vec![b'x'; piece];
            let mut sent = 0;
            while lines(&mut reader, &text).expect("strict lines").is_empty() {
                sent += piece;
                assert!(sent <= ENDLESS);
            }
        }
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

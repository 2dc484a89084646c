//! The one way content leaves: dot-stuffed lines that end in CRLF.
//!
//! Whatever goes in, no bare CR or LF comes out, no line consists of a single dot, and the content
//! ends with a CRLF; so nothing in it can end the message early (RFC 5321 section 4.5.2).

/// Encodes content piece by piece; pieces may be cut anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    last: Last,
}

/// What came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The end of a line (or nothing yet).
    LineEnd,
    /// A CR whose LF has not come yet; nothing has been written for it.
    Cr,
    /// Anything else.
    Text,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { last: Last::LineEnd }
    }
}

impl Encoder {
    /// Appends the encoded form of `content` to `out`.
    pub fn encode(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while let Some((&first, after)) = rest.split_first() {
            if self.last == Last::Cr {
                // CRLF is one line end; a lone CR becomes one.
                out.extend_from_slice(b"\r\n");
                self.last = Last::LineEnd;
                if first == b'\n' {
                    rest = after;
                }
                continue;
            }
            match first {
                b'\r' => {
                    self.last = Last::Cr;
                    rest = after;
                }
                b'\n' => {
                    out.extend_from_slice(b"\r\n");
                    self.last = Last::LineEnd;
                    rest = after;
                }
                _ => rest = self.text(rest, out),
            }
        }
    }

    /// Copies up to the next CR or LF.
    fn text<'a>(&mut self, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if self.last == Last::LineEnd && rest.first() == Some(&b'.') {
            out.push(b'.');
        }
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        out.extend_from_slice(line);
        self.last = Last::Text;
        after
    }

    /// Appends what is missing to the end of the last line.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.last != Last::LineEnd {
            out.extend_from_slice(b"\r\n");
        }
        self.last = Last::LineEnd;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| encoder.encode(piece, &mut out));
        encoder.end(&mut out);
        out
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        assert_eq!(encode(&[b".\r\n..\r\na.b\r\n"]), b"..\r\n...\r\na.b\r\n");
        assert_eq!(encode(&[b"a\r", b"\n.", b"b"]), b"a\r\n..b\r\n");
    }

    #[test]
    fn bare_line_ends_become_whole_ones() {
        assert_eq!(encode(&[b"a\n.\nb\r.\rc\r\r\n"]), b"a\r\n..\r\nb\r\n..\r\nc\r\n\r\n");
        assert_eq!(encode(&[]), b"");
    }

    /// What a receiver makes of the encoded form.
    fn decode(wire: &[u8]) -> Vec<u8> {
        let lines = wire.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
    }

    proptest! {
        #[test]
        fn nothing_can_end_the_message_early(
            content in prop::collection::vec(prop::sample::select(b"\r\n.ab\0 ".to_vec()), 0..200),
            cut in 0usize..200,
        ) {
            let cut = cut.min(content.len());
            let wire = encode(&[&content[..cut], &content[cut..]]);
            prop_assert_eq!(&wire, &encode(&[&content]), "segmentation changes nothing");
            prop_assert!(wire.is_empty() || wire.ends_with(b"\r\n"));
            for (at, byte) in wire.iter().enumerate() {
                match byte {
                    b'\n' => prop_assert!(at > 0 && wire[at - 1] == b'\r', "bare LF"),
                    b'\r' => prop_assert_eq!(wire.get(at + 1), Some(&b'\n'), "bare CR"),
                    _ => {}
                }
            }
            for line in wire.split(|byte| *byte == b'\n') {
                prop_assert!(line != b".\r", "a lone dot");
            }
        }

        #[test]
        fn proper_content_arrives_as_it_was(lines in prop::collection::vec("[.a-c ]{0,5}", 0..20)) {
            let content: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
            prop_assert_eq!(decode(&encode(&[&content])), content);
        }
    }
}

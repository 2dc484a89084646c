//! Content-Transfer-Encoding (RFC 2045 §6): which one suits a part, and writing it.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest line without its line end (RFC 5322 §2.1.1).
pub(crate) const MAX_LINE: usize = 998;
/// Longest line of quoted-printable.
const QP_LINE: usize = 76;
/// Bytes that make one line of base64.
const BASE64_BYTES: usize = 57;

/// An encoding that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }
}

/// The lines of a text, whatever ends them: CRLF, LF or CR.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        match memchr::memchr2(b'\r', b'\n', current) {
            None => {
                rest = None;
                Some(current)
            }
            Some(at) => {
                let (line, after) = current.split_at(at);
                rest = Some(after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default());
                Some(line)
            }
        }
    })
}

/// The encoding for a text: as it is where every server passes it on unchanged, else one that
/// holds anything: quoted-printable as long as a person can read it, base64 for other scripts.
pub(crate) fn for_text(text: &str) -> Encoding {
    let printable = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    // A line that begins with "From " is changed by some mailbox formats, which breaks signatures.
    let plain = |line: &[u8]| {
        line.len() <= MAX_LINE && !line.starts_with(b"From ") && line.iter().all(|b| printable(*b))
    };
    if lines(text.as_bytes()).all(plain) {
        return Encoding::SevenBit;
    }
    let escaped = text.bytes().filter(|byte| needs_escape(*byte)).count();
    if 3 * escaped > text.len() { Encoding::Base64 } else { Encoding::QuotedPrintable }
}

/// Writes a text with CRLF line endings inside. The caller ends the last line.
pub(crate) fn write_text(encoding: Encoding, text: &str, out: &mut Vec<u8>) {
    match encoding {
        Encoding::SevenBit => write_lines(text.as_bytes(), out, |line, out| {
            out.extend_from_slice(line);
        }),
        Encoding::QuotedPrintable => write_lines(text.as_bytes(), out, write_quoted),
        Encoding::Base64 => {
            let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
            write_lines(text.as_bytes(), &mut canonical, |line, out| out.extend_from_slice(line));
            write_base64(&canonical, out);
        }
    }
}

/// Writes bytes as they are or in base64; text encodings are not for bytes.
pub(crate) fn write_bytes(encoding: Encoding, bytes: &[u8], out: &mut Vec<u8>) {
    match encoding {
        Encoding::SevenBit => out.extend_from_slice(bytes),
        Encoding::QuotedPrintable | Encoding::Base64 => write_base64(bytes, out),
    }
}

fn write_lines(text: &[u8], out: &mut Vec<u8>, mut write: impl FnMut(&[u8], &mut Vec<u8>)) {
    for (index, line) in lines(text).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        write(line, out);
    }
}

const fn needs_escape(byte: u8) -> bool {
    byte == b'=' || (byte != b'\t' && !(byte >= b' ' && byte <= b'~') && byte != b'\r' && byte != b'\n')
}

/// One line of text as quoted-printable (RFC 2045 §6.7), with soft line breaks where it is long.
fn write_quoted(line: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut column = 0;
    for (index, byte) in line.iter().enumerate() {
        let last = index + 1 == line.len();
        let blank_at_end = last && matches!(byte, b' ' | b'\t');
        let from = column == 0 && line.get(index..).is_some_and(|rest| rest.starts_with(b"From "));
        let escape = needs_escape(*byte) || *byte == b'\r' || *byte == b'\n' || blank_at_end || from;
        let width = if escape { 3 } else { 1 };
        // A soft break needs one column itself, except after the last character.
        if column + width + usize::from(!last) > QP_LINE {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if escape {
            let digit = |value: u8| HEX.get(usize::from(value & 15)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'=', digit(*byte >> 4), digit(*byte)]);
        } else {
            out.push(*byte);
        }
        column += width;
    }
}

/// Base64 in lines of 76 characters; no line end after the last.
pub(crate) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let mut line = [0u8; 76];
    for (index, chunk) in bytes.chunks(BASE64_BYTES).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        let written = STANDARD.encode_slice(chunk, &mut line).unwrap_or(0);
        out.extend_from_slice(line.get(..written).unwrap_or_default());
    }
}

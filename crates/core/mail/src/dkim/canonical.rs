//! The relaxed canonical form of header fields and bodies (RFC 6376 §3.4.2, §3.4.4).

use aws_lc_rs::digest;

/// The fields of a header block, each with its continuation lines and line end.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let folded = |at: &usize| matches!(rest.get(at + 1), Some(b' ' | b'\t'));
        let end = memchr::memchr_iter(b'\n', rest).find(|at| !folded(at)).map_or(rest.len(), |at| at + 1);
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(field)
    })
}

/// Whether the field has this name (given in lower case).
pub(super) fn is_named(field: &[u8], name: &str) -> bool {
    let Some((start, rest)) = field.split_at_checked(name.len()) else { return false };
    start.eq_ignore_ascii_case(name.as_bytes()) && rest.trim_ascii_start().starts_with(b":")
}

/// Appends the canonical form with its CRLF.
pub(super) fn field(field: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', field).unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let mut blank = false;
    for byte in value.get(1..).unwrap_or_default() {
        match byte {
            b' ' | b'\t' => blank = true,
            b'\r' | b'\n' => {}
            byte => {
                if blank && out.len() > start {
                    out.push(b' ');
                }
                blank = false;
                out.push(*byte);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// SHA-256 of the canonical body, computed without a copy of it.
pub(super) fn body_hash(body: &[u8]) -> digest::Digest {
    let mut hash =
        Hash { context: digest::Context::new(&digest::SHA256), buffer: Vec::with_capacity(FULL * 2) };
    let mut empty_lines = 0usize;
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default()),
            None => (rest, &b""[..]),
        };
        rest = after;
        let line = trim_end(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            // Empty lines count only if another line follows.
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            hash.push(b"\r\n");
        }
        hash.line(line);
    }
    hash.context.update(&hash.buffer);
    hash.context.finish()
}

const FULL: usize = 8 * 1024;

struct Hash {
    context: digest::Context,
    buffer: Vec<u8>,
}

impl Hash {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= FULL {
            self.context.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// Adds a line without blanks at its end: runs of blanks become one space.
    fn line(&mut self, line: &[u8]) {
        let mut rest = line;
        while let Some(at) = memchr::memchr2(b' ', b'\t', rest) {
            let (word, blanks) = rest.split_at(at);
            self.push(word);
            self.push(b" ");
            let run = blanks.iter().take_while(|byte| is_blank(**byte)).count();
            rest = blanks.get(run..).unwrap_or_default();
        }
        self.push(rest);
        self.push(b"\r\n");
    }
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

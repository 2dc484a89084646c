//! Finding the fields of a message, and making its line endings those of the wire.

use std::ops::Range;

use super::{Field, Limits, Message, MimeError, long_lines};
use crate::{header, options};

pub(super) fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Message, MimeError> {
    if bytes.len() > limits.size {
        return Err(MimeError::TooLarge { limit: limits.size });
    }
    let mut bytes = with_crlf(without_preface(bytes))?;
    if bytes.is_empty() {
        return Err(MimeError::Empty);
    }
    if bytes.len() > limits.size {
        return Err(MimeError::TooLarge { limit: limits.size });
    }
    let (mut fields, mut body, lines) = fields(&bytes, limits)?;
    // A message may end inside its header block.
    if let Some(last) = fields.last_mut().filter(|last| last.all.end == bytes.len())
        && !bytes.ends_with(b"\r\n")
    {
        bytes.extend_from_slice(b"\r\n");
        last.all.end = bytes.len();
        body = bytes.len();
    }
    let Err(long) = check_body(&bytes, body, lines, limits, &[]) else {
        return Ok(Message { bytes, fields, body });
    };
    // The fields of a message of one part change with its body: everything is found again.
    let bytes = long_lines::shorten(&bytes, limits.line);
    if bytes.len() > limits.size {
        return Err(MimeError::TooLarge { limit: limits.size });
    }
    let (fields, body, lines) = self::fields(&bytes, limits)?;
    check_body(&bytes, body, lines, limits, &long_lines::signed(&bytes)).map_err(|_| long)?;
    Ok(Message { bytes, fields, body })
}

/// Without what some programs write before the first field: empty lines, and the `From ` line of
/// mailbox files.
fn without_preface(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut start = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rest = bytes.get(start..).unwrap_or_default();
    // `From :` with a space is a field of old (RFC 5322 section 4.5), not such a line.
    if rest.strip_prefix(b"From ").is_some_and(|rest| !rest.trim_ascii_start().starts_with(b":")) {
        start += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }
    if start > 0 {
        bytes.drain(..start);
    }
    bytes
}

/// Refuses NUL and bare CR. In a header block with CRLF a bare LF is refused too: somebody's text may
/// have slipped a line in. Otherwise each LF becomes CRLF.
fn with_crlf(bytes: Vec<u8>) -> Result<Vec<u8>, MimeError> {
    let line_of = |at: usize| 1 + memchr::memchr_iter(b'\n', bytes.get(..at).unwrap_or_default()).count();
    if let Some(at) = memchr::memchr(0, &bytes) {
        return Err(MimeError::Nul { line: line_of(at) });
    }
    let bare_cr = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    if let Some(at) = memchr::memchr_iter(b'\r', &bytes).find(bare_cr) {
        return Err(MimeError::BareLineEnd { line: line_of(at) });
    }
    let is_bare = |at: usize| at == 0 || bytes.get(at - 1) != Some(&b'\r');
    let bare = memchr::memchr_iter(b'\n', &bytes).filter(|at| is_bare(*at)).count();
    if bare == 0 {
        return Ok(bytes);
    }
    if let Some(line) = mixed_header(&bytes) {
        return Err(MimeError::BareLineEnd { line });
    }
    let mut out = Vec::with_capacity(bytes.len() + bare);
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', &bytes).filter(|at| is_bare(*at)) {
        out.extend_from_slice(bytes.get(start..at).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
        start = at + 1;
    }
    out.extend_from_slice(bytes.get(start..).unwrap_or_default());
    Ok(out)
}

/// The first line of the header block that does not end like the first one.
fn mixed_header(bytes: &[u8]) -> Option<usize> {
    let mut first = None;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let crlf = line.ends_with(b"\r");
        if *first.get_or_insert(crlf) != crlf {
            return Some(index + 1);
        }
        if line.is_empty() || line == b"\r" {
            return None;
        }
    }
    None
}

/// The fields, where the body starts, and how many lines come before it.
fn fields(bytes: &[u8], limits: &Limits) -> Result<(Vec<Field>, usize, usize), MimeError> {
    let large = MimeError::LargeHeader { size: limits.header_block, fields: limits.fields };
    let mut fields: Vec<Field> = Vec::new();
    let mut name = "";
    let (mut at, mut number, mut options) = (0, 0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        number += 1;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default();
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if text.is_empty() {
            return Ok((fields, at + length, number));
        }
        if text.starts_with(b" ") || text.starts_with(b"\t") {
            let field = fields.last_mut().ok_or(MimeError::NotAField { line: number })?;
            field.all.end = at + length;
            field.value.end = at + text.len();
        } else {
            if fields.len() == limits.fields {
                return Err(large);
            }
            let field = field(text, at, length).ok_or(MimeError::NotAField { line: number })?;
            name =
                bytes.get(field.name.clone()).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default();
            fields.push(field);
        }
        at += length;
        if super::is_dropped_option(name) {
            options += length;
        }
        if options > limits.options {
            return Err(MimeError::LargeOptions { limit: limits.options });
        }
        if at - options > limits.header_block {
            return Err(large);
        }
        if text.len() > limits.line && !options::is_option(name) {
            return Err(MimeError::LongLine { line: number, limit: limits.line });
        }
    }
    Ok((fields, bytes.len(), number))
}

/// The field that starts with this line.
fn field(text: &[u8], at: usize, length: usize) -> Option<Field> {
    let colon = memchr::memchr(b':', text)?;
    let name = text.get(..colon)?.trim_ascii_end();
    header::check_name(std::str::from_utf8(name).ok()?).ok()?;
    Some(Field { all: at..at + length, name: at..at + name.len(), value: at + colon + 1..at + text.len() })
}

/// Refuses lines of the body that are too long, but for those in the stretches that must stay as they are.
fn check_body(
    bytes: &[u8],
    body: usize,
    lines: usize,
    limits: &Limits,
    kept: &[Range<usize>],
) -> Result<(), MimeError> {
    let content = bytes.get(body..).unwrap_or_default();
    let mut start = 0;
    for (index, end) in memchr::memchr_iter(b'\n', content).chain([content.len() + 1]).enumerate() {
        // The line end is two bytes; after the last line there is none, which the `+ 1` makes up for.
        let long = end.saturating_sub(start + 1) > limits.line;
        if long && !kept.iter().any(|range| range.contains(&(body + start))) {
            return Err(MimeError::LongLine { line: lines + index + 1, limit: limits.line });
        }
        start = end + 1;
    }
    Ok(())
}

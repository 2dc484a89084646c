//! Lines that SMTP cannot carry (RFC 5321 section 4.5.3.1.6), as many programs write them into HTML: the
//! parts that hold them are encoded anew, since a server on the way would cut them and break signatures. What the
//! customer signed is not: we would break that signature for sure, the server on the way only perhaps.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    build::transfer,
    mime::{self, Part},
    reencode::Reencoded,
};

/// The message with text and base64 parts written anew where they have lines of more than `limit`
/// bytes. Other parts stay as they are, long lines and all, and so does what somebody signed.
pub(super) fn shorten(mime: &[u8], limit: usize) -> Vec<u8> {
    let mut places: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
    for part in mime::parts(mime).into_iter().filter(|part| !part.signed) {
        let raw = mime.get(part.body.clone()).unwrap_or_default();
        if !raw.split(|byte| *byte == b'\n').any(|line| line.len() > limit + 1) {
            continue;
        }
        if part.is_base64() {
            places.extend(rewrapped(raw).map(|lines| (part.body.clone(), lines)));
        } else if part.media.essence.starts_with("text/") {
            places.extend(reencoded(mime, &part));
        }
    }
    places.sort_by_key(|(range, _)| range.start);
    splice(mime, &places)
}

/// Where what somebody signed stands: nobody but the signer may break its lines.
pub(super) fn signed(mime: &[u8]) -> Vec<Range<usize>> {
    let signed = mime::parts(mime).into_iter().filter(|part| part.signed);
    signed.map(|part| part.header.start..part.body.end).collect()
}

/// Base64 in lines of 76 characters; nothing if it is no base64.
fn rewrapped(raw: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(digits).ok()?;
    let mut lines = Vec::with_capacity(raw.len() + raw.len() / 38);
    transfer::write_base64(&bytes, &mut lines);
    if raw.ends_with(b"\r\n") {
        lines.extend_from_slice(b"\r\n");
    }
    Some(lines)
}

fn reencoded(mime: &[u8], part: &Part<'_>) -> Vec<(Range<usize>, Vec<u8>)> {
    let Reencoded { fields, body, text, encoding } = Reencoded::of(mime, part, &part.text());
    let mut written = Vec::with_capacity(text.len() + text.len() / 8);
    transfer::write_text(encoding, &text, &mut written);
    fields.into_iter().map(|(range, field)| (range, field.into_bytes())).chain([(body, written)]).collect()
}

fn splice(mime: &[u8], places: &[(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mime.len() + mime.len() / 8);
    let mut at = 0;
    for (range, content) in places.iter().filter(|(range, _)| range.end <= mime.len()) {
        if range.start < at {
            continue;
        }
        out.extend_from_slice(mime.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(content);
        at = range.end;
    }
    out.extend_from_slice(mime.get(at..).unwrap_or_default());
    out
}

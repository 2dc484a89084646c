//! The tree of a message: its parts, where they stand, and what is in them.
//!
//! Tolerant and bounded: a part that cannot be read is text or bytes as it stands, and what is nested
//! too deep or is one part too many stays inside the part around it. Enclosed messages are not opened.

pub(crate) mod decode;
mod parameters;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, ops::Range};

use memchr::memmem;

pub(crate) use parameters::Media;

/// Multiparts within multiparts.
const MAX_DEPTH: usize = 32;
/// Parts of a message.
const MAX_PARTS: usize = 1_000;

/// A part that is no multipart.
pub(crate) struct Part<'m> {
    mime: &'m [u8],
    /// The fields, with the line end of the last.
    pub(crate) header: Range<usize>,
    /// The body as it stands there, without the line end that belongs to a boundary.
    pub(crate) body: Range<usize>,
    /// `Content-Type`; `text/plain` if there is none.
    pub(crate) media: Media,
    /// Whether there is a `Content-Type`.
    has_type: bool,
    disposition: Option<Media>,
    encoding: String,
    /// Content-ID without brackets.
    pub(crate) content_id: Option<String>,
    /// Whether somebody signed it: it lies in a `multipart/signed` (RFC 1847), where no byte may change.
    pub(crate) signed: bool,
}

/// The parts of a message in their order.
pub(crate) fn parts(mime: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    walk(mime, 0..mime.len(), Above::default(), &mut parts);
    parts
}

/// What is around a part.
#[derive(Default, Clone, Copy)]
struct Above {
    depth: usize,
    signed: bool,
}

fn walk<'m>(mime: &'m [u8], range: Range<usize>, above: Above, parts: &mut Vec<Part<'m>>) {
    let (header, body) = split(mime, range);
    let mut part = Part::read(mime, header, body);
    part.signed = above.signed || part.media.essence == "multipart/signed";
    let boundary = part.media.parameter("boundary").filter(|text| !text.is_empty());
    match boundary {
        Some(boundary) if part.media.is_multipart() && above.depth < MAX_DEPTH => {
            let above = Above { depth: above.depth + 1, signed: part.signed };
            for child in children(mime, part.body.clone(), boundary) {
                walk(mime, child, above, parts);
            }
        }
        _ if parts.len() < MAX_PARTS => parts.push(part),
        _ => {}
    }
}

/// The header block and the body; the empty line between them belongs to neither.
fn split(mime: &[u8], range: Range<usize>) -> (Range<usize>, Range<usize>) {
    let mut at = range.start;
    while let Some(rest) = mime.get(at..range.end).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        if matches!(rest.get(..length), Some(b"\r\n" | b"\n")) {
            return (range.start..at, at + length..range.end);
        }
        at += length;
    }
    (range.start..range.end, range.end..range.end)
}

/// The stretches between the delimiter lines of a multipart.
fn children(mime: &[u8], body: Range<usize>, boundary: &str) -> Vec<Range<usize>> {
    let content = mime.get(body.clone()).unwrap_or_default();
    let delimiter = format!("--{boundary}");
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    for at in memmem::find_iter(content, delimiter.as_bytes()) {
        let line = content.get(at + delimiter.len()..).unwrap_or_default();
        let begins_line = at == 0 || content.get(at - 1) == Some(&b'\n');
        let Some((closes, length)) = rest_of_delimiter(line).filter(|_| begins_line) else { continue };
        if let Some(start) = start {
            found.push(start..without_line_end(content, start, at));
        }
        start = (!closes).then_some(at + delimiter.len() + length);
        if closes {
            break;
        }
        if found.len() == MAX_PARTS {
            return absolute(found, &body);
        }
    }
    found.extend(start.map(|start| start..content.len()));
    absolute(found, &body)
}

fn absolute(ranges: Vec<Range<usize>>, body: &Range<usize>) -> Vec<Range<usize>> {
    ranges.into_iter().map(|range| body.start + range.start..body.start + range.end).collect()
}

/// Whether the delimiter is the closing one, and how long the rest of its line is; nothing if the line
/// goes on with other text.
fn rest_of_delimiter(rest: &[u8]) -> Option<(bool, usize)> {
    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    let line = rest.get(..length)?.trim_ascii_end();
    match line.strip_prefix(b"--") {
        Some(after) => after.trim_ascii().is_empty().then_some((true, length)),
        None => line.trim_ascii().is_empty().then_some((false, length)),
    }
}

/// Where the part that starts at `start` ends if the delimiter line starts at `at`.
fn without_line_end(content: &[u8], start: usize, at: usize) -> usize {
    let part = content.get(start..at).unwrap_or_default();
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    start + part.strip_suffix(b"\r").unwrap_or(part).len()
}

impl<'m> Part<'m> {
    fn read(mime: &'m [u8], header: Range<usize>, body: Range<usize>) -> Self {
        let block = mime.get(header.clone()).unwrap_or_default();
        let mut part = Part {
            mime,
            header,
            body,
            media: Media::plain_text(),
            has_type: false,
            disposition: None,
            encoding: String::new(),
            content_id: None,
            signed: false,
        };
        for (name, value) in fields(block) {
            match name.to_ascii_lowercase().as_str() {
                "content-type" if !part.has_type => {
                    part.has_type = true;
                    part.media = Media::read(value);
                }
                "content-disposition" if part.disposition.is_none() => {
                    part.disposition = Some(Media::read(value))
                }
                "content-transfer-encoding" if part.encoding.is_empty() => {
                    part.encoding = crate::patch::unfold(value).to_ascii_lowercase();
                }
                "content-id" if part.content_id.is_none() => {
                    let id = crate::patch::unfold(value);
                    part.content_id =
                        Some(id.trim_matches(['<', '>', ' ']).to_owned()).filter(|id| !id.is_empty());
                }
                _ => {}
            }
        }
        part
    }

    /// The body without its transfer encoding.
    pub(crate) fn bytes(&self) -> Cow<'m, [u8]> {
        let raw = self.mime.get(self.body.clone()).unwrap_or_default();
        match self.encoding.as_str() {
            "base64" => Cow::Owned(decode::base64(raw)),
            "quoted-printable" => Cow::Owned(decode::quoted_printable(raw)),
            _ => Cow::Borrowed(raw),
        }
    }

    /// The body as text, by its charset; what is no text in it is replaced.
    pub(crate) fn text(&self) -> String {
        decode::text(&self.bytes(), self.media.parameter("charset"))
    }

    /// The name of the file: of `Content-Disposition` first, else of `Content-Type`.
    pub(crate) fn file_name(&self) -> Option<String> {
        let given = self.disposition.as_ref().and_then(|known| known.parameter("filename"));
        let name = given.or_else(|| self.media.parameter("name"))?;
        Some(crate::header::encoded_word::decode(name).into_owned())
    }

    /// Whether it is a file that the text refers to by its Content-ID.
    pub(crate) fn is_inline(&self) -> bool {
        let inline = self.disposition.as_ref().is_some_and(|known| known.essence == "inline");
        inline && self.content_id.is_some()
    }

    /// Whether the body stands in base64.
    pub(crate) fn is_base64(&self) -> bool {
        self.encoding == "base64"
    }

    /// Whether it is text to read, not a file: text without `attachment` and without a file name.
    pub(crate) fn is_body(&self) -> bool {
        let attached = self.disposition.as_ref().is_some_and(|known| known.essence == "attachment");
        self.media.essence.starts_with("text/") && !attached && self.file_name().is_none()
    }
}

/// Name and value of the fields of a header block, as they stand there.
pub(crate) fn fields(block: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    ranges(block).map(|(name, _, value)| (name, block.get(value).unwrap_or_default()))
}

/// Name, place of the whole field, and place of its value. Lines that are no fields are passed over.
pub(crate) fn ranges(block: &[u8]) -> impl Iterator<Item = (String, Range<usize>, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = block.get(at..).filter(|rest| !rest.is_empty())?;
            let folded = |end: &usize| matches!(rest.get(end + 1), Some(b' ' | b'\t'));
            let length =
                memchr::memchr_iter(b'\n', rest).find(|end| !folded(end)).map_or(rest.len(), |end| end + 1);
            let start = at;
            at += length;
            let field = rest.get(..length).unwrap_or_default();
            let Some(colon) = memchr::memchr(b':', field) else { continue };
            let name = String::from_utf8_lossy(field.get(..colon).unwrap_or_default()).trim().to_owned();
            if crate::header::check_name(&name).is_ok() {
                return Some((name, start..at, start + colon + 1..at));
            }
        }
    })
}

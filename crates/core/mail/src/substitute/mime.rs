//! Recipient variables inside a finished message: texts and headers decoded once, completed for each
//! recipient, and encoded again. Parts without names are copied byte for byte.

use std::{fmt::Write as _, ops::Range};

use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};

use super::{SubstituteError, Values, has_names, text};
use crate::{
    build::transfer::{self, Encoding},
    header::{self, encoded_word},
    patch,
};

/// A message with names in it, ready to be completed for any number of recipients.
pub struct MimeTemplate {
    mime: Vec<u8>,
    /// In order, without overlap.
    places: Vec<Place>,
}

/// A stretch of the message and what stands there for a recipient.
struct Place {
    range: Range<usize>,
    content: Content,
}

enum Content {
    /// A header field, decoded.
    Field { name: String, value: String },
    /// The body of a text part, decoded.
    Body { text: String, encoding: Encoding },
    /// The same for everybody.
    Fixed(String),
}

impl MimeTemplate {
    /// Finds the names in a message with CRLF line endings. Attachments and enclosed messages are not
    /// looked into.
    pub fn read(mime: Vec<u8>) -> Self {
        let mut places = Vec::new();
        collect(&mime, &mut places);
        places.sort_by_key(|place: &Place| place.range.start);
        let mut end = 0;
        places.retain(|place| {
            let fits = place.range.start >= end && place.range.end <= mime.len();
            end = if fits { place.range.end } else { end };
            fits
        });
        Self { mime, places }
    }

    /// Whether every recipient gets the same bytes.
    pub fn is_plain(&self) -> bool {
        self.places.is_empty()
    }

    /// The message for a recipient; at most `limit` bytes.
    pub fn render(&self, values: &Values<'_>, limit: usize) -> Result<Vec<u8>, SubstituteError> {
        let too_large = SubstituteError::TooLarge { limit };
        if self.mime.len() > limit.saturating_mul(2) {
            return Err(too_large);
        }
        let mut out = Vec::with_capacity(self.mime.len() + self.mime.len() / 8);
        let mut at = 0;
        for place in &self.places {
            out.extend_from_slice(self.mime.get(at..place.range.start).unwrap_or_default());
            at = place.range.end;
            match &place.content {
                Content::Fixed(fixed) => out.extend_from_slice(fixed.as_bytes()),
                Content::Field { name, value } => {
                    let value = text(value, values, limit)?;
                    out.extend_from_slice(header::custom(name, &value)?.as_bytes());
                }
                Content::Body { text: body, encoding } => {
                    transfer::write_text(*encoding, &text(body, values, limit)?, &mut out);
                }
            }
            if out.len() > limit {
                return Err(too_large);
            }
        }
        out.extend_from_slice(self.mime.get(at..).unwrap_or_default());
        if out.len() > limit { Err(too_large) } else { Ok(out) }
    }
}

fn collect(mime: &[u8], places: &mut Vec<Place>) {
    let Some(message) = MessageParser::new().with_mime_headers().parse(mime) else { return };
    for (index, part) in message.parts.iter().enumerate() {
        let body_text = text_of(part, index == 0).filter(|body| has_names(body));
        let block = field_ranges(mime, part);
        if index == 0 {
            let is_mime = |name: &str| name.to_ascii_lowercase().starts_with("content-");
            for (name, range) in block.iter().filter(|(name, _)| !is_mime(name)) {
                header_place(mime, name, range, places);
            }
        }
        if let Some(body) = body_text {
            body_places(mime, part, &block, body, places);
        }
    }
}

/// The text of a part in which names are replaced.
fn text_of<'p>(part: &'p MessagePart<'_>, root: bool) -> Option<&'p str> {
    let attached =
        part.content_disposition().is_some_and(|value| value.c_type.eq_ignore_ascii_case("attachment"));
    match &part.body {
        PartType::Text(text) | PartType::Html(text) if root || !attached => Some(text),
        _ => None,
    }
}

/// Name and place of each field of a part.
fn field_ranges(mime: &[u8], part: &MessagePart<'_>) -> Vec<(String, Range<usize>)> {
    let start = part.offset_header as usize;
    let block = mime.get(start..part.offset_body as usize).unwrap_or_default();
    let mut fields: Vec<(String, Range<usize>)> = Vec::new();
    let mut at = start;
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, range)) = fields.last_mut() {
                range.end = end;
            }
        } else if let Some(colon) = memchr::memchr(b':', line) {
            let name = String::from_utf8_lossy(line.get(..colon).unwrap_or_default()).trim().to_owned();
            fields.push((name, at..end));
        }
        at = end;
    }
    fields
}

fn header_place(mime: &[u8], name: &str, range: &Range<usize>, places: &mut Vec<Place>) {
    let value = mime.get(range.start + name.len()..range.end).unwrap_or_default();
    let value = patch::unfold(value);
    let value = encoded_word::decode(value.trim_start_matches([' ', '\t']).trim_start_matches(':').trim())
        .into_owned();
    if has_names(&value) && header::check_name(name).is_ok() {
        let content = Content::Field { name: name.to_owned(), value };
        places.push(Place { range: range.clone(), content });
    }
}

/// The body, and the two fields that say how it is encoded.
fn body_places(
    mime: &[u8],
    part: &MessagePart<'_>,
    block: &[(String, Range<usize>)],
    body: &str,
    places: &mut Vec<Place>,
) {
    // What a recipient's values need is not known yet, so an encoding is taken that holds anything.
    let encoding = match transfer::for_text(body) {
        Encoding::Base64 => Encoding::Base64,
        Encoding::SevenBit | Encoding::EightBit | Encoding::QuotedPrintable => Encoding::QuotedPrintable,
    };
    let mut fields = String::new();
    let fallback = if matches!(part.body, PartType::Html(_)) { "html" } else { "plain" };
    let _ = write!(fields, "{}\r\n", content_type(part, fallback));
    let _ = write!(fields, "Content-Transfer-Encoding: {}\r\n", encoding.name());
    let start = part.offset_header as usize;
    let body_start = part.offset_body as usize;
    let named = |wanted: &str, name: &str| name.eq_ignore_ascii_case(wanted);
    let mut first = Some(fields);
    for (name, range) in block {
        if named("content-type", name) || named("content-transfer-encoding", name) {
            places.push(Place {
                range: range.clone(),
                content: Content::Fixed(first.take().unwrap_or_default()),
            });
        }
    }
    if let Some(fields) = first {
        places.push(Place { range: start..start, content: Content::Fixed(fields) });
    }
    let end = part.offset_end as usize;
    let raw = mime.get(body_start..end).unwrap_or_default();
    // Line ends after the last line are not part of what encodings hold; keep one if there was one.
    let body = if raw.ends_with(b"\r\n") { body.trim_end_matches(['\r', '\n']) } else { body };
    let tail = raw.len() - raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    let content = Content::Body { text: body.to_owned(), encoding };
    let end = if raw.ends_with(b"\r\n") { end - tail } else { end };
    places.push(Place { range: body_start..end.max(body_start), content });
}

/// The part's content type with UTF-8 as its charset.
fn content_type(part: &MessagePart<'_>, fallback: &str) -> String {
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let Some(known) = part.content_type() else {
        return format!("Content-Type: text/{fallback}; charset=utf-8");
    };
    let subtype = known.c_subtype.as_deref().filter(|subtype| token(subtype)).unwrap_or(fallback);
    let mut line = format!("Content-Type: text/{subtype}; charset=utf-8");
    for attribute in known.attributes.iter().flatten() {
        if !attribute.name.eq_ignore_ascii_case("charset")
            && token(&attribute.name)
            && token(&attribute.value)
        {
            let _ = write!(line, ";\r\n {}={}", attribute.name, attribute.value);
        }
    }
    line
}

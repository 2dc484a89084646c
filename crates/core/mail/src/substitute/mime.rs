//! Recipient variables inside a finished message: texts and headers decoded once, completed for each
//! recipient, and encoded again. Parts without names are copied byte for byte.

use std::ops::Range;

use super::{SubstituteError, Values, has_names, text};
use crate::{
    build::transfer::{self, Encoding},
    header::{self, encoded_word},
    mime::{self, Part},
    patch,
    reencode::Reencoded,
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
    /// Finds the names in a message with CRLF line endings. Attachments, enclosed messages and what somebody
    /// signed are not looked into.
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
                    out.extend_from_slice(header::rewritten(name, &value)?.as_bytes());
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
    let parts = mime::parts(mime);
    let end = memchr::memmem::find(mime, b"\r\n\r\n").map_or(mime.len(), |at| at + 2);
    for (name, field, value) in mime::ranges(mime.get(..end).unwrap_or_default()) {
        if !name.to_ascii_lowercase().starts_with("content-") {
            header_place(mime, name, field, value, places);
        }
    }
    // A message of one part is text even if it calls itself an attachment.
    let only = parts.len() == 1;
    for part in parts.iter().filter(|part| !part.signed) {
        if part.is_body() || (only && part.media.essence.starts_with("text/")) {
            let body = part.text();
            if has_names(&body) {
                places.extend(reencoded(mime, part, &body));
            }
        }
    }
}

fn header_place(
    mime: &[u8],
    name: String,
    field: Range<usize>,
    value: Range<usize>,
    places: &mut Vec<Place>,
) {
    let value = patch::unfold(mime.get(value).unwrap_or_default());
    let value = encoded_word::decode(&value).into_owned();
    if has_names(&value) {
        places.push(Place { range: field, content: Content::Field { name, value } });
    }
}

fn reencoded(mime: &[u8], part: &Part<'_>, body: &str) -> impl Iterator<Item = Place> {
    let Reencoded { fields, body, text, encoding } = Reencoded::of(mime, part, body);
    let fields = fields.into_iter().map(|(range, field)| Place { range, content: Content::Fixed(field) });
    fields.chain([Place { range: body, content: Content::Body { text, encoding } }])
}

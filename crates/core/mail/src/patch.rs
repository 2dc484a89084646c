//! A customer's MIME: read as far as its header block, changed there and nowhere else.

mod long_lines;
mod read;
#[cfg(test)]
mod tests;

use std::ops::Range;

use memchr::memmem;
use thiserror::Error;
use waxseal_model::Timestamp;

use crate::{
    address::{Mailbox, ParseAddressError, parse_list},
    date,
    header::{self, HeaderError, encoded_word},
    message_id, options,
};

/// What a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole message.
    pub size: usize,
    /// Bytes of the header block, less the options that are not passed on.
    pub header_block: usize,
    /// Bytes of the options that are not passed on: the variables of 1,000 recipients are long.
    pub options: usize,
    /// Header fields.
    pub fields: usize,
    /// Bytes of a line without its end (RFC 5322 §2.1.1). Option headers, which are not passed on, may
    /// have longer ones.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: 25 * 1024 * 1024,
            header_block: 100 * 1024,
            options: 4 * 1024 * 1024,
            fields: 1_000,
            line: 998,
        }
    }
}

/// Why a MIME message was refused. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MimeError {
    /// There is nothing in it.
    #[error("the message is empty")]
    Empty,
    /// A NUL byte.
    #[error("line {line} of the message holds a NUL byte")]
    Nul {
        /// Where.
        line: usize,
    },
    /// A CR without LF, or a LF without CR in a header block that has CRLF.
    #[error("line {line} of the message has a bare CR or LF: end each line with CRLF")]
    BareLineEnd {
        /// Where.
        line: usize,
    },
    /// A line of the header block is no field.
    #[error("line {line} of the message is not a header field")]
    NotAField {
        /// Where.
        line: usize,
    },
    /// A line is too long.
    #[error("line {line} of the message is longer than {limit} bytes")]
    LongLine {
        /// Where.
        line: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The header block is too large or has too many fields.
    #[error("the header block of the message is larger than {size} bytes or {fields} fields")]
    LargeHeader {
        /// Limit in bytes.
        size: usize,
        /// Limit of fields.
        fields: usize,
    },
    /// The options in the header block are too large.
    #[error("the X-Mailgun headers of the message are larger than {limit} bytes")]
    LargeOptions {
        /// Limit in bytes.
        limit: usize,
    },
    /// The whole message is too large.
    #[error("message size exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Limit in bytes.
        limit: usize,
    },
    /// A header to set is not one.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// A message with CRLF line endings whose header fields are known.
pub struct Message {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    body: usize,
}

/// Where a field stands: all of it with its line end, its name, its value.
struct Field {
    all: Range<usize>,
    name: Range<usize>,
    value: Range<usize>,
}

/// What to change in a header block. `Bcc`, `Return-Path` and the options are always taken out;
/// `Mime-Version` is always added when it is missing.
#[derive(Clone, Copy)]
pub struct Patch<'a> {
    /// Fields to replace, or to add if the message does not have them. Two entries of one name make two fields;
    /// of a name that a message may have only once (RFC 5322 §3.6) the first counts, unless it is empty.
    pub set: &'a [(String, String)],
    /// Fields to take out, names in any case.
    pub remove: &'a [&'a str],
    /// Message-ID without brackets, used if the message has none.
    pub message_id: &'a str,
    /// `Date`, used if the message has none that can be read.
    pub date: Timestamp,
}

/// A patched message.
pub struct Patched {
    /// The message.
    pub mime: Vec<u8>,
    /// Its Message-ID without brackets.
    pub message_id: String,
}

impl Message {
    /// Reads the header block. Lines that all end in a bare LF, as many programs write files, become
    /// lines that end in CRLF; so do bare LFs in the body. Everything else stays as it is.
    pub fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Self, MimeError> {
        read::read(bytes, limits)
    }

    /// The whole message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The body: what follows the empty line.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }

    /// The fields in order: name, and value as it stands there (folded, encoded).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (self.name(field), self.slice(&field.value)))
    }

    /// The unfolded values of the fields with this name, not decoded.
    pub fn raw<'m>(&'m self, name: &'m str) -> impl Iterator<Item = String> + 'm {
        self.headers()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| unfold(value))
    }

    /// The first field with this name: unfolded, encoded words decoded.
    pub fn first(&self, name: &str) -> Option<String> {
        self.raw(name).next().map(|value| encoded_word::decode(&value).into_owned())
    }

    /// The mailboxes of all fields with this name, at most `max`.
    pub fn mailboxes(&self, name: &str, max: usize) -> Result<Vec<Mailbox>, ParseAddressError> {
        parse_list(&self.raw(name).collect::<Vec<_>>().join(", "), max)
    }

    /// A field that stands there twice though a message may have only one (RFC 5322 §3.6): readers would choose
    /// differently between the two. Those that never leave do not count.
    pub fn repeated(&self) -> Option<&'static str> {
        let mut seen = Vec::new();
        self.headers().filter_map(|(name, _)| header::once(name)).find(|name| {
            let again = seen.contains(name);
            seen.push(name);
            again
        })
    }

    /// The message with the changes; all other bytes are the same, but for blanks between the name of a field and
    /// its colon (RFC 5322 §4.5), which many readers, and verifiers of signatures, do not know.
    pub fn patch(&self, patch: &Patch<'_>) -> Result<Patched, MimeError> {
        let own_id = || self.raw("message-id").next().and_then(|value| usable_id(&value));
        let set_id = patch.set.iter().find(|(name, _)| name.eq_ignore_ascii_case("message-id"));
        let message_id = set_id
            .and_then(|(_, value)| message_id::parse(value))
            .or_else(own_id)
            .unwrap_or_else(|| patch.message_id.to_owned());
        let mut lines: Vec<(&str, String)> = Vec::with_capacity(patch.set.len());
        for (name, value) in patch.set {
            header::check_name(name)?;
            header::check(name, value)?;
            let set = || lines.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            let too_many = header::once(name).is_some() && (value.trim().is_empty() || set());
            if !is_ours(name) && !too_many {
                lines.push((name.as_str(), header::custom(name, value)?));
            }
        }
        let has_date = || lines.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
        if self.raw("date").next().is_some_and(|own| date::of_header(&own).is_none()) && !has_date() {
            lines.push(("date", format!("Date: {}\r\n", date::rfc2822(patch.date))));
        }
        if set_id.is_some() || own_id().is_none() {
            lines.push(("message-id", message_id::line(&message_id)?));
        }
        let added: usize = lines.iter().map(|(_, line)| line.len()).sum();
        let mut mime = Vec::with_capacity(self.bytes.len() + added + 256);
        self.write_fields(patch, lines, &mut mime)?;
        mime.extend_from_slice(b"\r\n");
        mime.extend_from_slice(self.body());
        Ok(Patched { mime, message_id })
    }

    /// Kept fields in their places, replaced ones in the place of the first they replace, new ones last.
    fn write_fields(
        &self,
        patch: &Patch<'_>,
        mut lines: Vec<(&str, String)>,
        out: &mut Vec<u8>,
    ) -> Result<(), HeaderError> {
        let set: Vec<String> = lines.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        for field in &self.fields {
            let name = self.name(field);
            if set.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                lines.retain(|(known, line)| {
                    let here = known.eq_ignore_ascii_case(name);
                    if here {
                        out.extend_from_slice(line.as_bytes());
                    }
                    !here
                });
            } else if !is_dropped(name) && !patch.remove.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                self.keep(field, out)?;
            }
        }
        let has = |name: &str| {
            set.iter().any(|known| known == name)
                || self.headers().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("date") {
            out.extend_from_slice(format!("Date: {}\r\n", date::rfc2822(patch.date)).as_bytes());
        }
        if !has("mime-version") {
            out.extend_from_slice(b"Mime-Version: 1.0\r\n");
        }
        lines.iter().for_each(|(_, line)| out.extend_from_slice(line.as_bytes()));
        Ok(())
    }

    /// Copies a field as it is, its name without blanks behind it. Only an option that stays may have lines that
    /// are too long: it is folded.
    fn keep(&self, field: &Field, out: &mut Vec<u8>) -> Result<(), HeaderError> {
        let name = self.name(field);
        let long = |line: &[u8]| line.len() > Limits::default().line + 1;
        if options::is_option(name) && self.slice(&field.all).split(|byte| *byte == b'\n').any(long) {
            let value = unfold(self.slice(&field.value));
            out.extend_from_slice(options::json_field(name, &value)?.as_bytes());
        } else {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(self.slice(&(field.value.start..field.all.end)));
        }
        Ok(())
    }

    fn name(&self, field: &Field) -> &str {
        std::str::from_utf8(self.slice(&field.name)).unwrap_or_default()
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// What a message needs of the server that takes it, beyond ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// UTF-8 in the header block: SMTPUTF8 (RFC 6531).
    pub utf8_headers: bool,
    /// Bytes above 127 anywhere: 8BITMIME (RFC 6152).
    pub eight_bit: bool,
}

/// Looks at the bytes of a message.
pub fn needs(mime: &[u8]) -> Needs {
    let end = memmem::find(mime, b"\r\n\r\n").unwrap_or(mime.len());
    let utf8_headers = !mime.get(..end).unwrap_or_default().is_ascii();
    Needs { utf8_headers, eight_bit: utf8_headers || !mime.is_ascii() }
}

/// Fields that a caller cannot set: they never leave, or tell of the message's way.
fn is_ours(name: &str) -> bool {
    is_dropped(name) || header::is_trace(name) || name.eq_ignore_ascii_case("message-id")
}

/// Fields that never leave: secret recipients, the envelope's trace, and options.
fn is_dropped(name: &str) -> bool {
    ["bcc", "resent-bcc", "return-path"].iter().any(|known| known.eq_ignore_ascii_case(name))
        || is_dropped_option(name)
}

fn is_dropped_option(name: &str) -> bool {
    options::is_option(name) && !options::is_kept(name)
}

/// The Message-ID that a message has, if it can be used to name it.
fn usable_id(value: &str) -> Option<String> {
    let value = value.trim();
    let inner = value.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(value);
    (!inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_graphic())).then(|| inner.to_owned())
}

/// A value without its line breaks; bytes that are not UTF-8 are replaced.
pub(crate) fn unfold(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>().trim().to_owned()
}

//! A text part of somebody else's message written anew: UTF-8, in an encoding that holds anything. All
//! around it stays byte for byte.

use std::{fmt::Write as _, ops::Range};

use crate::{
    build::transfer::{self, Encoding},
    mime::{self, Part},
};

/// What stands where in the message when a text part is written anew.
pub(crate) struct Reencoded {
    /// The two fields that say what the body is: the places of the old ones (an empty place where there
    /// was none), and what comes there.
    pub(crate) fields: Vec<(Range<usize>, String)>,
    /// The place of the body.
    pub(crate) body: Range<usize>,
    /// The text, to be written there with `encoding`.
    pub(crate) text: String,
    pub(crate) encoding: Encoding,
}

impl Reencoded {
    /// For `part` of `mime`, whose decoded body is `text`.
    pub(crate) fn of(mime: &[u8], part: &Part<'_>, text: &str) -> Self {
        // What will be put into the text is not always known yet: this holds anything.
        let encoding = match transfer::for_text(text) {
            Encoding::Base64 => Encoding::Base64,
            Encoding::SevenBit | Encoding::QuotedPrintable => Encoding::QuotedPrintable,
        };
        // The last line end stands outside: a decoded base64 text may lack it, the message must not.
        let raw = mime.get(part.body.clone()).unwrap_or_default();
        let ends_line = raw.ends_with(b"\r\n");
        let text = if ends_line { text.strip_suffix("\r\n").unwrap_or(text) } else { text };
        let end = if ends_line { part.body.end - 2 } else { part.body.end };
        Self {
            fields: fields(mime, part, encoding),
            body: part.body.start..end,
            text: text.to_owned(),
            encoding,
        }
    }
}

fn fields(mime: &[u8], part: &Part<'_>, encoding: Encoding) -> Vec<(Range<usize>, String)> {
    let fields = format!("{}\r\nContent-Transfer-Encoding: {}\r\n", content_type(part), encoding.name());
    let start = part.header.start;
    let mut first = Some(fields);
    let mut places = Vec::new();
    for (name, field, _) in mime::ranges(mime.get(part.header.clone()).unwrap_or_default()) {
        let ours = ["content-type", "content-transfer-encoding"];
        if ours.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            places.push((start + field.start..start + field.end, first.take().unwrap_or_default()));
        }
    }
    if let Some(fields) = first {
        places.push((start..start, fields));
    }
    places
}

/// The part's content type with UTF-8 as its charset.
fn content_type(part: &Part<'_>) -> String {
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let subtype =
        part.media.essence.strip_prefix("text/").filter(|subtype| token(subtype)).unwrap_or("plain");
    let mut line = format!("Content-Type: text/{subtype}; charset=utf-8");
    for (name, value) in part.media.parameters.iter().filter(|(name, _)| name != "charset") {
        if token(name) && token(value) && name.len() + value.len() < 200 {
            let _ = write!(line, ";\r\n {name}={value}");
        }
    }
    line
}

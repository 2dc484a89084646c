//! The MIME tree and how it is written: headers, bodies, boundaries.

use super::{File, media, transfer};
use crate::header::{
    HeaderError,
    parameter::{self, Form},
};

/// A part: a leaf, or a group of parts.
pub(super) enum Node<'a> {
    Leaf(Leaf<'a>),
    Group { subtype: &'static str, parts: Vec<Self> },
}

/// A part without parts.
pub(super) enum Leaf<'a> {
    Text { subtype: &'static str, text: &'a str },
    File { file: &'a File<'a>, content_id: Option<&'a str> },
}

/// Boundaries that cannot appear in a body: `=_` is impossible in base64 and quoted-printable, and the
/// random part is unknown to whoever wrote a plain text.
pub(super) struct Boundaries {
    seed: String,
    next: u32,
}

impl Boundaries {
    pub(super) fn new(seed: &[u8; 16]) -> Self {
        Self { seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(), next: 0 }
    }

    fn next(&mut self) -> String {
        self.next += 1;
        format!("=_{}_{}", self.seed, self.next)
    }
}

impl<'a> Node<'a> {
    /// A group, unless there is only one part in it.
    pub(super) fn group(subtype: &'static str, mut parts: Vec<Self>) -> Self {
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, last) => Self::Group { subtype, parts: parts.into_iter().chain(last).collect() },
        }
    }

    /// Writes the part's headers, an empty line, and its body. No line end after the body of a leaf.
    pub(super) fn write(&self, out: &mut Vec<u8>, boundaries: &mut Boundaries) -> Result<(), HeaderError> {
        match self {
            Self::Leaf(leaf) => leaf.write(out),
            Self::Group { subtype, parts } => {
                let boundary = boundaries.next();
                let kind = if *subtype == "related" { "; type=\"text/html\"" } else { "" };
                let head =
                    format!("Content-Type: multipart/{subtype}{kind};\r\n boundary=\"{boundary}\"\r\n\r\n");
                out.extend_from_slice(head.as_bytes());
                for part in parts {
                    out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                    part.write(out, boundaries)?;
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
                Ok(())
            }
        }
    }
}

impl Leaf<'_> {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), HeaderError> {
        match self {
            Self::Text { subtype, text } => {
                let encoding = transfer::for_text(text);
                let head = format!(
                    "Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
                    encoding.name()
                );
                out.extend_from_slice(head.as_bytes());
                transfer::write_text(encoding, text, out);
            }
            Self::File { file, content_id } => {
                let media = media::of(file);
                let field = if content_id.is_some() { "inline file name" } else { "attachment file name" };
                let disposition = if content_id.is_some() { "inline" } else { "attachment" };
                let name = file.shown_name();
                let mut head = format!("Content-Type: {}", media.content_type);
                if !name.is_empty() {
                    head.push_str(&parameter::file_name("name", name, field, Form::Words)?);
                }
                head.push_str(&format!("\r\nContent-Disposition: {disposition}"));
                if !name.is_empty() {
                    head.push_str(&parameter::file_name("filename", name, field, Form::Extended)?);
                }
                if let Some(id) = content_id {
                    head.push_str(&format!("\r\nContent-ID: <{id}>"));
                }
                head.push_str(&format!("\r\nContent-Transfer-Encoding: {}\r\n\r\n", media.encoding.name()));
                out.extend_from_slice(head.as_bytes());
                transfer::write_bytes(media.encoding, file.bytes, out);
            }
        }
        Ok(())
    }
}

//! `Content-Type` and `Content-Disposition`: a word and its parameters (RFC 2045, RFC 2231).

use mail_parser::{HeaderValue, parsers::MessageStream};

/// A media type or a disposition.
pub(crate) struct Media {
    /// `type/subtype`, or the disposition, in lower case.
    pub(crate) essence: String,
    /// Names in lower case and values, decoded.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Media {
    pub(super) fn plain_text() -> Self {
        Self { essence: "text/plain".to_owned(), parameters: Vec::new() }
    }

    /// Reads the value of a field. What cannot be read is an unknown type.
    pub(super) fn read(value: &[u8]) -> Self {
        let mut line = crate::patch::unfold(value).into_bytes();
        line.push(b'\n');
        let HeaderValue::ContentType(known) = MessageStream::new(&line).parse_content_type() else {
            return Self { essence: "application/octet-stream".to_owned(), parameters: Vec::new() };
        };
        let essence = match &known.c_subtype {
            Some(subtype) => format!("{}/{subtype}", known.c_type),
            None => known.c_type.to_string(),
        };
        let attributes = known.attributes.into_iter().flatten();
        let parameters =
            attributes.map(|known| (known.name.to_ascii_lowercase(), known.value.into_owned())).collect();
        Self { essence: essence.to_ascii_lowercase(), parameters }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }
}

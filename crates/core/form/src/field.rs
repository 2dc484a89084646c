//! A field, and why a body holds none.

use thiserror::Error;

use crate::{charset, disposition};

/// Why a body or a query is no form. The texts are the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormError {
    /// Multipart that breaks its rules, or without a boundary.
    #[error("malformed multipart/form-data request")]
    Multipart,
    /// A percent sign without two hex digits.
    #[error("unable to parse request: invalid URL escape")]
    Escape,
    /// Not JSON, or JSON of another shape.
    #[error("unable to parse request: a JSON body must be one object of parameters")]
    Json,
    /// Too many fields.
    #[error("too many parameters in one request")]
    TooMany,
    /// A name that no parameter has.
    #[error("a parameter name is longer than {MAX_NAME} bytes")]
    LongName,
}

/// Longest field name in bytes.
pub(crate) const MAX_NAME: usize = 1_024;

/// One field as it came in. No `Debug`: it holds content.
pub struct Field {
    /// Name without `[]` or `[0]`.
    pub name: String,
    /// File name, decoded, if it is a file; may be a path.
    pub file_name: Option<String>,
    /// Content type of its part.
    pub content_type: Option<String>,
    /// Bytes.
    pub bytes: Vec<u8>,
}

impl Field {
    /// A field without file name, type and content yet.
    pub(crate) fn named(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: plain_name(name).to_owned(), file_name: None, content_type: None, bytes }
    }

    /// Its text, in the charset of its part, else of its form, else UTF-8, else windows-1252.
    pub fn into_text(self, form_charset: Option<&str>) -> String {
        let own = self.content_type.as_deref().and_then(|value| disposition::parameter(value, "charset"));
        charset::decode(self.bytes, own.as_deref().or(form_charset))
    }
}

/// `to[]` and `to[0]` are `to`.
pub(crate) fn plain_name(name: &str) -> &str {
    let Some((stem, index)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) else {
        return name;
    };
    if !stem.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) { stem } else { name }
}

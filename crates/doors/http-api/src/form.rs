//! Form fields, however they come: multipart, urlencoded, JSON, or in the query; `to`, `to[]` and
//! `to[0]` are one name.

mod charset;
mod disposition;
mod json;
mod multipart;
mod read;
mod urlencoded;

use aws_lc_rs::digest;
use thiserror::Error;
use waxseal_sending::request::File;

pub(crate) use read::{media_type, read};
pub(crate) use urlencoded::pairs;

use crate::body::Held;

/// Why a body or a query is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum FormError {
    /// Multipart that breaks its rules, or without a boundary.
    #[error("malformed multipart/form-data request")]
    Multipart,
    /// A percent sign without two hex digits.
    #[error("unable to parse request: invalid URL escape")]
    Escape,
    /// Not JSON, or JSON of another shape.
    #[error("unable to parse request: a JSON body must be one object of parameters")]
    Json,
    /// Not gzip.
    #[error("unable to parse request: invalid gzip data")]
    Gzip,
    /// Too many fields.
    #[error("too many parameters in one request")]
    TooMany,
    /// A name that no parameter has.
    #[error("a parameter name is longer than 1024 bytes")]
    LongName,
}

/// Longest field name in bytes.
pub(crate) const MAX_NAME: usize = 1_024;

/// One field as it came in.
pub(crate) struct Field {
    /// Name without `[]` or `[0]`.
    pub(crate) name: String,
    /// File name, if it is a file.
    pub(crate) file_name: Option<String>,
    /// Content type of its part.
    pub(crate) content_type: Option<String>,
    /// Bytes.
    pub(crate) bytes: Vec<u8>,
}

/// All fields of a request, in order. Handlers take out what they know.
pub(crate) struct Form {
    fields: Vec<Field>,
    charset: Option<String>,
    /// Keeps the memory of the fields accounted for.
    _held: Held,
}

impl Form {
    fn new(fields: Vec<Field>, charset: Option<String>, held: Held) -> Self {
        Self { fields, charset, _held: held }
    }

    /// All values of a name.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<String> {
        let charset = self.charset.clone();
        self.take(|field| field == name)
            .into_iter()
            .map(|field| field.into_text(charset.as_deref()))
            .collect()
    }

    /// The first value of a name.
    pub(crate) fn take_first(&mut self, name: &str) -> Option<String> {
        let mut all = self.take(|field| field == name);
        if all.is_empty() {
            return None;
        }
        Some(all.swap_remove(0).into_text(self.charset.as_deref()))
    }

    /// The first value of a name as bytes, whether it is a file or not.
    pub(crate) fn take_bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let mut all = self.take(|field| field == name);
        if all.is_empty() { None } else { Some(all.swap_remove(0).bytes) }
    }

    /// The files of a name.
    pub(crate) fn take_files(&mut self, name: &str) -> Vec<File> {
        self.take(|field| field == name).into_iter().map(Field::into_file).collect()
    }

    /// The fields whose name starts with `prefix`, without it.
    pub(crate) fn take_prefixed(&mut self, prefix: &str) -> Vec<(String, String)> {
        let charset = self.charset.clone();
        let taken = self.take(|field| field.len() > prefix.len() && field.starts_with(prefix));
        taken
            .into_iter()
            .map(|field| {
                let name = field.name.get(prefix.len()..).unwrap_or_default().to_owned();
                (name, field.into_text(charset.as_deref()))
            })
            .collect()
    }

    /// SHA-256 of `context` and all fields: equal for the same request however it was encoded on the way.
    pub(crate) fn fingerprint(&self, context: &str) -> [u8; 32] {
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        add(context.as_bytes());
        for field in &self.fields {
            add(field.name.as_bytes());
            add(field.file_name.as_deref().unwrap_or_default().as_bytes());
            add(&field.bytes);
        }
        let mut result = [0u8; 32];
        result.copy_from_slice(hash.finish().as_ref());
        result
    }

    /// Takes out the fields with matching names, in order.
    fn take(&mut self, matches: impl Fn(&str) -> bool) -> Vec<Field> {
        self.fields.extract_if(.., |field| matches(&field.name)).collect()
    }
}

impl Field {
    fn into_text(self, form_charset: Option<&str>) -> String {
        let own = self.content_type.as_deref().and_then(|value| disposition::parameter(value, "charset"));
        charset::decode(self.bytes, own.as_deref().or(form_charset))
    }

    fn into_file(self) -> File {
        let name = self.file_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "attachment".into());
        File { name, content_type: self.content_type, bytes: self.bytes }
    }
}

/// `to[]` and `to[0]` are `to`.
fn plain_name(name: &str) -> &str {
    let Some((stem, index)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) else {
        return name;
    };
    if !stem.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) { stem } else { name }
}

/// Decodes a body as the form endpoints would: for fuzz targets.
pub fn decode_for_fuzzing(content_type: Option<&str>, pieces: &[&[u8]]) {
    use crate::body::Sink as _;
    let Ok(mut decoder) = read::Decoder::new(content_type, 1_000) else { return };
    if pieces.iter().all(|piece| decoder.push(piece).is_ok())
        && let Ok(fields) = decoder.finish()
    {
        let mut form = Form::new(fields, None, Held::default());
        form.take_all("to");
        form.take_files("attachment");
        form.take_prefixed("v:");
    }
}

#[cfg(test)]
mod tests;

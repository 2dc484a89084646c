//! Parameters of `Content-Type` and `Content-Disposition`, file names above all (RFC 2231).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{HeaderError, check, encoded_word};
use crate::address::quoted;

/// Longest file name in bytes: what file systems take, and what fits a header line when encoded.
pub(crate) const MAX_FILE_NAME: usize = 255;

/// What stands for itself in an extended parameter (RFC 5987 attr-char).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `; KEY="name"` on lines of their own. A name that is not ASCII comes as `KEY*=UTF-8''…` for readers
/// that know RFC 2231, after encoded words in `KEY` for those that do not.
pub(crate) fn file_name(key: &str, name: &str, field: &str, extended: bool) -> Result<String, HeaderError> {
    check(field, name)?;
    if name.len() > MAX_FILE_NAME {
        return Err(HeaderError::TooLong { field: field.to_owned() });
    }
    if name.is_ascii() && !name.contains("=?") {
        return Ok(format!(";\r\n {key}={}", quoted(name)));
    }
    let words = encoded_word::encode(name).replace(' ', "\r\n ");
    let mut out = format!(";\r\n {key}=\"{words}\"");
    if extended {
        out.push_str(&format!(";\r\n {key}*=UTF-8''{}", utf8_percent_encode(name, EXTENDED)));
    }
    Ok(out)
}

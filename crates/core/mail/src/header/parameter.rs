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

/// How a file name that is not ASCII is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `KEY*=UTF-8''…` (RFC 2231), for `filename`. It stands alone: readers that know it stumble over a
    /// second form beside it.
    Extended,
    /// Encoded words in `KEY`, for the `name` of `Content-Type`, where old readers look for them.
    Words,
}

/// `; KEY="name"` on a line of its own.
pub(crate) fn file_name(key: &str, name: &str, field: &str, form: Form) -> Result<String, HeaderError> {
    check(field, name)?;
    if name.len() > MAX_FILE_NAME {
        return Err(HeaderError::TooLong { field: field.to_owned() });
    }
    if name.is_ascii() && !name.contains("=?") {
        return Ok(format!(";\r\n {key}={}", quoted(name)));
    }
    Ok(match form {
        Form::Extended => format!(";\r\n {key}*=UTF-8''{}", utf8_percent_encode(name, EXTENDED)),
        Form::Words => format!(";\r\n {key}=\"{}\"", encoded_word::encode(name).replace(' ', "\r\n ")),
    })
}

//! Text of fields: UTF-8 unless the request says something else.

use encoding_rs::{Encoding, WINDOWS_1252};

/// Decodes bytes in the charset named. What claims nothing and is not UTF-8 is read as windows-1252,
/// which is what clients send that do not know about charsets.
pub(super) fn decode(bytes: Vec<u8>, charset: Option<&str>) -> String {
    let named = charset.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    match named {
        Some(encoding) if encoding != encoding_rs::UTF_8 => {
            encoding.decode_without_bom_handling(&bytes).0.into_owned()
        }
        Some(_) | None => String::from_utf8(bytes).unwrap_or_else(|error| {
            WINDOWS_1252.decode_without_bom_handling(error.as_bytes()).0.into_owned()
        }),
    }
}

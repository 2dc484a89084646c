//! Content types of files: the caller's if it is one, else by the name's ending.

use super::{
    File,
    transfer::{Encoding, MAX_LINE},
};

/// How a file goes into the message.
pub(super) struct Media {
    pub(super) content_type: String,
    pub(super) encoding: Encoding,
}

/// Longest content type that is passed on.
const MAX: usize = 200;
const BYTES: &str = "application/octet-stream";

pub(super) fn of(file: &File<'_>) -> Media {
    let given = file.content_type.map(str::trim).filter(|given| is_content_type(given));
    let content_type = given.unwrap_or_else(|| by_name(file.name));
    let main = essence(content_type);
    // Messages and multiparts must not be in base64 (RFC 2046 §5.2, §5.1), so they go as they are or as bytes. As they
    // are only in ASCII: otherwise every part around them would be 8bit, and a server that takes none would refuse it all.
    if main == "message/rfc822" && is_seven_bit(file.bytes) {
        return Media { content_type: main, encoding: Encoding::SevenBit };
    }
    if main.starts_with("multipart/") || main.starts_with("message/") {
        return Media { content_type: BYTES.to_owned(), encoding: Encoding::Base64 };
    }
    Media { content_type: without_name(content_type), encoding: Encoding::Base64 }
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether the text is `type/subtype` with nothing in its parameters that a header cannot hold.
fn is_content_type(text: &str) -> bool {
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let (main, parameters) = text.split_once(';').unwrap_or((text, ""));
    let Some((kind, subtype)) = main.trim().split_once('/') else { return false };
    let printable = |byte: u8| (b' '..=b'~').contains(&byte);
    text.len() <= MAX && token(kind) && token(subtype) && parameters.bytes().all(printable)
}

/// The type without `name`, which is written anew, and without parameters that are not `key=value`.
fn without_name(content_type: &str) -> String {
    let mut parts = content_type.split(';');
    let mut out = parts.next().unwrap_or_default().trim().to_owned();
    // A quoted value may hold a semicolon; such rare parameters are left out rather than cut in two.
    if content_type.contains("\"") && content_type.matches('"').count() != 2 {
        return out;
    }
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
    };
    for part in parts {
        let Some((key, value)) = part.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let fine = inner.map_or_else(|| token(value), |inner| !inner.contains(['"', '\\']));
        if token(key) && fine && !key.to_ascii_lowercase().starts_with("name") {
            out.push_str(&format!("; {key}={value}"));
        }
    }
    out
}

/// Whether these bytes can go unchanged: a message as it must look on the wire, in ASCII.
fn is_seven_bit(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').rev();
    // What follows the last line end is a line without one.
    let last = lines.next().unwrap_or_default();
    let fits = |line: &[u8]| line.len() <= MAX_LINE && !line.contains(&b'\r') && !line.contains(&0);
    bytes.is_ascii() && fits(last) && lines.all(|line| line.strip_suffix(b"\r").is_some_and(fits))
}

fn by_name(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "txt" | "log" | "text" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "css" => "text/css",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "md" => "text/markdown",
        "xml" => "application/xml",
        "json" => "application/json",
        "js" => "text/javascript",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "tar" => "application/x-tar",
        "7z" => "application/x-7z-compressed",
        "rtf" => "application/rtf",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "ppt" => "application/vnd.ms-powerpoint",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "epub" => "application/epub+zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "bmp" => "image/bmp",
        "ico" => "image/x-icon",
        "tif" | "tiff" => "image/tiff",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mpeg" | "mpg" => "video/mpeg",
        "eml" => "message/rfc822",
        _ => BYTES,
    }
}

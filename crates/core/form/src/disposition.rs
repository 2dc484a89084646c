//! Header parameters of multipart parts: `name="…"`, `filename="…"`, `filename*=utf-8''…`
//! (RFC 7578, RFC 2231, RFC 5987, and what browsers and SDKs really send).

use encoding_rs::{Encoding, UTF_8};
use percent_encoding::percent_decode_str;
use waxseal_mail::header;

/// What the headers of a part say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: Option<String>,
    pub(crate) file_name: Option<String>,
}

/// Most parameters of a header that are looked at.
const MAX_PARAMETERS: usize = 64;

/// Reads a `Content-Disposition` value.
pub(crate) fn read(value: &str) -> Disposition {
    let parameters = parameters(value);
    let plain = |wanted: &str| {
        parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    let file_name =
        extended(&parameters, "filename").or_else(|| plain("filename").map(|name| unescaped(&name)));
    Disposition {
        name: extended(&parameters, "name").or_else(|| plain("name").map(|name| name.replace("%22", "\""))),
        file_name,
    }
}

/// One parameter of a header such as `text/plain; charset=utf-8`.
pub fn parameter(value: &str, wanted: &str) -> Option<String> {
    parameters(value).into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

/// All parameters behind the first `;`, values unquoted.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    while !rest.trim().is_empty() && found.len() < MAX_PARAMETERS {
        let Some((name, after)) = rest.split_once('=') else { break };
        let name = name.trim().trim_start_matches(';').trim().to_owned();
        let after = after.trim_start();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, behind) = after.split_at(end);
                (value.trim().to_owned(), behind)
            }
        };
        found.push((name, value));
        rest = behind.trim_start().trim_start_matches(';');
    }
    found
}

/// A quoted string from behind its first quote, and what follows. Only `\"` and `\\` are escapes:
/// other backslashes are parts of Windows paths.
fn quoted_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    (value, "")
}

/// `filename*=utf-8''na%C3%AFve.txt`, also in numbered pieces (RFC 2231).
fn extended(parameters: &[(String, String)], wanted: &str) -> Option<String> {
    let find = |name: &str| parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, value)) = find(&format!("{wanted}*")) {
        let (charset, encoded) = split_charset(value);
        return Some(decode(&percent_decode_str(encoded).collect::<Vec<u8>>(), charset));
    }
    let mut bytes = Vec::new();
    let mut charset = "utf-8".to_owned();
    for piece in 0..MAX_PARAMETERS {
        if let Some((_, value)) = find(&format!("{wanted}*{piece}*")) {
            let encoded = if piece == 0 {
                let (named, encoded) = split_charset(value);
                named.clone_into(&mut charset);
                encoded
            } else {
                value
            };
            bytes.extend(percent_decode_str(encoded));
        } else if let Some((_, value)) = find(&format!("{wanted}*{piece}")) {
            bytes.extend_from_slice(value.as_bytes());
        } else {
            break;
        }
    }
    (!bytes.is_empty()).then(|| decode(&bytes, &charset))
}

fn split_charset(value: &str) -> (&str, &str) {
    let mut parts = value.splitn(3, '\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_language), Some(encoded)) => (charset, encoded),
        _ => ("utf-8", value),
    }
}

fn decode(bytes: &[u8], charset: &str) -> String {
    let encoding = Encoding::for_label(charset.as_bytes()).unwrap_or(UTF_8);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// A file name that is percent-encoded throughout, or has encoded words (RFC 2047), in clear.
fn unescaped(name: &str) -> String {
    if name.contains("=?") {
        return header::decoded(name).into_owned();
    }
    let escapes = name.split('%').skip(1);
    let encoded = name.is_ascii()
        && name.contains('%')
        && escapes
            .into_iter()
            .all(|after| after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    let decoded = encoded.then(|| percent_decode_str(name).decode_utf8().ok()).flatten();
    decoded
        .filter(|decoded| !decoded.contains(char::is_control))
        .map_or_else(|| name.to_owned(), std::borrow::Cow::into_owned)
}

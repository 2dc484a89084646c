//! Message-IDs: made when a message has none, checked when it has one.

use waxseal_model::Timestamp;

use crate::{address::is_dot_atom, date, header};

/// Longest Message-ID without its brackets; the field then fits a line (RFC 5322 §2.1.1).
const MAX: usize = 900;

/// `YYYYMMDDhhmmss.16hex@domain`, without angle brackets.
pub fn fresh(now: Timestamp, random: [u8; 8], domain: &str) -> String {
    format!("{}.{:016x}@{domain}", date::compact(now), u64::from_be_bytes(random))
}

/// The Message-ID of a caller's text, with or without angle brackets: one word of printable ASCII with
/// an `@` in it. `None` if the text is something else and cannot be used.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = match text.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>')?,
        None => text,
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>');
    let (left, right) = inner.rsplit_once('@')?;
    let valid = !left.is_empty() && !right.is_empty() && inner.len() <= MAX && inner.bytes().all(plain);
    valid.then(|| inner.to_owned())
}

/// Whether the Message-ID may stand in a header as it is.
pub(crate) fn line(id: &str) -> Result<String, header::HeaderError> {
    header::check("Message-Id", id)?;
    match parse(id) {
        Some(id) => Ok(format!("Message-Id: <{id}>\r\n")),
        None if is_dot_atom(id) && id.is_ascii() && id.len() <= MAX => Ok(format!("Message-Id: <{id}>\r\n")),
        None => Err(header::HeaderError::BadMessageId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_one_has_the_known_form() {
        let id = fresh(
            Timestamp::from_secs(1_770_726_896),
            [1, 35, 69, 103, 137, 171, 205, 239],
            "mg.example.org",
        );
        assert_eq!(id, "20260210123456.0123456789abcdef@mg.example.org");
        assert_eq!(parse(&format!("<{id}>")), Some(id));
    }

    #[test]
    fn callers_ids_are_taken_with_and_without_brackets() {
        for (text, expect) in [
            ("<a@b>", Some("a@b")),
            (" a@b ", Some("a@b")),
            ("<a@b", None),
            ("a b@c", None),
            ("", None),
            ("a@", None),
            ("<a@b> <c@d>", None),
            ("a@b\r\nX: y", None),
            ("ä@b", None),
        ] {
            assert_eq!(parse(text).as_deref(), expect, "{text}");
        }
    }
}

//! Writing local parts and display names so that they are read back as they were.

use crate::header::encoded_word;

/// Characters that need no quotes in an atom (RFC 5322 §3.2.3, RFC 6532 §3.2).
pub(super) fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

/// Whether `text` is a dot-atom (RFC 5322 §3.2.3), the unquoted form of a local part.
pub(crate) fn is_dot_atom(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// `text` as a quoted-string (RFC 5322 §3.2.4).
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A display name for people: bare words where that is safe, quoted otherwise. A name that looks like
/// an encoded word is encoded, since readers would decode it.
pub(super) fn phrase(name: &str) -> String {
    if name.contains("=?") {
        encoded_word::encode(name)
    } else if name.split(' ').all(|word| !word.is_empty() && word.chars().all(is_atext)) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

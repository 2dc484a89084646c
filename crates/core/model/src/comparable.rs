//! The form in which addresses are compared: in lower case, and composed (Unicode's NFC), for `é` and `e` with an accent
//! behind it are the same letter to whoever types it. What is sent stays as its sender wrote it (RFC 6531, RFC 6532).

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// The text in the form to compare.
pub fn comparable(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case can make letters that compose.
    composed(&composed(text).to_lowercase()).into_owned()
}

/// The text with its letters composed.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// The text with its letters taken apart.
pub fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_the_same_composed_or_not_and_in_any_case() {
        let same =
            ["jos\u{e9}@x.example", "jose\u{301}@X.example", "JOS\u{c9}@x.example", "JOSE\u{301}@x.example"];
        for text in same {
            assert_eq!(comparable(text), "jos\u{e9}@x.example");
        }
        assert_ne!(comparable("jose@x.example"), comparable(same[0]), "another letter is another address");
        assert_eq!(comparable("Bob@X.example"), "bob@x.example");
        assert_eq!(decomposed(same[0]), "jose\u{301}@x.example");
    }
}

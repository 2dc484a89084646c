//! The `Authorization` header of HTTP Basic (RFC 7617).

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Longest header that is looked at, in bytes.
const MAX_HEADER: usize = 1_024;

/// The password that the header's value holds for this user; `None` if it is another user's, another
/// scheme's, or broken. Padding may be missing.
pub fn basic_password(value: &str, user: &str) -> Option<String> {
    let (scheme, encoded) = value.split_once(' ')?;
    if value.len() > MAX_HEADER || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoder = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let text = String::from_utf8(decoder.decode(encoded.trim()).ok()?).ok()?;
    let (given, password) = text.split_once(':')?;
    (given == user).then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        basic_password(value, "api")
    }

    #[test]
    fn the_key_is_the_password_of_user_api() {
        assert_eq!(key("Basic YXBpOmtleS0x"), Some("key-1".into()));
        assert_eq!(key("basic YXBpOmtleS0xOg=="), Some("key-1:".into()));
        assert_eq!(key("Basic YXBpOmtleS0xOg"), Some("key-1:".into()), "padding may be missing");
    }

    #[test]
    fn anything_else_is_no_key() {
        for value in
            ["", "Basic", "Basic ", "Basic !!", "Bearer YXBpOmtleS0x", "Basic Ym9iOmtleS0x", "Basic YXBp"]
        {
            assert_eq!(key(value), None, "{value}");
        }
        assert_eq!(key(&format!("Basic {}", "YXBp".repeat(300))), None);
    }
}

//! What must hold for the header with the key: the first line is the header's value, the rest a key.

use waxseal_form::basic_password;

use crate::secret::is_well_formed;

/// No text makes it panic; what looks like a key is one by its length and its signs.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (header, key) = text.split_once('\n').unwrap_or((&text, ""));
    let from_header = basic_password(header, "api").unwrap_or_default();
    assert!(from_header.len() <= header.len());
    for key in [from_header.as_str(), key] {
        if is_well_formed(key) {
            assert_eq!(key.len(), 77);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        }
    }
}

//! What must hold for names of domains as callers write them.

use crate::name::normalise;

/// What is taken is a host name in lower-case ASCII, and stays the same when it is given again.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for sandbox in [false, true] {
        match normalise(&text, sandbox) {
            Ok(name) => {
                let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
                assert!(name.bytes().all(plain), "{name}");
                assert!(name.split('.').all(|label| (1..=63).contains(&label.len())), "{name}");
                assert_eq!(normalise(&name, sandbox).as_deref(), Ok(name.as_str()));
            }
            Err(error) => assert!(!error.to_string().contains(['\r', '\n', '\0'])),
        }
    }
}

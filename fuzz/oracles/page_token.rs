//! What must hold for page tokens: the input is the token, and once more what stands in one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use waxseal_form::page_token::PageToken;

const MAX: usize = 300;

/// What is taken keeps its limits, and means the same when it is written and read again.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let inside = URL_SAFE_NO_PAD.encode(data);
    for token in [text.as_ref(), inside.as_str()] {
        let Some(read) = PageToken::read(token, MAX) else { continue };
        assert!((1..=MAX).contains(&read.limit));
        assert_eq!(PageToken::read(&read.write(), MAX), Some(read));
    }
}

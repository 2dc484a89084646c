//! What must hold for Message-IDs as callers write them.

use waxseal_mail::message_id;

/// One that is taken is a word of the text with an `@` in it, fits a line of its own, and is taken again, with
/// brackets and without.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(id) = message_id::parse(&text) else { return };
    assert!(text.contains(&id) && id.len() < 998 - "Message-Id: <>".len());
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>'));
    assert!(id.trim_matches('@').contains('@'), "{id}");
    assert_eq!(message_id::parse(&id).as_ref(), Some(&id));
    assert_eq!(message_id::parse(&format!(" <{id}> ")).as_ref(), Some(&id));
}

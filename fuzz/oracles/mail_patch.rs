//! What must hold for customers' messages.

use waxseal_mail::{
    options,
    patch::{Limits, Message, MimeError, Patch, Patched},
    wrapper::{self, Wrapped},
};
use waxseal_model::Timestamp;

/// A message that is taken is fit for the wire, loses what must not leave, keeps its body, and stays as
/// it is when it is patched again.
pub(crate) fn check(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(Wrapped::Yes(unwrapped)) = wrapper::read(data.to_vec(), &limits) {
        assert_fit(unwrapped.message.as_bytes());
    }
    let Ok(message) = Message::read(data.to_vec(), &limits) else { return };
    assert_fit(message.as_bytes());
    let set = [("X-Set".to_owned(), "ü".to_owned())];
    let patch =
        Patch { set: &set, remove: &["x-gone"], message_id: "1@example.org", date: Timestamp::from_secs(1) };
    let Patched { mime, message_id } = match message.patch(&patch) {
        Ok(patched) => patched,
        // An option that stays must be folded, and cannot be.
        Err(MimeError::Header(_)) => return,
        Err(error) => panic!("what was read can be patched: {error}"),
    };
    assert!(!message_id.is_empty());
    // What is added may take a full header over its limit, so the second reading is more generous.
    let generous = Limits { header_block: 1 << 20, fields: 2_000, ..limits };
    let again = Message::read(mime, &generous).expect("what was patched can be read");
    assert_fit(again.as_bytes());
    assert_eq!(again.body(), message.body());
    for name in ["bcc", "resent-bcc", "return-path", "x-gone"] {
        assert!(again.raw(name).next().is_none());
    }
    assert!(again.headers().all(|(name, _)| !options::is_option(name) || options::is_kept(name)));
    assert_eq!(again.raw("x-set").count(), 1);
    for name in ["date", "mime-version", "message-id"] {
        assert!(again.raw(name).next().is_some());
    }
    let stable = again.patch(&patch).expect("what was patched can be patched");
    assert!(stable.message_id == message_id && stable.mime == again.as_bytes());
}

fn assert_fit(mime: &[u8]) {
    assert!(!mime.contains(&0));
    for (at, byte) in mime.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(mime.get(at + 1), Some(&b'\n')),
            b'\n' => assert!(at > 0 && mime[at - 1] == b'\r'),
            _ => {}
        }
    }
}

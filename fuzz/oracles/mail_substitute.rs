//! What must hold for recipient variables.

use waxseal_mail::{
    Mailbox,
    substitute::{MimeTemplate, Values, parse_variables, text},
};

const LIMIT: usize = 1 << 20;

/// The input is variables, a NUL, and a template: as a text and as a message. The output keeps its
/// limit, and nothing that a value holds starts a header.
pub(crate) fn check(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (json, template) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mailbox = Mailbox::parse("Bob van Smith <bob@example.org>").expect("a mailbox");
    let json = String::from_utf8_lossy(json);
    let all = parse_variables(&json, 100).unwrap_or_default();
    let values =
        Values { unsubscribe_url: Some("https://u"), ..Values::new(&mailbox, all.get(&mailbox.address)) };
    let plain = String::from_utf8_lossy(template);
    if let Ok(out) = text(&plain, &values, LIMIT) {
        assert!(out.len() <= LIMIT);
    }
    let compiled = MimeTemplate::read(template.to_vec());
    if let Ok(out) = compiled.render(&values, LIMIT) {
        assert!(out.len() <= LIMIT);
        assert!(!compiled.is_plain() || out == template);
    }
}

//! What must hold for the paths of an envelope.

use waxseal_smtp::Path;

/// What is taken keeps to the grammar's outline and reads back as itself.
pub(crate) fn check(data: &[u8]) {
    for utf8 in [false, true] {
        let Ok(Path::Mailbox(mailbox)) = Path::parse(data, utf8) else { continue };
        let address = mailbox.as_str().to_owned();
        assert!(utf8 || address.is_ascii());
        assert!(!address.chars().any(char::is_control));
        assert!(!mailbox.local_part().is_empty() && !mailbox.domain().contains(['@', ' ', '<', '>']));
        assert!(address.len() < 256);
        let again = Path::parse(format!("<{address}>").as_bytes(), utf8);
        assert!(again == Ok(Path::Mailbox(mailbox)));
    }
    if let Some(end) = Path::end(data) {
        assert_eq!(data[end - 1], b'>');
    }
}

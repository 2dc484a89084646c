//! What must hold for lists of mailboxes.

use waxseal_mail::{Address, Mailbox, header, parse_list};

/// What is read prints as something that reads back the same, for people and in headers.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(list) = parse_list(text, 100) else { return };
    for mailbox in &list {
        let address = &mailbox.address;
        assert!(address.local().len() <= 64 && address.domain().len() <= 255);
        assert!(address.domain().is_ascii() && !address.domain().contains('@'));
        assert!(Address::parse(&address.to_string()).as_ref() == Ok(address));
        assert!(Mailbox::parse(&mailbox.to_string()).as_ref() == Ok(mailbox));
        assert!(!mailbox.to_string().contains(['\r', '\n', '\0']));
    }
    let line = header::mailboxes("To", &list).expect("what was read can be written");
    assert!(line.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    let value = line.strip_prefix("To:").expect("the name").replace("\r\n", "");
    assert!(parse_list(&value, 100) == Ok(list));
}

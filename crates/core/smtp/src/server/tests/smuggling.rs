//! The smuggling set: every way to write an end of data that another server might believe in.
//!
//! Each of 419 wrong endings stands between a message and a second one that the attacker wrote. The
//! server may take one message (the second is then part of its text) or none, never two, and never
//! text with a bare CR or LF in it.

use super::*;

const BEFORE: [&str; 12] = [
    "\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\0", "\0\r\n", "\r\n ", "\r\n\t", "\u{85}", "\u{2028}",
    "\u{b}",
];
const DOT: [&str; 5] = [".", "..", ". ", ".\0", ".\t"];
const AFTER: [&str; 7] = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", " \r\n"];

/// The endings of the set: before, dot, after. The one legal ending is not among them.
pub(crate) fn endings() -> impl Iterator<Item = String> {
    BEFORE
        .iter()
        .flat_map(|before| {
            DOT.iter().flat_map(move |dot| AFTER.iter().map(move |after| format!("{before}{dot}{after}")))
        })
        .filter(|ending| ending != "\r\n.\r\n")
}

fn dialogue(ending: &str) -> (Vec<u8>, std::ops::Range<usize>) {
    let head = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nSubject: x\r\n\r\ntext";
    let tail = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nSubject: evil\r\n\r\n\
                evil\r\n.\r\nQUIT\r\n";
    let range = head.len()..head.len() + ending.len();
    (format!("{head}{ending}{tail}").into_bytes(), range)
}

/// Sends the segments and gives what the server said.
fn check(ending: &str, segments: &[&[u8]]) -> Vec<u8> {
    let mut client = Client::trusted();
    for segment in segments {
        client.send(segment);
    }
    assert!(client.messages.len() <= 1, "{ending:?} made two messages");
    for (sender, recipients, content) in &client.messages {
        assert_eq!(sender.as_deref(), Some("a@example.org"), "{ending:?}");
        assert_eq!(recipients, &["b@example.net"], "{ending:?}");
        let text = String::from_utf8_lossy(content).replace("\r\n", "");
        assert!(!text.contains(['\r', '\n', '\0']), "{ending:?} let a bare line end in");
    }
    client.heard
}

#[test]
fn no_ending_makes_two_messages_of_one() {
    let mut count = 0;
    for ending in endings() {
        count += 1;
        let (bytes, range) = dialogue(&ending);
        let whole = check(&ending, &[&bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(check(&ending, &single), whole, "{ending:?}");
        for cut in range.start..=range.end {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(check(&ending, &[first, second]), whole, "{ending:?} cut at {cut}");
        }
    }
    assert_eq!(count, 419);
}

#[test]
fn the_legal_ending_makes_two_messages() {
    let (bytes, _) = dialogue("\r\n.\r\n");
    let mut client = Client::trusted();
    client.send(&bytes);
    assert_eq!(client.messages.len(), 2);
}

#[test]
fn commands_are_as_strict_as_content() {
    for line in ["NOOP\n", "NOOP\rNOOP\r\n", "NO\0OP\r\n", "NOOP\n\r\n", "NOOP\r\r\n"] {
        let mut client = Client::trusted();
        client.send(line.as_bytes());
        assert!(client.closed && client.text().starts_with("554 5.6.0"), "{line:?}: {}", client.text());
    }
}

//! How the network cuts the stream changes nothing.

use proptest::prelude::*;

use super::*;

const WORDS: &[&str] = &[
    "EHLO x\r\n",
    "HELO x\r\n",
    "MAIL FROM:<a@b>\r\n",
    "MAIL FROM:<> SIZE=5 SMTPUTF8\r\n",
    "RCPT TO:<c@d>\r\n",
    "RCPT TO:<refused@d>\r\n",
    "DATA\r\n",
    "BDAT 5\r\n",
    "BDAT 3 LAST\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT x\r\n",
    "BDAT 300\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "AUTH PLAIN\r\n",
    "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n",
    "AUTH LOGIN\r\n",
    "dXNlcg==\r\n",
    "c2VjcmV0\r\n",
    "*\r\n",
    ".\r\n",
    "..\r\n",
    ".",
    "\r\n",
    "\r",
    "\n",
    "\0",
    "text",
    " ",
    "ü",
    "Subject: x\r\n\r\n",
    "QUIT\r\n",
    "0123456789012345678901234567890123456789",
];

fn limits() -> Limits {
    Limits {
        message: 120,
        header: 90,
        text_line: 60,
        command_line: 30,
        extended_line: 50,
        errors: 6,
        ..Limits::default()
    }
}

/// Everything the driver sees, with the input cut at these places.
fn run(input: &[u8], cuts: &[usize], trusted: bool) -> (Vec<u8>, usize, Vec<Vec<u8>>, bool) {
    let start = SessionConfig { limits: limits(), ..config() };
    let mut client = if trusted { Client::trusted_with(start) } else { Client::new(start) };
    let mut from = 0;
    for cut in cuts.iter().copied().chain([input.len()]) {
        client.send(&input[from..cut]);
        from = cut;
    }
    let messages = client.messages.into_iter().map(|(_, _, content)| content).collect();
    (client.heard, client.logins.len(), messages, client.closed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_segmentation_gives_the_same(
        words in prop::collection::vec(prop::sample::select(WORDS), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        trusted in any::<bool>(),
    ) {
        let input = words.concat().into_bytes();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = run(&input, &[], trusted);
        prop_assert_eq!(&run(&input, &cuts, trusted), &whole);
        let every: Vec<_> = (0..input.len()).collect();
        prop_assert_eq!(&run(&input, &every, trusted), &whole);
        for message in &whole.2 {
            let text = String::from_utf8_lossy(message).replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n', '\0']) && message.len() as u64 <= limits().message);
        }
    }

    #[test]
    fn no_bytes_break_a_session(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let mut client = Client::trusted();
        for segment in segments {
            client.send(&segment);
        }
    }
}

/// Each byte is looked at once: were anything scanned from its start again, this would not end today.
#[test]
fn a_large_message_may_come_byte_by_byte() {
    let mut client = Client::trusted();
    client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("DATA", "354")]);
    let content = format!("\r\n{}{}\r\n", "..dots and text\r\n".repeat(60_000), "x".repeat(100_000));
    for byte in content.as_bytes() {
        client.send(std::slice::from_ref(byte));
    }
    client.expect(&[(".", "250 2.0.0")]);
    assert_eq!(client.messages[0].2.len(), content.len() - 60_000);
    client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250")]);
    for byte in "x\r\n".repeat(20_000).as_bytes() {
        client.send(b"BDAT 1\r\n");
        client.send(std::slice::from_ref(byte));
    }
    client.expect(&[("BDAT 0 LAST", "250 2.0.0")]);
}

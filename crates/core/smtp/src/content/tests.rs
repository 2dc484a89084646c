//! Where a message ends, what is taken out of it, and what is never accepted.

use proptest::prelude::*;

use super::*;
use crate::client::encoder::Encoder;

const LIMITS: ContentLimits = ContentLimits { message: 1000, header: 100, line: 80, flood: 2000 };

/// The message and what is left behind it.
fn data(input: &[u8]) -> Result<(Option<Vec<u8>>, &[u8]), ContentError> {
    let mut rest = input;
    let mut decoder = DataDecoder::new(LIMITS);
    let done = decoder.read(&mut rest)?;
    Ok((done.then(|| decoder.finish().expect("within limits")), rest))
}

#[test]
fn dots_are_unstuffed_and_the_lonely_one_ends() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...a\r\n..b\r\n.c\r\n.\r\n", b"..a\r\n.b\r\nc\r\n"),
        (b". \r\n.\t\r\n.\r\n", b" \r\n\t\r\n"),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
    ];
    for (input, expected) in cases {
        assert_eq!(data(input), Ok((Some(expected.to_vec()), &b""[..])), "{input:?}");
    }
}

#[test]
fn what_follows_the_end_is_left_alone() {
    let (message, rest) = data(b"a\r\n.\r\nMAIL FROM:<>\r\n").expect("strict");
    assert_eq!(message.as_deref(), Some(&b"a\r\n"[..]));
    assert_eq!(rest, b"MAIL FROM:<>\r\n");
}

#[test]
fn nothing_but_crlf_dot_crlf_ends() {
    for input in
        ["a\n.\r\n", "a\r.\r\n", "a\r\n.\n", "a\r\n.\r\r\n", "a\r\n\0.\r\n", "a\r\n.\0\r\n", "a\n.\n"]
    {
        assert_eq!(data(input.as_bytes()), Err(BareLineEnd.into()), "{input:?}");
    }
    for input in ["a.\r\n", "a\r\n. \r\n", "a\r\n ..\r\n", "\u{85}.\r\n", "a\u{2028}.\r\n"] {
        assert_eq!(data(input.as_bytes()).map(|(message, _)| message), Ok(None), "{input:?}");
    }
}

#[test]
fn a_limit_drops_the_content_and_says_which() {
    let finish = |input: String| {
        let mut decoder = DataDecoder::new(LIMITS);
        assert_eq!(decoder.read(&mut input.as_bytes()), Ok(true));
        decoder.finish()
    };
    let line = "x".repeat(78) + "\r\n";
    assert_eq!(finish(format!("\r\n{}.\r\n", line.repeat(12))).map(|bytes| bytes.len()), Ok(962));
    assert_eq!(finish(format!("\r\n{}.\r\n", line.repeat(13))), Err(Excess::Message));
    assert_eq!(finish(format!("{}\r\n.\r\n", line.repeat(2))), Err(Excess::Header));
    assert_eq!(finish(format!("\r\n{}\r\n.\r\n", "x".repeat(81))), Err(Excess::Line));
}

#[test]
fn the_limit_reached_first_is_named_however_the_text_is_cut() {
    let limits = ContentLimits { message: 90, header: 60, line: 80, flood: 1_000 };
    for (text, first) in
        [("x".repeat(100), Excess::Header), (format!("\r\n{}", "x".repeat(100)), Excess::Line)]
    {
        for cut in 0..text.len() {
            let (mut head, mut tail) = text.as_bytes().split_at(cut);
            let mut decoder = DataDecoder::new(limits);
            assert_eq!(decoder.read(&mut head), Ok(false));
            assert_eq!(decoder.read(&mut tail), Ok(false));
            assert_eq!(decoder.finish(), Err(first), "cut at {cut}");
        }
    }
}

#[test]
fn hops_are_counted_in_the_header_alone() {
    let message = b"Received: a\r\n\tby b\r\nRECEIVED: c\r\nX-Received: d\r\n\r\nReceived: e\r\n";
    assert_eq!(hops(message), 2);
    assert_eq!(hops(b"\r\nReceived: a\r\n"), 0);
    assert_eq!(hops(b""), 0);
}

#[test]
fn a_message_without_end_is_given_up() {
    let mut decoder = DataDecoder::new(LIMITS);
    let line = "x".repeat(78) + "\r\n";
    let endless = line.repeat(26);
    assert_eq!(decoder.read(&mut endless.as_bytes()), Err(ContentError::Flood));
}

#[test]
fn chunks_keep_dots_and_join_split_line_ends() {
    let mut decoder = ChunkDecoder::new(LIMITS);
    for chunk in [&b"a\r\n.\r"[..], b"\n", b"..b"] {
        decoder.read(chunk).expect("strict");
    }
    assert_eq!(decoder.finish(), Ok(Ok(b"a\r\n.\r\n..b\r\n".to_vec())));
    let mut decoder = ChunkDecoder::new(LIMITS);
    decoder.read(b"a\r").expect("not yet bare");
    assert_eq!(decoder.finish(), Err(BareLineEnd));
    assert_eq!(ChunkDecoder::new(LIMITS).finish(), Ok(Ok(Vec::new())));
}

proptest! {
    /// A message stuffed by the book comes out as it was, wherever the stream is cut.
    #[test]
    fn stuffed_text_survives(
        lines in prop::collection::vec("[.]{0,3}[a-z é]{0,20}", 0..12),
        cut in 0usize..400,
    ) {
        let limits = ContentLimits { message: 10_000, header: 10_000, line: 1_000, flood: 20_000 };
        let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let stuffed: String = lines
            .iter()
            .map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" }))
            .collect::<String>()
            + ".\r\nQUIT\r\n";
        let (mut head, mut tail) = stuffed.as_bytes().split_at(cut.min(stuffed.len()));
        let mut decoder = DataDecoder::new(limits);
        let mut rest = &b""[..];
        if decoder.read(&mut head).unwrap() {
            rest = head;
        } else {
            prop_assert!(decoder.read(&mut tail).unwrap());
        }
        prop_assert!(b"QUIT\r\n".starts_with(rest));
        prop_assert_eq!(decoder.finish(), Ok(message.into_bytes()));
    }

    /// What our client sends ends for our server where the client meant it to, whatever is in it.
    #[test]
    fn what_we_encode_has_one_end(content in prop::collection::vec(prop::sample::select(&b"\r\n..ab"[..]), 0..200)) {
        let mut wire = Vec::new();
        let mut encoder = Encoder::default();
        encoder.encode(&content, &mut wire);
        encoder.end(&mut wire);
        let stuffed = wire.len();
        wire.extend_from_slice(b".\r\nQUIT\r\n");
        let mut rest = wire.as_slice();
        let mut decoder = DataDecoder::new(LIMITS);
        prop_assert_eq!(decoder.read(&mut rest), Ok(true));
        prop_assert_eq!(rest, b"QUIT\r\n");
        prop_assert!(decoder.held() <= stuffed as u64);
    }

    /// Whatever comes in, no bare line end comes out.
    #[test]
    fn no_bare_line_end_gets_through(input in prop::collection::vec(prop::sample::select(&b"\r\n.\0a"[..]), 0..40)) {
        let mut decoder = DataDecoder::new(LIMITS);
        if decoder.read(&mut input.as_slice()) == Ok(true) {
            let message = decoder.finish().unwrap();
            let text = String::from_utf8(message).unwrap().replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n', '\0']));
        }
    }
}

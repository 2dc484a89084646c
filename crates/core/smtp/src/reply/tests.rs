//! Replies survive their way over the wire, and a hostile peer's do not get through.

use proptest::prelude::*;

use super::{
    reader::{REPLY_MAX_BYTES, ReplyError, ReplyReader},
    *,
};

fn read(input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
    ReplyReader::new().read(input)
}

fn reply(input: &str) -> Reply {
    read(input.as_bytes()).expect("a reply").1.expect("a complete reply")
}

#[test]
fn codes_and_text_are_told_apart() {
    let one = reply("550 5.1.1 no such user\r\n");
    assert_eq!((one.code(), one.enhanced()), (550, Some(EnhancedCode::new(5, 1, 1))));
    assert_eq!(one.text(), "no such user");
    let many = reply("250-2.1.5 one\r\n250-two\r\n250 2.1.5\r\n");
    assert_eq!(many.lines(), ["one", "two", ""]);
    assert_eq!(reply("220\r\n").text(), "");
    assert_eq!(reply("421 4.3.2 bye\n").class(), Class::Temporary);
}

#[test]
fn an_enhanced_code_that_contradicts_the_code_is_text() {
    let contradiction = reply("550 2.0.0 fine\r\n");
    assert_eq!(contradiction.enhanced(), None);
    assert_eq!(contradiction.text(), "2.0.0 fine");
    for text in ["2.0", "3.0.0", "2.0.0.0", "2.0000.0", "2..0", "2.0.x", "+2.0.0", "2.+1.0"] {
        assert_eq!(EnhancedCode::parse(text), None, "{text}");
    }
}

#[test]
fn what_is_behind_a_reply_stays_with_the_caller() {
    let (used, first) = read(b"220 ready\r\n250 injected\r\n").expect("a reply");
    assert_eq!((used, first.map(|reply| reply.code())), (11, Some(220)));
}

#[test]
fn nonsense_is_refused() {
    for input in
        ["2\r\n", "\r\n", "999 x\r\n", "000 x\r\n", "100 x\r\n", "25x y\r\n", "250x\r\n", "hello\r\n"]
    {
        assert_eq!(read(input.as_bytes()), Err(ReplyError::NoCode), "{input:?}");
    }
    assert_eq!(read(b"250-a\r\n550 b\r\n"), Err(ReplyError::MixedCodes));
    assert_eq!(read("220-x\r\n".repeat(101).as_bytes()), Err(ReplyError::TooLong));
    assert_eq!(read(&vec![b'2'; REPLY_MAX_BYTES + 1]), Err(ReplyError::TooLong));
}

#[test]
fn text_cannot_leave_its_line() {
    let mut out = Vec::new();
    Reply::new(554, 6, 0, "a\r\n250 b\0ü".to_owned()).write_to(&mut out);
    assert_eq!(out, b"554 5.6.0 a??250 b??\r\n");
    assert_eq!(reply("550 esc\u{1b}[31m nul\0\r\n").text(), "esc?[31m nul?");
}

#[test]
fn debug_does_not_show_text() {
    let shown = format!("{:?}", Reply::new(550, 1, 1, "<alice@example.com> unknown"));
    assert!(!shown.contains("alice"), "{shown}");
}

proptest! {
    #[test]
    fn a_written_reply_reads_back(
        code in 200u16..600,
        enhanced in any::<bool>(),
        lines in prop::collection::vec("[!-~]{1,20}( [!-~]{1,20}){0,3}", 1..5),
        cut in 0usize..200,
    ) {
        let enhanced = (enhanced && code / 100 != 3).then(|| EnhancedCode::new((code / 100) as u8, 7, 123));
        prop_assume!(enhanced.is_some() || EnhancedCode::parse(lines[0].split(' ').next().unwrap()).is_none());
        let reply = Reply::multiline(code, enhanced, lines.into_iter().map(Into::into).collect());
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        let (head, tail) = wire.split_at(cut.min(wire.len() - 1));
        let mut reader = ReplyReader::new();
        let (used, none) = reader.read(head).unwrap();
        prop_assert_eq!((used, none), (head.len(), None));
        let (used, read) = reader.read(tail).unwrap();
        prop_assert_eq!((used, read), (tail.len(), Some(reply)));
        prop_assert!(!reader.is_inside());
    }

    #[test]
    fn no_input_breaks_the_reader(input in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = ReplyReader::new();
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            match reader.read(rest) {
                Ok((used, _)) => rest = &rest[used..],
                Err(_) => break,
            }
        }
    }
}

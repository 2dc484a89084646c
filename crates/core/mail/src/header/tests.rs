//! Header fields as they go on the wire.

use proptest::prelude::*;

use super::*;

fn value(line: &str) -> String {
    let (_, value) = line.split_once(':').unwrap();
    crate::patch::unfold(value.as_bytes())
}

fn assert_fit(line: &str) {
    assert!(line.ends_with("\r\n") && line.is_ascii(), "{line:?}");
    for part in line.strip_suffix("\r\n").unwrap().split("\r\n") {
        assert!(part.len() <= 998 && !part.contains(['\r', '\n']), "{line:?}");
        assert!(!part.trim().is_empty(), "a blank line: {line:?}");
    }
    assert!(
        line.split("\r\n ").skip(1).count() == line.matches("\r\n").count() - 1 || line.contains("\r\n\t")
    );
}

#[test]
fn free_text_is_encoded_where_it_must_be() {
    for (text, expect) in [
        ("Hello World", "X: Hello World\r\n"),
        ("", "X: \r\n"),
        ("  Hello  ", "X: Hello\r\n"),
        ("Grüße aus Wien", "X: =?UTF-8?B?R3LDvMOfZQ==?= aus Wien\r\n"),
        ("An Müllers Esel", "X: An =?UTF-8?Q?M=C3=BCllers?= Esel\r\n"),
        ("日本語", "X: =?UTF-8?B?5pel5pys6Kqe?=\r\n"),
        ("100% =?", "X: 100% =?\r\n"),
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= Bob", "X: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= Bob\r\n"),
        ("a  b\tc", "X: a  b\tc\r\n"),
    ] {
        assert_eq!(unstructured("X", text).as_deref(), Ok(expect));
    }
}

#[test]
fn long_values_fold_at_their_blanks() {
    let text = "word ".repeat(60);
    let line = unstructured("Subject", &text).unwrap();
    assert!(line.split("\r\n").all(|part| part.len() <= 78), "{line}");
    assert_eq!(value(&line), text.trim());
    let text = "x".repeat(5_000);
    let line = unstructured("X-Long", &text).unwrap();
    assert_fit(&line);
    assert_eq!(encoded_word::decode(&value(&line)), text);
}

#[test]
fn custom_address_fields_are_written_as_mailboxes() {
    let line = custom("Reply-To", "Zoë <z@münchen.example>, \"A, B\" <a@b.c>").unwrap();
    assert_eq!(line, "Reply-To: =?UTF-8?Q?Zo=C3=AB?= <z@xn--mnchen-3ya.example>, \"A, B\" <a@b.c>\r\n");
    for name in ["From", "to", "CC", "Reply-To", "Sender", "Resent-From"] {
        for value in ["not one", "a@b.c, d", "a@b@c.d", "<>"] {
            let error = custom(name, value).expect_err(value);
            assert_eq!(
                error.to_string(),
                format!("h:{name} parameter is not a valid address. please check documentation")
            );
        }
    }
    assert!(custom("Sender", "a@b.c, d@e.f").is_err() && custom("From", "nobody:;").is_err());
    assert_eq!(custom("To", "undisclosed-recipients:;").unwrap(), "To: undisclosed-recipients:;\r\n");
    // In somebody's own message it stays what it is.
    assert_eq!(rewritten("To", "not one").unwrap(), "To: not one\r\n");
    assert_eq!(custom("X-Zoë", "x"), Err(HeaderError::NotAscii { name: "X-Zoë".into() }));
    for name in ["", "a b", "a:b", &"x".repeat(77)] {
        assert_eq!(custom(name, "x"), Err(HeaderError::BadName { name: name.into() }));
    }
}

#[test]
fn encoded_words_of_many_writers_are_decoded() {
    for (text, expect) in [
        ("=?utf-8?q?a_b=20c?=", "a b c"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?utf-8?b?5pel?=\r\n =?utf-8?b?5pys?=", "日本"),
        // A character cut in two between words.
        ("=?utf-8?b?5pe=?= =?utf-8?b?pQ==?=", "日"),
        ("=?utf-8?b?4pyT?=x", "✓x"),
        ("=?utf-8*en?q?a?=", "a"),
        ("=?unknown?q?a?=", "=?unknown?q?a?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?a", "=?utf-8?q?a"),
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?windows-1252?q?=80?=", "€"),
        ("=?utf-8?q?=zz=?=", "=zz="),
    ] {
        assert_eq!(encoded_word::decode(text), expect, "{text}");
    }
}

#[test]
fn file_names_come_in_the_form_that_readers_of_the_field_know() {
    use parameter::{Form, file_name};
    let name = |name: &str| file_name("filename", name, "attachment", Form::Extended);
    assert_eq!(name("a b.pdf").unwrap(), ";\r\n filename=\"a b.pdf\"");
    assert_eq!(name("a\"b\\.pdf").unwrap(), ";\r\n filename=\"a\\\"b\\\\.pdf\"");
    assert_eq!(name("résumé;.pdf").unwrap(), ";\r\n filename*=UTF-8''r%C3%A9sum%C3%A9%3B.pdf");
    let words = file_name("name", "résumé;.pdf", "attachment", Form::Words).unwrap();
    assert_eq!(words, ";\r\n name=\"=?UTF-8?B?csOpc3Vtw6k7LnBkZg==?=\"");
    assert!(name(&"ü".repeat(200)).is_err());
}

proptest! {
    #[test]
    fn any_value_survives_its_header(text in "[ -~\téü漢🎉]{0,300}") {
        let line = unstructured("X-Any", &text).unwrap();
        assert_fit(&line);
        let expect = encoded_word::decode(text.trim_matches([' ', '\t'])).into_owned();
        prop_assert_eq!(encoded_word::decode(&value(&line)).into_owned(), expect);
    }

    #[test]
    fn encoded_words_are_decoded_to_what_they_were(text in ".{0,300}") {
        encoded_word::each(&text, 0, |word| assert!(word.len() <= 75, "{word}"));
        prop_assert_eq!(encoded_word::decode(&encoded_word::encode(&text)).into_owned(), text);
    }

    #[test]
    fn decoding_never_panics(text in "[=?a-cUTFutf8BbQq_ \\-\\r\\n]{0,200}") {
        let _ = encoded_word::decode(&text);
    }
}

//! Forms in all their encodings, whole and in pieces.

use proptest::prelude::*;

use crate::{Decoder, Field, FormError, disposition, field::plain_name};

/// Name, file name, content type, text of each field.
type Seen = Vec<(String, Option<String>, Option<String>, String)>;

fn decode(content_type: Option<&str>, body: &[u8], piece: usize) -> Result<Seen, FormError> {
    let mut decoder = Decoder::new(content_type, 100)?;
    for piece in body.chunks(piece.max(1)) {
        decoder.push(piece)?;
    }
    let seen = |field: Field| {
        let text = String::from_utf8_lossy(&field.bytes).into_owned();
        (field.name, field.file_name, field.content_type, text)
    };
    Ok(decoder.finish()?.into_iter().map(seen).collect())
}

fn texts(content_type: Option<&str>, body: &str) -> Result<Vec<(String, String)>, FormError> {
    Ok(decode(content_type, body.as_bytes(), 7)?.into_iter().map(|field| (field.0, field.3)).collect())
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

const MULTIPART: Option<&str> = Some("multipart/form-data; boundary=\"b.1\"");

fn part(headers: &str, content: &str) -> String {
    format!("--b.1\r\n{headers}\r\n\r\n{content}\r\n")
}

fn file_name(disposition: &str) -> Option<String> {
    let body =
        part(&format!("Content-Disposition: form-data; name=\"attachment\"; {disposition}"), "x") + "--b.1--";
    decode(MULTIPART, body.as_bytes(), 64).expect("form").remove(0).1
}

#[test]
fn urlencoded_pairs_are_decoded() {
    assert_eq!(
        texts(
            Some("application/x-www-form-urlencoded"),
            "to=a%40b.org&to=c&&text=x+y%2B%E2%82%AC&empty=&bare"
        ),
        Ok(vec![
            pair("to", "a@b.org"),
            pair("to", "c"),
            pair("text", "x y+€"),
            pair("empty", ""),
            pair("bare", "")
        ])
    );
    assert_eq!(
        texts(None, "to%5B%5D=a&to%5B0%5D=b&v:x=c=d"),
        Ok(vec![pair("to", "a"), pair("to", "b"), pair("v:x", "c=d")])
    );
    assert_eq!(texts(None, ""), Ok(Vec::new()));
}

#[test]
fn wrong_escapes_are_refused() {
    for body in ["a=%zz", "a=%4", "a=%", "%x1=b"] {
        assert_eq!(texts(None, body), Err(FormError::Escape), "{body}");
    }
    assert_eq!(FormError::Escape.to_string(), "unable to parse request: invalid URL escape");
}

#[test]
fn array_names_lose_their_brackets() {
    for (name, plain) in
        [("to[]", "to"), ("to[12]", "to"), ("h:X-A[]", "h:X-A"), ("to[a]", "to[a]"), ("[]", "[]")]
    {
        assert_eq!(plain_name(name), plain);
    }
}

#[test]
fn json_is_recognised_without_a_content_type() {
    let body = r#" {"to": ["a", "b"], "subject": "S\u00e9", "o:testmode": true, "n": 5, "x": null,
                    "recipient-variables": {"a": {"k": [1]}}} "#;
    let expected = vec![
        pair("to", "a"),
        pair("to", "b"),
        pair("subject", "Sé"),
        pair("o:testmode", "true"),
        pair("n", "5"),
        pair("recipient-variables", r#"{"a": {"k": [1]}}"#),
    ];
    assert_eq!(texts(None, body), Ok(expected.clone()));
    assert_eq!(texts(Some("application/json"), body), Ok(expected));
    for wrong in ["[1]", "{", "{}x", r#"{"a":}"#] {
        assert_eq!(texts(None, wrong), Err(FormError::Json), "{wrong}");
    }
}

#[test]
fn deep_and_wide_json_is_refused() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(texts(None, &deep).is_err_and(|error| error == FormError::Json));
    let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(1_000));
    assert!(texts(None, &wide).is_err_and(|error| error == FormError::Json));
}

#[test]
fn multipart_is_the_same_in_pieces_of_any_size() {
    let body = String::from("preamble\r\n")
        + &part("Content-Disposition: form-data; name=\"to\"", "a@b.org")
        + &part("Content-Disposition: form-data; name=\"text\"", "line\r\n--b.2\r\n--b.\r\n")
        + &part("content-disposition:form-data; name=empty", "")
        + &part(
            "Content-Disposition: form-data; name=\"attachment\"; filename=\"a b.txt\"\r\nContent-Type: text/plain",
            "\r\n\r\n",
        )
        + "--b.1--\r\nepilogue";
    let whole = decode(MULTIPART, body.as_bytes(), usize::MAX).expect("form");
    let named = |name: &str, text: &str| (name.to_owned(), None, None, text.to_owned());
    assert_eq!(
        whole,
        vec![
            named("to", "a@b.org"),
            named("text", "line\r\n--b.2\r\n--b.\r\n"),
            named("empty", ""),
            ("attachment".into(), Some("a b.txt".into()), Some("text/plain".into()), "\r\n\r\n".into()),
        ]
    );
    for piece in 1..body.len() {
        assert_eq!(decode(MULTIPART, body.as_bytes(), piece).as_ref(), Ok(&whole), "pieces of {piece}");
    }
}

#[test]
fn multipart_that_breaks_its_rules_is_refused() {
    let good = part("Content-Disposition: form-data; name=\"to\"", "a");
    for body in [
        String::new(),
        good.clone(),
        format!("{good}--b.1-"),
        "--b.1\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b.1--".into(),
        "--b.1 x\r\n\r\n\r\n--b.1--".into(),
        format!("--b.1\r\nX: {}", "x".repeat(20_000)),
    ] {
        assert_eq!(decode(MULTIPART, body.as_bytes(), 64), Err(FormError::Multipart), "{:.60}", body);
    }
    assert_eq!(decode(Some("multipart/form-data"), good.as_bytes(), 64), Err(FormError::Multipart));
    let many = good.repeat(101) + "--b.1--";
    assert_eq!(decode(MULTIPART, many.as_bytes(), 64), Err(FormError::TooMany));
}

#[test]
fn file_names_come_in_many_forms() {
    for (disposition, name) in [
        ("filename=plain.txt", "plain.txt"),
        ("filename=\"r\u{e9}sum\u{e9}.pdf\"", "résumé.pdf"),
        ("filename*=utf-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        ("filename*=iso-8859-1'fr'r%E9sum%E9.pdf", "résumé.pdf"),
        ("filename=\"fallback\"; filename*=utf-8''na%C3%AFve", "naïve"),
        ("filename*0*=utf-8''long%20; filename*1=\"name; \"; filename*2=\"end.txt\"", "long name; end.txt"),
        ("filename=\"r%C3%A9sum%C3%A9.pdf\"", "résumé.pdf"),
        ("filename=\"=?UTF-8?B?csOpc3Vtw6kucGRm?=\"", "résumé.pdf"),
        ("filename=\"100%.txt\"", "100%.txt"),
        ("filename=\"a \\\"b\\\" c.txt\"", "a \"b\" c.txt"),
        ("filename=\"a %22b%22 c.txt\"", "a \"b\" c.txt"),
        ("filename=\"C:\\dir\\file.txt\"", "C:\\dir\\file.txt"),
        ("filename=\"abc/d@host\"", "abc/d@host"),
        ("filename=\"a%0d%0ab.txt\"", "a%0d%0ab.txt"),
        ("filename=\"abc@host\"", "abc@host"),
    ] {
        assert_eq!(file_name(disposition).as_deref(), Some(name), "{disposition}");
    }
}

#[test]
fn charsets_are_honoured() {
    let field = |content_type: Option<&str>, bytes: &[u8]| Field {
        name: "text".into(),
        file_name: None,
        content_type: content_type.map(str::to_owned),
        bytes: bytes.to_vec(),
    };
    assert_eq!(field(Some("text/plain; charset=iso-8859-2"), b"\xb1").into_text(None), "ą");
    assert_eq!(field(None, b"\xb1").into_text(Some("iso-8859-2")), "ą");
    assert_eq!(field(None, "€".as_bytes()).into_text(None), "€");
    assert_eq!(field(None, b"\x80 5").into_text(None), "€ 5");
    assert_eq!(field(None, b"\x80 5").into_text(Some("no-such-charset")), "€ 5");
}

proptest! {
    #[test]
    fn any_content_survives_multipart(
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..5),
        piece in 1usize..64,
    ) {
        let mut body = Vec::new();
        for content in &contents {
            body.extend_from_slice(b"--b.1\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b.1--\r\n");
        prop_assume!(!contents.iter().any(|content| content.windows(5).any(|bytes| bytes == b"--b.1")));
        let mut decoder = Decoder::new(MULTIPART, 10).expect("decoder");
        for piece in body.chunks(piece) {
            decoder.push(piece).expect("push");
        }
        let fields = decoder.finish().expect("form");
        let found: Vec<Vec<u8>> = fields.into_iter().map(|field| field.bytes).collect();
        prop_assert_eq!(found, contents);
    }

    #[test]
    fn no_body_makes_a_decoder_panic(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0usize..3,
        piece in 1usize..50,
    ) {
        let content_type = [None, MULTIPART, Some("application/json")];
        let pieces: Vec<&[u8]> = body.chunks(piece).collect();
        let mut decoder = Decoder::new(content_type.get(kind).copied().flatten(), 100).expect("decoder");
        if pieces.iter().all(|piece| decoder.push(piece).is_ok()) {
            let _ = decoder.finish();
        }
    }

    #[test]
    fn no_header_makes_the_disposition_panic(value in ".{0,200}") {
        disposition::read(&value);
    }
}

//! Parts of messages, good and bad.

use super::*;

fn shape(mime: &str) -> Vec<(String, String)> {
    parts(mime.as_bytes()).iter().map(|part| (part.media.essence.clone(), part.text())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(essence, text)| ((*essence).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn multiparts_come_apart_at_their_boundaries() {
    let mime = "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npreamble\r\n--a b\r\n\r\none\r\n\r\n--a b \t\r\n\
        Content-Type: Multipart/Alternative;\r\n boundary=--x\r\n\r\n----x\r\nContent-Type: text/HTML\r\n\r\n<p>\r\n----x--\r\n\
        --a bc\r\n--a b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--a b--\r\nepilogue --a b\r\n";
    let expect =
        pairs(&[("text/plain", "one\r\n"), ("text/html", "<p>"), ("message/rfc822", "Subject: x\r\n\r\ny")]);
    assert_eq!(shape(mime), expect);
    assert_eq!(
        shape(&mime.replace("\r\n", "\n")),
        pairs(&[("text/plain", "one\n"), ("text/html", "<p>"), ("message/rfc822", "Subject: x\n\ny")])
    );
}

#[test]
fn broken_messages_are_read_as_far_as_they_go() {
    for (mime, expect) in [
        ("", &[("text/plain", "")][..]),
        ("\r\n", &[("text/plain", "")]),
        ("Subject: x", &[("text/plain", "")]),
        ("no header\r\n\r\nbody", &[("text/plain", "body")]),
        ("Content-Type: \r\n\r\nx", &[("application/octet-stream", "x")]),
        ("Content-Type: multipart/mixed\r\n\r\n--a\r\n\r\nx", &[("multipart/mixed", "--a\r\n\r\nx")]),
        (
            "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx",
            &[("multipart/mixed", "--\r\n\r\nx")],
        ),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\nno parts", &[]),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n", &[("text/plain", "x\r\n")]),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a", &[("text/plain", "")]),
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n\r\n--a--",
            &[("text/plain", ""), ("text/plain", "")],
        ),
    ] {
        assert_eq!(shape(mime), pairs(expect), "{mime:?}");
    }
}

#[test]
fn nesting_and_numbers_are_bounded() {
    let deep: String = (0..200)
        .map(|depth| format!("Content-Type: multipart/mixed; boundary=b{depth}x\r\n\r\n--b{depth}x\r\n"))
        .collect();
    assert_eq!(parts(deep.as_bytes()).len(), 1);
    let many =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(5_000));
    assert_eq!(parts(many.as_bytes()).len(), MAX_PARTS);
}

#[test]
fn transfer_encodings_of_many_writers_are_decoded() {
    for (raw, expect) in [
        ("aGVsbG8=", "hello"),
        ("aGVs\r\nbG8", "hello"),
        ("aGVs bG8!=\r\n", "hello"),
        ("aGVsbG8=IHlvdQ==", "hello you"),
        ("aGVsbG9", "hello"),
        ("a", ""),
    ] {
        assert_eq!(String::from_utf8(decode::base64(raw.as_bytes())).unwrap(), expect, "{raw:?}");
    }
    for (raw, expect) in [
        ("a=20b", "a b"),
        ("a=\r\nb", "ab"),
        ("a= \r\nb", "ab"),
        ("a  \r\nb", "a\r\nb"),
        ("a=\nb\n", "ab\n"),
        ("a=3d=zz=", "a==zz"),
        ("=C3=BC", "ü"),
        ("=c3=bc", "ü"),
        ("a=", "a"),
    ] {
        assert_eq!(String::from_utf8(decode::quoted_printable(raw.as_bytes())).unwrap(), expect, "{raw:?}");
    }
    assert_eq!(decode::text(b"\xfc", Some("ISO-8859-1")), "ü");
    assert_eq!(decode::text(b"\xfc", Some("unheard-of")), "\u{fffd}");
}

#[test]
fn files_have_names() {
    for (fields, expect) in [
        ("Content-Disposition: attachment; filename=a.pdf", Some("a.pdf")),
        ("Content-Disposition: attachment; filename=\"a;\\\"b.pdf\"", Some("a;\"b.pdf")),
        ("Content-Disposition: attachment; filename*=UTF-8''r%C3%A9.pdf", Some("ré.pdf")),
        ("Content-Disposition: attachment; filename*0=\"long \"; filename*1=name.pdf", Some("long name.pdf")),
        ("Content-Disposition: attachment; filename=\"=?utf-8?q?r=C3=A9.pdf?=\"", Some("ré.pdf")),
        ("Content-Type: image/png; name=b.png", Some("b.png")),
        ("Content-Type: image/png; name=b.png\r\nContent-Disposition: inline; filename=a.png", Some("a.png")),
        ("Content-Type: image/png", None),
    ] {
        let mime = format!("{fields}\r\n\r\nx");
        assert_eq!(parts(mime.as_bytes())[0].file_name().as_deref(), expect, "{fields}");
    }
}

//! Messages read back.

use super::*;

const MIME: &str = "From: =?utf-8?q?Zo=C3=AB?= <z@example.org>\r\nTo: a@b.c,\r\n d@e.f\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
    Message-Id: <1@example.org>\r\nReceived: by x\r\nReceived: by y\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
    --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
    --a\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHall=F6\r\n\
    --a\r\nContent-Type: text/x-amp-html\r\n\r\n<html amp4email>\r\n\
    --a\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
    --r\r\nContent-Type: text/html\r\n\r\n<p><img src=cid:logo></p>\r\n\
    --r\r\nContent-Type: image/png; name=l.png\r\nContent-Disposition: inline\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\ncG5n\r\n\
    --r--\r\n--a--\r\n\
    --m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=UTF-8''r%C3%A9.pdf\r\n\r\n%PDF\r\n\
    --m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"=?utf-8?q?t=C3=A9.txt?=\"\r\n\r\ntext\r\n--m--\r\n";

#[test]
fn a_message_tells_what_it_is() {
    let stored = stored(MIME.as_bytes());
    let summary = &stored.summary;
    assert_eq!(summary.from.as_deref(), Some("Zoë <z@example.org>"));
    assert_eq!(summary.to.as_deref(), Some("a@b.c, d@e.f"));
    assert_eq!(summary.subject.as_deref(), Some("Grüße"));
    assert_eq!(summary.message_id.as_deref(), Some("1@example.org"));
    let files: Vec<_> = summary
        .attachments
        .iter()
        .map(|file| (file.name.as_str(), file.content_type.as_str(), file.size, file.content_id.as_deref()))
        .collect();
    assert_eq!(
        files,
        [
            ("l.png", "image/png", 3, Some("logo")),
            ("ré.pdf", "application/pdf", 4, None),
            ("té.txt", "text/plain", 4, None)
        ]
    );
    assert_eq!(stored.body_plain.trim_end(), "Hallö");
    assert_eq!(stored.body_html.trim_end(), "<p><img src=cid:logo></p>");
    assert_eq!(stored.content_ids, [("logo".to_owned(), 0)]);
    assert_eq!(stored.headers.iter().filter(|(name, _)| name == "Received").count(), 2);
    assert!(stored.headers.iter().any(|(name, _)| name == "Message-Id"), "names stay as they are spelled");
    assert!(stored.headers.contains(&("Subject".to_owned(), "Grüße".to_owned())));
    assert_eq!(attachment(MIME.as_bytes(), 0).unwrap().bytes, b"png");
    assert_eq!(attachment(MIME.as_bytes(), 2).unwrap().bytes, b"text");
    assert!(attachment(MIME.as_bytes(), 3).is_none());
}

#[test]
fn a_message_of_one_part_is_all_text() {
    let plain = stored(b"From: a@b.c\r\n\r\nHello\r\n");
    assert_eq!((plain.body_plain.as_str(), plain.body_html.as_str()), ("Hello\r\n", ""));
    let html = stored(b"Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n");
    assert_eq!((html.body_plain.as_str(), html.body_html.as_str()), ("", "<p>Hello</p>\r\n"));
}

#[test]
fn what_is_no_message_says_nothing() {
    for bytes in
        [&b""[..], b"\r\n", b"\0\xff", b"x", b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n"]
    {
        assert_eq!(summary(bytes).subject, None);
        assert!(stored(bytes).content_ids.is_empty());
    }
}

//! BDAT (RFC 3030): exact counts, and nothing of a refused chunk is taken for a command.

use super::*;

const BEGIN: [(&str, &str); 2] = [("MAIL FROM:<a@b>", "250"), ("RCPT TO:<c@d>", "250")];

fn begun() -> Client {
    let mut client = Client::trusted();
    client.expect(&BEGIN);
    client.heard.clear();
    client
}

fn codes(client: &Client) -> Vec<String> {
    client.text().lines().map(|line| line[..3].to_owned()).collect()
}

#[test]
fn chunks_make_a_message() {
    let mut client = begun();
    client.send(b"BDAT 10\r\na: b\r\n\r\nc\rBDAT 8\r\n\n.\r\n\r\n.d");
    client.send(b"bdat 7 last\r\ne\r\nQUIT");
    assert_eq!(codes(&client), ["250", "250", "250"]);
    assert_eq!(client.messages[0].2, b"a: b\r\n\r\nc\r\n.\r\n\r\n.de\r\nQUIT\r\n");
    assert_eq!(client.line("NOOP"), "250 2.0.0 OK");
}

#[test]
fn an_empty_last_chunk_ends_a_message() {
    let mut client = begun();
    client.send(b"BDAT 0\r\nBDAT 3\r\na\r\nBDAT 0 LAST\r\n");
    assert_eq!(codes(&client), ["250", "250", "250"]);
    let mut client = begun();
    client.send(b"BDAT 0 LAST\r\n");
    assert_eq!(client.messages[0].2, b"");
}

#[test]
fn sizes_are_decimal_numbers() {
    for size in [
        "",
        "-1",
        "+1",
        "0x10",
        "1.0",
        "1e3",
        "9223372036854775808",
        "18446744073709551616",
        "LAST",
        "1 LAST x",
        "1 FIRST",
        "1,2",
        "99999999999999999999999999",
    ] {
        begun().expect(&[(&format!("BDAT {size}"), "501 5.5.4"), ("NOOP", "250")]);
    }
}

#[test]
fn order_is_kept() {
    let mut client = begun();
    client.send(b"BDAT 3\r\na\r\nDATA\r\nRCPT TO:<e@f>\r\nMAIL FROM:<g@h>\r\nBDAT 0 LAST\r\nBDAT 3 LAST\r\na\r\nNOOP\r\n");
    assert_eq!(codes(&client), ["250", "503", "503", "503", "250", "503", "250"]);
    assert_eq!(client.messages.len(), 1);
}

#[test]
fn a_refused_chunk_is_read_to_its_last_byte() {
    // No MAIL, then no RCPT: the bytes look like commands, and must not become some.
    let mut client = Client::trusted();
    client.send(b"BDAT 14 LAST\r\nMAIL FROM:<>\r\nMAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n");
    assert_eq!(codes(&client), ["503", "250", "503", "250"]);
    assert!(!client.closed);
}

#[test]
fn too_much_is_refused_but_counted() {
    let limits = Limits { message: 100, ..Limits::default() };
    let mut client = Client::trusted_with(SessionConfig { limits, ..config() });
    client.expect(&BEGIN);
    client.heard.clear();
    let quits = "QUIT\r\n".repeat(20);
    client.send(format!("BDAT 120\r\n{quits}BDAT 6 LAST\r\nQUIT\r\nRSET\r\nNOOP\r\n").as_bytes());
    assert_eq!(codes(&client), ["552", "503", "250", "250"]);
    assert!(client.messages.is_empty());
    client.expect(&BEGIN);
    client.heard.clear();
    client.send(format!("BDAT 60\r\n{}BDAT 60 LAST\r\n{}NOOP\r\n", &quits[..60], &quits[..60]).as_bytes());
    assert_eq!(codes(&client), ["250", "552", "250"]);
    client.expect(&[("RSET", "250")]);
    client.expect(&BEGIN);
    client.heard.clear();
    client.send(b"BDAT 9223372036854775807\r\nMAIL FROM:<>\r\n");
    assert_eq!(codes(&client), ["552"]);
    assert!(client.closed);
}

#[test]
fn chunks_are_text() {
    for chunk in ["a\nb", "a\rb", "a\0b", "\n", "a\r"] {
        let mut client = begun();
        client.send(format!("BDAT {} LAST\r\n{chunk}", chunk.len()).as_bytes());
        assert!(client.text().starts_with("554 5.6.0"), "{chunk:?}: {}", client.text());
        assert!(client.closed && client.messages.is_empty());
    }
}

#[test]
fn rset_forgets_chunks() {
    let mut client = begun();
    client.send(b"BDAT 3\r\na\r\nRSET\r\n");
    client.expect(&BEGIN);
    client.send(b"BDAT 3 LAST\r\nb\r\n");
    assert_eq!(client.messages[0].2, b"b\r\n");
}

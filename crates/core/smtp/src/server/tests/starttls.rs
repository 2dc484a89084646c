//! STARTTLS (RFC 3207): nothing said in the clear counts afterwards.

use super::*;

fn clear() -> Client {
    let mut client =
        Client::new(SessionConfig { security: Security::StartTls, auth_without_tls: true, ..config() });
    client.line("EHLO x");
    client.heard.clear();
    client
}

#[test]
fn what_was_sent_along_is_dropped() {
    for injected in ["MAIL FROM:<x@y>\r\n", "NOOP\r\nQUIT\r\n", "\n", "MAIL FR"] {
        let mut client = clear();
        client.send(format!("STARTTLS\r\n{injected}").as_bytes());
        assert_eq!(client.text(), "220 2.0.0 Ready to start TLS\r\n");
        client.finish_tls();
        assert_eq!(client.line("NOOP"), "250 2.0.0 OK", "{injected:?}");
    }
}

#[test]
fn state_starts_anew() {
    let mut client = clear();
    client.expect(&[
        ("AUTH PLAIN AHVzZXIAc2VjcmV0", "235"),
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<c@d>", "250"),
        ("STARTTLS", "220"),
    ]);
    client.finish_tls();
    client.expect(&[("RCPT TO:<c@d>", "503"), ("MAIL FROM:<a@b>", "503")]);
    let offered = client.line("EHLO x");
    assert!(!offered.contains("STARTTLS"), "{offered}");
    client.expect(&[("MAIL FROM:<a@b>", "530 5.7.0"), ("AUTH PLAIN AHVzZXIAc2VjcmV0", "235")]);
}

#[test]
fn once_is_enough() {
    let mut client = clear();
    client.expect(&[("STARTTLS now", "501 5.5.4"), ("STARTTLS", "220")]);
    client.finish_tls();
    client.expect(&[("EHLO x", "250"), ("STARTTLS", "503 5.5.1")]);
    let mut client = Client::new(SessionConfig { security: Security::Plain, ..config() });
    client.expect(&[("EHLO x", "250"), ("STARTTLS", "502 5.5.1")]);
}

#[test]
fn failures_before_count_after() {
    let mut client = clear();
    let wrong = "AUTH PLAIN AHVzZXIAd3Jvbmc=";
    client.expect(&[(wrong, "535"), (wrong, "535"), ("STARTTLS", "220")]);
    client.finish_tls();
    client.expect(&[("EHLO x", "250"), (wrong, "535")]);
    assert!(client.closed);
}

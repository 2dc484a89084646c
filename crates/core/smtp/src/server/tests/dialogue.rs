//! The ordinary ways of a session, and the wrong turns.

use super::*;

#[test]
fn a_message_goes_in_by_data() {
    let mut client = Client::new(config());
    client.send(b"");
    assert_eq!(client.text(), "220 mail.example.org ESMTP Waxseal\r\n");
    client.expect(&[
        ("ehlo client.example", "250-mail.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 26214400\r\n250 AUTH PLAIN LOGIN"),
        ("AUTH PLAIN AHVzZXIAc2VjcmV0", "235 2.7.0"),
        ("MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME", "250 2.1.0"),
        ("RCPT TO:<b@example.net>", "250 2.1.5"),
        ("RCPT TO:<refused@example.net>", "550 5.1.1"),
        ("rcpt to: <\"c d\"@example.net> ", "250 2.1.5"),
        ("DATA", "354 "),
        ("Subject: x\r\n\r\n..hello\r\n.", "250 2.0.0 OK <1>"),
        ("QUIT", "221 2.0.0"),
    ]);
    assert!(client.closed);
    let expected = (
        Some("a@example.org".to_owned()),
        vec!["b@example.net".to_owned(), "\"c d\"@example.net".to_owned()],
        b"Subject: x\r\n\r\n.hello\r\n".to_vec(),
    );
    assert_eq!(client.messages, [expected]);
}

#[test]
fn commands_may_come_in_one_go() {
    let mut client = Client::trusted();
    client.send(
        b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\none\r\n.\r\nMAIL FROM:<x@y>\r\nRCPT TO:<c@d>\r\n\
          BDAT 5\r\ntwo\r\nBDAT 0 LAST\r\nNOOP\r\nQUIT\r\n",
    );
    let codes: Vec<_> = client.text().lines().map(|line| line[..3].to_owned()).collect();
    assert_eq!(codes, ["250", "250", "354", "250", "250", "250", "250", "250", "250", "221"]);
    assert_eq!(client.messages.len(), 2);
    assert_eq!(client.messages[0].0, None);
    assert_eq!(client.messages[1].2, b"two\r\n");
}

#[test]
fn commands_out_of_order_are_refused_and_harm_nothing() {
    let mut client = Client::new(config());
    client.expect(&[
        ("MAIL FROM:<a@b>", "503 5.5.1"),
        ("AUTH PLAIN", "503 5.5.1"),
        ("RCPT TO:<a@b>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
    ]);
    let mut client = Client::trusted();
    client.expect(&[
        ("DATA", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "250"),
        ("MAIL FROM:<a@b>", "503 5.5.1"),
        ("DATA", "554 5.5.1"),
        ("RCPT TO:<refused@b>", "550"),
        ("DATA", "554 5.5.1"),
        ("RCPT TO:<c@d>", "250"),
        ("AUTH PLAIN", "503 5.5.1"),
        ("RSET", "250 2.0.0"),
        ("RCPT TO:<c@d>", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<c@d>", "250"),
        ("EHLO again", "250-"),
        ("DATA", "503 5.5.1"),
    ]);
    assert!(!client.closed && client.messages.is_empty());
}

#[test]
fn lines_that_are_wrong_say_what_is_wrong() {
    let cases = [
        ("", "500 5.5.1"),
        ("XYZZY", "500 5.5.1"),
        ("LHLO x", "500 5.5.1"),
        ("EXPN staff", "502 5.5.1"),
        ("TURN", "502 5.5.1"),
        ("VRFY", "501 5.5.4"),
        ("VRFY alice", "252 2.1.5"),
        ("HELP me", "214 2.0.0"),
        ("NOOP x", "250 2.0.0"),
        ("HELO", "501 5.5.4"),
        ("EHLO", "501 5.5.4"),
        ("EHLO a b", "501 5.5.4"),
        ("HELO x", "250 mail.example.org"),
        ("EHLO [IPv6:::1]", "250-mail.example.org"),
        ("RSET x", "501 5.5.4"),
        ("QUIT x", "501 5.5.4"),
        ("DATA x", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("MAIL TO:<a@b>", "501 5.5.4"),
        ("MAIL FROM a@b", "501 5.5.4"),
        ("MAIL FROM:a@b", "501 5.5.4"),
        ("MAIL FROM:<a@b>x", "501 5.5.4"),
    ];
    for (line, reply) in cases {
        Client::trusted().expect(&[(line, reply)]);
    }
}

#[test]
fn parameters_of_mail_are_checked() {
    let cases = [
        ("<a> ", "501 5.1.7"),
        ("<postmaster>", "501 5.1.7"),
        ("<a@b> SIZE=0", "250"),
        ("<a@b> size=26214400 body=7bit auth=<>", "250"),
        ("<a@b> SIZE=26214401", "552 5.3.4"),
        ("<a@b> SIZE=99999999999999999999", "501 5.5.4"),
        ("<a@b> SIZE=-1", "501 5.5.4"),
        ("<a@b> SIZE=", "501 5.5.4"),
        ("<a@b> SIZE", "501 5.5.4"),
        ("<a@b> SIZE=1 SIZE=1", "501 5.5.4"),
        ("<a@b> BODY=BINARYMIME", "501 5.5.4"),
        ("<a@b> BODY", "501 5.5.4"),
        ("<a@b> SMTPUTF8=x", "501 5.5.4"),
        ("<a@b> AUTH=e+3Dmc2@example.org", "250"),
        ("<a@b> AUTH=<", "501 5.5.4"),
        ("<a@b> AUTH=e+3", "501 5.5.4"),
        ("<a@b> AUTH=e++3mc2@example.org", "501 5.5.4"),
        ("<a@b> AUTH=", "501 5.5.4"),
        ("<a@b> RET=HDRS", "555 5.5.4"),
        ("<a@b> X", "555 5.5.4"),
        ("<a@b> =", "555 5.5.4"),
        ("<ü@b>", "553 5.6.7"),
        ("<ü@b> SMTPUTF8", "250"),
    ];
    for (arguments, reply) in cases {
        Client::trusted().expect(&[(&format!("MAIL FROM:{arguments}"), reply)]);
    }
}

#[test]
fn recipients_are_checked() {
    let cases = [
        ("<>", "501 5.1.3"),
        ("<postmaster>", "550 5.1.1"),
        ("<a>", "501 5.1.3 cannot parse to address"),
        ("<a@b> NOTIFY=NEVER", "555 5.5.4"),
        ("<ü@b>", "553 5.6.7"),
        ("<@x,@y:a@b>", "250"),
    ];
    for (arguments, reply) in cases {
        Client::trusted().expect(&[("MAIL FROM:<>", "250"), (&format!("RCPT TO:{arguments}"), reply)]);
    }
    Client::trusted().expect(&[("MAIL FROM:<> SMTPUTF8", "250"), ("RCPT TO:<ü@bücher.example>", "250")]);
}

#[test]
fn who_speaks_before_the_greeting_is_sent_away() {
    let mut session = Session::new(config());
    let mut input = &b"EHLO x\r\n"[..];
    assert!(matches!(session.advance(&mut input), Some(Event::Close)));
    session.greet();
    assert!(session.take_output().starts_with(b"554 5.5.1"));
}

#[test]
fn a_browser_is_sent_away() {
    for verb in ["GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT x:25 HTTP/1.1"] {
        let mut client = Client::trusted();
        client.send(format!("{verb}\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n").as_bytes());
        assert!(client.closed && client.text().starts_with("554 5.5.1"), "{}", client.text());
    }
}

#[test]
fn an_answer_nobody_waits_for_changes_nothing() {
    let mut client = Client::trusted();
    client.session.answer(Reply::new(250, 0, 0, "OK"));
    client.session.tls_started();
    assert_eq!(client.line("NOOP"), "250 2.0.0 OK");
}

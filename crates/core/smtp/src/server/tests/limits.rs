//! What a client may use up, and what happens then.

use super::*;

#[test]
fn lines_have_a_length() {
    let mut client = Client::trusted();
    let noop = |length: usize| format!("NOOP {}", "x".repeat(length - 7));
    client.expect(&[
        (&noop(512), "250"),
        (&noop(513), "500 5.5.2"),
        (&noop(65_536), "500 5.5.2"),
        ("NOOP", "250"),
    ]);
    let spaces = " ".repeat(2_000);
    client.expect(&[
        (&format!("MAIL FROM:<a@b>{spaces}SIZE=1"), "250"),
        (&format!("RCPT TO:<{}@b>", "x".repeat(2_100)), "500 5.5.2"),
    ]);
    client.expect(&[(&format!("RCPT TO:<{}@b>", "x".repeat(300)), "501 5.1.3")]);
}

#[test]
fn a_line_without_end_ends_the_session() {
    let mut client = Client::trusted();
    for _ in 0..1_000 {
        client.send(&[b'x'; 1_024]);
    }
    assert!(client.closed);
    assert_eq!(client.text(), "500 5.5.2 Line does not end; closing connection\r\n");
}

#[test]
fn a_message_in_circles_is_stopped() {
    let mut client = Client::trusted();
    for (count, reply) in [(50, "250"), (51, "554 5.4.6")] {
        let content = "Received: from a by b\r\n".repeat(count) + "\r\nx\r\n.";
        client.expect(&[
            ("MAIL FROM:<>", "250"),
            ("RCPT TO:<a@b>", "250"),
            ("DATA", "354"),
            (&content, reply),
        ]);
    }
    client.expect(&[("DATA", "503")]);
}

#[test]
fn a_message_has_a_size() {
    let limits = Limits { message: 100, header: 50, text_line: 40, ..Limits::default() };
    let mut client = Client::trusted_with(SessionConfig { limits, ..config() });
    for (content, reply) in [
        ("a: b\r\n\r\n".to_owned() + &"0123456789abcde\r\n".repeat(5), "250"),
        ("a: b\r\n\r\n".to_owned() + &"0123456789abcde\r\n".repeat(6), "552 5.3.4"),
        ("a: 3456789abcde\r\n".repeat(3), "554 5.6.0"),
        ("\r\n".to_owned() + &"x".repeat(41) + "\r\n", "554 5.6.0"),
    ] {
        client.expect(&[
            ("MAIL FROM:<>", "250"),
            ("RCPT TO:<a@b>", "250"),
            ("DATA", "354"),
            (&format!("{content}."), reply),
        ]);
    }
    client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("DATA", "354")]);
    client.expect(&[(&"x\r\n".repeat(70), "552 5.3.4")]);
    assert!(client.closed && client.messages.len() == 1);
}

#[test]
fn a_message_has_a_thousand_recipients() {
    let mut client = Client::trusted();
    client.expect(&[("MAIL FROM:<>", "250")]);
    for number in 0..1_000 {
        client.expect(&[(&format!("RCPT TO:<user{number}@example.net>"), "250")]);
    }
    for number in 1_000..1_100 {
        client.expect(&[(&format!("RCPT TO:<user{number}@example.net>"), "452 4.5.3")]);
    }
    client.expect(&[("DATA", "354"), ("x\r\n.", "250")]);
    assert_eq!(client.messages[0].1.len(), 1_000);
}

#[test]
fn errors_run_out() {
    let mut client = Client::trusted();
    client.expect(&[("WHAT", "500"); 20]);
    client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("DATA", "354"), (".", "250")]);
    client.expect(&[("WHAT", "500"); 20]);
    client.expect(&[("WHAT", "421 4.7.0")]);
    assert!(client.closed);
}

#[test]
fn idle_chatter_runs_out() {
    let mut client = Client::trusted();
    client.expect(&[("NOOP", "250"); 90]);
    client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("DATA", "354"), (".", "250")]);
    client.expect(&[("RSET", "250"); 100]);
    client.expect(&[("VRFY x", "421 4.7.0")]);
    assert!(client.closed);
}

#[test]
fn a_connection_carries_so_many_messages() {
    let limits = Limits { messages: 2, ..Limits::default() };
    let mut client = Client::trusted_with(SessionConfig { limits, ..config() });
    for _ in 0..2 {
        client.expect(&[("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("DATA", "354"), (".", "250")]);
    }
    client.expect(&[("MAIL FROM:<>", "421 4.7.0")]);
    assert!(client.closed);
}

#[test]
fn a_closed_session_says_nothing_more() {
    let mut client = Client::trusted();
    client.session.close(&Reply::new(421, 3, 2, "Shutting down"));
    client.send(b"NOOP\r\n");
    assert_eq!(client.text(), "421 4.3.2 Shutting down\r\n");
    assert!(client.closed);
}

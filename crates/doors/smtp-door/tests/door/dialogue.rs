//! Messages of all sizes and shapes over a real connection.

use crate::{
    line::message,
    rig::{LOGIN, Rig},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_and_what_is_offered() {
    let rig = Rig::start().await;
    let mut line = rig.greeted().await;
    let offered = line.say("EHLO client.example").await;
    for keyword in
        ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "STARTTLS", "SIZE 26214400"]
    {
        assert!(offered.lines().any(|line| &line[4..] == keyword), "{keyword} in {offered}");
    }
    assert!(offered.ends_with("AUTH PLAIN LOGIN"), "loopback may authenticate in the clear: {offered}");
    line.expect("QUIT", "221 2.0.0").await;
    assert_eq!(line.reply().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_go_over_one_connection_in_one_go() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    let mut all = String::new();
    for number in 0..5 {
        all += &format!(
            "MAIL FROM:<{LOGIN}>\r\nRCPT TO:<b{number}@example.net>\r\nDATA\r\n{}.\r\n",
            message("x")
        );
        all += &format!(
            "MAIL FROM:<>\r\nRCPT TO:<c{number}@example.net>\r\nBDAT {} LAST\r\n{}",
            message("y").len(),
            message("y")
        );
    }
    line.send((all + "QUIT\r\n").as_bytes()).await;
    let heard = line.rest().await;
    assert_eq!(heard.matches("250 2.0.0 OK <").count(), 10, "{heard}");
    assert!(heard.ends_with("221 2.0.0 Bye"), "{heard}");
    assert_eq!(rig.taken().await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_recipients_are_taken_and_no_more() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    let all: String = (0..1_001).map(|number| format!("RCPT TO:<r{number}@example.net>\r\n")).collect();
    line.send(all.as_bytes()).await;
    for _ in 0..1_000 {
        assert!(line.reply().await.starts_with("250 2.1.5"));
    }
    assert!(line.reply().await.starts_with("452 4.5.3"));
    line.expect("DATA", "354").await;
    line.send(message("x").as_bytes()).await;
    line.expect(".", "250 2.0.0").await;
    let taken = rig.taken().await;
    assert_eq!(taken[0].recipients.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_and_the_next_one_is_not() {
    let rig = Rig::start_with(|config| config.session.message = 100_000).await;
    let mut line = rig.inside().await;
    line.expect(&format!("MAIL FROM:<{LOGIN}> SIZE=100001"), "552 5.3.4").await;
    let large = message("x") + &"0123456789abcdef\r\n".repeat(6_000);
    assert!(line.submit(LOGIN, &["b@example.net"], &large).await.starts_with("552 5.3.4"));
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.send(format!("BDAT {} LAST\r\n{large}", large.len()).as_bytes()).await;
    assert!(line.reply().await.starts_with("552 5.3.4"));
    line.expect("RSET", "250").await;
    assert!(line.submit(LOGIN, &["b@example.net"], &message("x")).await.starts_with("250"));
    assert_eq!(rig.taken().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_is_taken() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    let body = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(24 * 15_000);
    let reply = line.submit(LOGIN, &["b@example.net"], &(message("x") + &body)).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert!(rig.taken().await[0].mime.ends_with(&(body + "\r\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sending_refuses_is_said_in_one_line() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    let reply = line.submit(LOGIN, &["b@example.net"], "Subject: no author\r\n\r\nx").await;
    assert!(reply.starts_with("554 5.6.0 the message has no From header"), "{reply}");
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@[192.0.2.1]>", "550 5.1.3 cannot parse to address").await;
    line.expect("RCPT TO:<b@c..d>", "501 5.1.3 cannot parse to address").await;
    line.expect("RSET", "250").await;
    line.expect("MAIL FROM:<gruß@mg.example.org>", "553 5.6.7").await;
    line.expect("MAIL FROM:<gruß@mg.example.org> SMTPUTF8 BODY=8BITMIME", "250").await;
    line.expect("RCPT TO:<user@bücher.example>", "250").await;
    line.expect("RCPT TO:<gruß@bücher.example>", "250").await;
    line.expect("DATA", "354").await;
    line.send(message("grüße").as_bytes()).await;
    line.expect(".", "250 2.0.0").await;
    let taken = rig.taken().await;
    assert_eq!(taken[0].recipients, ["user@xn--bcher-kva.example", "gruß@xn--bcher-kva.example"]);
}

//! Too many, too slow, too much.

use std::time::Duration;

use crate::{
    line::{Line, message},
    rig::{LOGIN, Rig},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_has_so_many_connections() {
    let rig = Rig::start_with(|config| config.crowd.per_peer = 2).await;
    let mut first = rig.greeted().await;
    let _second = rig.greeted().await;
    let mut third = Line::connect_silently(rig.submission).await;
    assert!(third.rest().await.starts_with("421 4.7.0"));
    first.expect("QUIT", "221").await;
    assert_eq!(first.reply().await, "");
    drop(first);
    // The place is free once the server has seen the end.
    loop {
        let mut line = Line::connect_silently(rig.submission).await;
        if line.reply().await.starts_with("220") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_sent_away() {
    let rig = Rig::start_with(|config| config.times.command = Duration::from_millis(200)).await;
    let mut line = Line::connect(rig.submission).await;
    assert!(line.rest().await.starts_with("421 4.4.2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_now_and_then_buys_no_time() {
    let rig = Rig::start_with(|config| config.times.command = Duration::from_millis(500)).await;
    let mut line = Line::connect(rig.submission).await;
    let mut sent = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while line.try_send(b"N").await && sent < 200 {
        tick.tick().await;
        sent += 1;
    }
    assert!(sent < 200, "the server kept listening");
    assert!(line.rest().await.starts_with("421 4.4.2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_some_time_but_not_within_a_message() {
    let rig = Rig::start_with(|config| config.times.connection = Duration::from_secs(2)).await;
    let mut line = rig.inside().await;
    let envelope = format!("MAIL FROM:<{LOGIN}>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
    loop {
        line.try_send(envelope.as_bytes()).await;
        match line.reply().await {
            reply if reply.starts_with("421 4.4.2") => break,
            reply => assert!(reply.starts_with("250 2.1.0"), "{reply}"),
        }
        line.reply().await;
        line.reply().await;
        line.send(message("x").as_bytes()).await;
        line.expect(".", "250 2.0.0").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_drips_is_not_waited_for() {
    let rig = Rig::start_with(|config| {
        config.times.rate_window = Duration::from_secs(1);
        config.times.min_rate = 1_000;
    })
    .await;
    let mut line = rig.inside().await;
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.expect("DATA", "354").await;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let mut sent = 0;
    while line.try_send(b"x\r\n").await && sent < 100 {
        tick.tick().await;
        sent += 1;
    }
    assert!(sent < 100, "the server kept listening");
    assert!(line.rest().await.starts_with("421 4.4.2"));
    assert!(rig.taken().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_others_take_most_of_the_memory_no_message_is_begun() {
    let rig = Rig::start_with(|config| config.crowd.content_bytes = 150_000).await;
    let (mut one, mut two) = (rig.inside().await, rig.inside().await);
    one.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    one.expect("RCPT TO:<b@example.net>", "250").await;
    let part = message("x") + &"0123456789abcdef\r\n".repeat(7_960);
    one.send(format!("BDAT {}\r\n{part}", part.len()).as_bytes()).await;
    assert!(one.reply().await.starts_with("250"));
    two.expect(&format!("MAIL FROM:<{LOGIN}>"), "451 4.3.2").await;
    two.expect(&format!("MAIL FROM:<{LOGIN}> SIZE=100000"), "451 4.3.2").await;
    two.expect(&format!("MAIL FROM:<{LOGIN}> SIZE=1000"), "250").await;
    two.expect("RSET", "250").await;
    let mut three = Line::connect_silently(rig.submission).await;
    assert!(three.rest().await.starts_with("421 4.3.2"));
    one.expect("BDAT 0 LAST", "250 2.0.0").await;
    two.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    assert!(Line::connect(rig.submission).await.try_send(b"QUIT\r\n").await, "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_on_their_way_in_share_the_memory() {
    let rig = Rig::start_with(|config| config.crowd.content_bytes = 200_000).await;
    let mut one = rig.inside().await;
    one.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    one.expect("RCPT TO:<b@example.net>", "250").await;
    let part = message("x") + &"0123456789abcdef\r\n".repeat(8_000);
    one.send(format!("BDAT {}\r\n{part}", part.len()).as_bytes()).await;
    assert!(one.reply().await.starts_with("250"));
    let mut two = rig.inside().await;
    two.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    two.expect("RCPT TO:<b@example.net>", "250").await;
    two.expect("DATA", "354").await;
    two.try_send(part.as_bytes()).await;
    assert!(two.rest().await.starts_with("421 4.3.1"));
    one.expect("BDAT 0 LAST", "250 2.0.0").await;
    assert_eq!(rig.taken().await.len(), 1);
}

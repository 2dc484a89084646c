//! TLS from the first byte, TLS on request, and what was said before.

use crate::{
    line::{Line, message},
    rig::{LOGIN, Rig},
};

#[tokio::test(flavor = "multi_thread")]
async fn implicit_tls_takes_messages() {
    let rig = Rig::start().await;
    let line = Line::connect_silently(rig.implicit_tls).await;
    let mut line = line.start_tls(rig.folder.path()).await;
    assert!(line.reply().await.starts_with("220 mail.example.org"));
    let offered = line.say("EHLO client.example").await;
    assert!(!offered.contains("STARTTLS") && offered.contains("AUTH PLAIN LOGIN"), "{offered}");
    line.login(LOGIN, &rig.password).await;
    assert!(line.submit(LOGIN, &["b@example.net"], &message("x")).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_takes_messages_and_forgets_what_came_before() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    line.expect("MAIL FROM:<app@mg.example.org>", "250").await;
    line.expect("STARTTLS", "220 2.0.0").await;
    let mut line = line.start_tls(rig.folder.path()).await;
    line.expect("RCPT TO:<b@example.net>", "503").await;
    line.expect("EHLO client.example", "250").await;
    line.expect("MAIL FROM:<app@mg.example.org>", "530 5.7.0").await;
    line.expect("STARTTLS", "503 5.5.1").await;
    line.login(LOGIN, &rig.password).await;
    assert!(line.submit(LOGIN, &["b@example.net"], &message("x")).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_sent_along_with_starttls_are_dropped() {
    let rig = Rig::start().await;
    let mut line = rig.greeted().await;
    line.send(b"STARTTLS\r\nRSET\r\nMAIL FROM:<evil@mg.example.org>\r\n").await;
    assert!(line.reply().await.starts_with("220 2.0.0"));
    let mut line = line.start_tls(rig.folder.path()).await;
    assert_eq!(line.say("NOOP").await, "250 2.0.0 OK", "the first reply is to the first command under TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_after_starttls_ends_the_connection() {
    let rig = Rig::start().await;
    let mut line = rig.greeted().await;
    line.expect("STARTTLS", "220").await;
    line.send(b"MAIL FROM:<evil@mg.example.org>\r\n").await;
    assert!(!line.try_tls(rig.folder.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_cut_off_by_the_end_of_tls_is_not_taken() {
    let rig = Rig::start().await;
    let line = Line::connect_silently(rig.implicit_tls).await;
    let mut line = line.start_tls(rig.folder.path()).await;
    line.reply().await;
    line.expect("EHLO client.example", "250").await;
    line.login(LOGIN, &rig.password).await;
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.send(b"BDAT 100 LAST\r\nFrom: app@mg.example.org\r\n").await;
    drop(line);
    // Another message goes through, so the first one had its time.
    let mut line = rig.inside().await;
    assert!(line.submit(LOGIN, &["c@example.net"], &message("x")).await.starts_with("250"));
    assert_eq!(rig.taken().await.len(), 1);
}

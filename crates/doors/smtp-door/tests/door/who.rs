//! Who is let in, and for which domain.

use base64::{Engine, engine::general_purpose::STANDARD};
use waxseal_model::network::Network;

use crate::{
    line::{Line, message},
    rig::{DOMAIN, LOGIN, Rig},
};

fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_sends_by_plain_and_by_login() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    let reply = line.submit(LOGIN, &["b@example.net", "\"c d\"@example.net"], &message("one")).await;
    assert!(reply.starts_with("250 2.0.0 OK <") && reply.ends_with('>'), "{reply}");

    let mut line = rig.greeted().await;
    line.expect("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
    line.expect(&encode(LOGIN), "334 UGFzc3dvcmQ6").await;
    line.expect(&encode(&rig.password), "235 2.7.0").await;
    let reply = line.submit("somebody@elsewhere.example", &["b@example.net"], &message("two")).await;
    assert!(reply.starts_with("250 2.0.0"), "a credential sends for its domain: {reply}");

    let taken = rig.taken().await;
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].recipients, ["b@example.net", "\"c d\"@example.net"]);
    assert!(taken[0].mime.contains("Subject: one\r\n") && taken[0].mime.ends_with("\r\n\r\nhello\r\n\r\n"));
    assert!(taken[0].mime.contains("d=mg.example.org"), "signed for the credential's domain");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_stay_outside_and_run_out() {
    let rig = Rig::start().await;
    let mut line = rig.greeted().await;
    for (login, password) in [(LOGIN, "wrong"), ("nobody@mg.example.org", rig.password.as_str())] {
        let response = encode(&format!("\0{login}\0{password}"));
        line.expect(&format!("AUTH PLAIN {response}"), "535 5.7.8").await;
        line.expect(&format!("MAIL FROM:<{LOGIN}>"), "530 5.7.0").await;
    }
    line.expect(&format!("AUTH PLAIN {}", encode("\0a\0b")), "535 5.7.8").await;
    assert!(line.rest().await.starts_with("421 4.7.0"));
    let mut line = rig.inside().await;
    assert!(line.submit(LOGIN, &["b@example.net"], &message("x")).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let rig = Rig::start().await;
    let mut throttled = 0;
    for attempt in 0..24 {
        let mut line = rig.greeted().await;
        let response = encode(&format!("\0{LOGIN}\0guess{attempt}"));
        let reply = line.say(&format!("AUTH PLAIN {response}")).await;
        match attempt {
            0..20 => assert!(reply.starts_with("535"), "{attempt}: {reply}"),
            _ => throttled += usize::from(reply.starts_with("454 4.7.0")),
        }
    }
    assert!(throttled >= 3, "{throttled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_send_nothing() {
    let rig = Rig::start().await;
    for from in
        ["", "app@mg.example.org", "postmaster@mail.example.org", "a@[127.0.0.1]", "@x.example:a@b.example"]
    {
        let mut line = rig.greeted().await;
        line.expect(&format!("MAIL FROM:<{from}>"), "530 5.7.0").await;
        for to in [
            "b@example.net",
            "b%example.net@mg.example.org",
            "\"b@example.net\"@mg.example.org",
            "@mg.example.org:b@example.net",
        ] {
            line.expect(&format!("RCPT TO:<{to}>"), "503 5.5.1").await;
        }
        line.expect("DATA", "503").await;
    }
    assert!(rig.taken().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_sends_for_the_domains_of_its_account() {
    let rig = Rig::start().await;
    let network: Network = "127.0.0.0/8".parse().expect("a network");
    rig.accounts.create_network_credential(rig.account, network).await.expect("a network credential");
    let other = rig.accounts.create("Other", "other@example.org", None).await.expect("an account").id;
    rig.domains.create(other, "other.example").await.expect("a domain");
    let mut line = rig.greeted().await;
    for from in
        ["a@other.example", "a@elsewhere.example", "a@example.org", "a@[127.0.0.1]", "a@xmg.example.org"]
    {
        line.expect(&format!("MAIL FROM:<{from}>"), "550 5.7.1").await;
    }
    for from in ["cron@MG.example.org", "cron@host7.mg.example.org"] {
        let reply = line.submit(from, &["b@example.net"], &message("x")).await;
        assert!(reply.starts_with("250 2.0.0"), "{from}: {reply}");
    }
    // Notices have no sender: their author says for whom.
    let reply = line.submit("", &["b@example.net"], &message("notice")).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let encoded =
        format!("From: =?utf-8?q?M=C3=BCller=2C_Jan?= <a@{DOMAIN}>\r\nSubject: notice\r\n\r\nhello\r\n");
    let reply = line.submit("", &["b@example.net"], &encoded).await;
    assert!(reply.starts_with("250 2.0.0"), "an encoded name with a comma: {reply}");
    let foreign = message("notice").replace(DOMAIN, "other.example");
    let reply = line.submit("", &["b@example.net"], &foreign).await;
    assert!(reply.starts_with("550 5.7.1"), "{reply}");
    let taken = rig.taken().await;
    assert_eq!(taken.len(), 4);
    assert!(taken.iter().all(|message| message.mime.contains("d=mg.example.org")));
    assert_eq!(taken[1].sender, "cron@host7.mg.example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_unsubscribe_is_refused_until_there_are_any() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    let mime = message("news").replace("hello", "leave: %unsubscribe_url%");
    let reply = line.submit(LOGIN, &["b@example.net"], &mime).await;
    assert!(reply.starts_with('5') && reply.contains("unsubscribe links are not available yet"), "{reply}");
    assert!(rig.taken().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_elsewhere_opens_nothing() {
    let rig = Rig::start().await;
    for network in ["192.0.2.0/24", "::1/128"] {
        let network: Network = network.parse().expect("a network");
        rig.accounts.create_network_credential(rig.account, network).await.expect("a network credential");
    }
    rig.greeted().await.expect(&format!("MAIL FROM:<a@{DOMAIN}>"), "530 5.7.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_nothing_is_said_that_is_not_so() {
    let rig = Rig::start().await;
    let mut inside = rig.inside().await;
    rig.store.close().await;
    let response = encode(&format!("\0{LOGIN}\0{}", rig.password));
    let mut line = Line::connect(rig.submission).await;
    line.expect("EHLO client.example", "250").await;
    line.expect(&format!("AUTH PLAIN {response}"), "454 4.7.0").await;
    line.expect("MAIL FROM:<a@mg.example.org>", "451 4.3.0").await;
    inside.expect("MAIL FROM:<a@mg.example.org>", "451 4.3.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_in_the_middle_defers() {
    let rig = Rig::start().await;
    let mut line = rig.inside().await;
    line.expect("MAIL FROM:<a@mg.example.org>", "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.expect("DATA", "354").await;
    rig.store.close().await;
    line.send(message("x").as_bytes()).await;
    line.expect(".", "451 4.3.0").await;
}

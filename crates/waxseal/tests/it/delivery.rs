//! The main job through the real binary: from a call to a recipient's server.

use anyhow::Result;
use waxseal_testkit::{Call, SmtpCall};

use crate::{DOMAIN, World};

#[tokio::test]
async fn a_message_by_http_and_one_by_smtp_arrive_signed_and_are_logged() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    world.send(&server, "by-http", "Hello", "Over HTTP").await?;
    let made =
        world.binary.json(&["credential", "create", "app@sender.test", "--account", &world.account]).await?;
    let password = made["password"].as_str().unwrap_or_default();
    let mut smtp = SmtpCall::login(server.submission(), "app@sender.test", password).await?;
    let content = "From: app@sender.test\r\nTo: by-smtp@recipient.test\r\nSubject: Hello\r\n\r\nOver SMTP";
    assert_eq!(smtp.submit("app@sender.test", "by-smtp@recipient.test", content).await?.0, 250);
    world.peer.wait_for_messages(2).await;
    world.drained().await?;
    for message in world.peer.acknowledged() {
        assert!(message.tls, "TLS was offered and used");
        assert_eq!(message.text().matches("DKIM-Signature:").count(), 2, "{}", message.text());
        assert!(message.text().contains("Over HTTP") || message.text().contains("Over SMTP"));
    }
    let path = format!("/v3/{DOMAIN}/events?ascending=yes");
    let events = Call::get(server.http(), &path).key(&world.key).send().await?.json();
    let mut kinds: Vec<&str> = events["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| event["event"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["accepted", "accepted", "delivered", "delivered"]);
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn a_waiting_message_is_explained_and_can_be_retried() -> Result<()> {
    use waxseal_testkit::smtp_peer::Reaction;
    let world = World::new(&[]).await?;
    world.peer.rescript(|script| {
        let later = Reaction::Say("451 4.7.1 come back later\r\n".into());
        *script = std::mem::take(script).on("RCPT", [later, Reaction::Proper]);
    });
    let server = world.binary.serve().await?;
    let id = world.send(&server, "greylisted", "Hello", "text").await?;
    let why = loop {
        let why = world.binary.json(&["queue", "why", &id]).await?;
        if why["waiting"][0]["attempts"] == 1 {
            break why;
        }
    };
    assert!(
        why["waiting"][0]["last_reply"].as_str().is_some_and(|reply| reply.contains("come back later")),
        "{why}"
    );
    assert_eq!(why["waiting"][0]["recipient_domain"], "recipient.test");
    assert!(!why.to_string().contains("greylisted"), "an operator needs no address: {why}");
    let retried = world.binary.json(&["queue", "retry", &id]).await?;
    assert_eq!(retried["retried"], 1);
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    let why = world.binary.json(&["queue", "why", &id]).await?;
    let last = why["events"].as_array().and_then(|events| events.last()).cloned().unwrap_or_default();
    assert_eq!(last["event"], "delivered", "{why}");
    assert!(server.terminate().await?.0.success());
    Ok(())
}

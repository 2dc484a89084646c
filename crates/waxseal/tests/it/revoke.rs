//! The operator takes back what was given, beside a running server.

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use waxseal_testkit::{Call, SmtpCall, smtp_peer::Reaction};

use crate::{DOMAIN, RECIPIENT, World, waxseal};

#[tokio::test]
async fn a_deleted_key_opens_nothing() -> Result<()> {
    let binary = waxseal()?;
    let (account, first) = binary.account().await?;
    let server = binary.serve().await?;
    binary.json(&["domain", "create", DOMAIN, "--account", &account]).await?;
    let path = format!("/v3/{DOMAIN}/events");
    let made = binary.json(&["key", "create", "--account", &account, "--label", "lost"]).await?;
    let (id, key) =
        (made["key_id"].as_str().unwrap_or_default(), made["api_key"].as_str().unwrap_or_default());
    let status = async |key| Call::get(server.http(), &path).key(key).send().await.map(|a| a.status);
    assert_eq!(status(key).await?, 200);

    let listed = binary.json(&["key", "list", "--account", &account]).await?;
    assert_eq!((&listed["items"][1]["key_id"], &listed["items"][1]["label"]), (&id.into(), &"lost".into()));
    assert!(!listed.to_string().contains(key), "a list shows no secret");
    let deleted = binary.json(&["key", "delete", id, "--account", &account]).await?;
    assert_eq!(deleted["key_id"], id);
    assert_eq!(status(key).await?, 401);
    assert_eq!(status(&first).await?, 200, "the other key still opens");

    let again = binary.run(&["key", "delete", id, "--account", &account]).await?;
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("waxseal key list"), "{}", again.stderr);
    assert!(server.terminate().await?.0.success());
    let listed = binary.json(&["key", "list", "--account", &account]).await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_deleted_login_or_network_no_longer_submits() -> Result<()> {
    let world = World::new(&[]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    let server = binary.serve().await?;
    let login = "app@sender.test";
    let made = binary.json(&["credential", "create", login, "--account", account]).await?;
    let password = made["password"].as_str().unwrap_or_default();
    for network in ["10.1.0.0/16", "10.2.0.0/16"] {
        binary.json(&["credential", "create", "--network", network, "--account", account]).await?;
    }
    SmtpCall::login(server.submission(), login, password).await?;

    let listed = binary.json(&["credential", "list", "--account", account]).await?;
    assert_eq!(
        (&listed["items"][0]["login"], &listed["items"][1]["network"]),
        (&login.into(), &"10.1.0.0/16".into())
    );
    let second = listed["items"][2]["id"].as_str().unwrap_or_default();
    let of_domain = binary.json(&["credential", "list", "--account", account, "--domain", DOMAIN]).await?;
    assert_eq!(of_domain["items"].as_array().map(Vec::len), Some(1));

    for credential in [login, "10.1.0.0/16", second] {
        let arguments = ["credential", "delete", credential, "--account", account];
        assert_eq!(binary.json(&arguments).await?["deleted"], true);
        let again = binary.run(&arguments).await?;
        assert_eq!(again.status.code(), Some(1));
        assert!(again.stderr.contains("waxseal credential list"), "{}", again.stderr);
    }
    let mut smtp = SmtpCall::connect(server.submission()).await?;
    smtp.ask("EHLO application.test\r\n", 250).await?;
    let proof = STANDARD.encode(format!("\0{login}\0{password}"));
    smtp.ask(&format!("AUTH PLAIN {proof}\r\n"), 535).await?;
    let listed = binary.json(&["credential", "list", "--account", account]).await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(0));
    Ok(())
}

#[tokio::test]
async fn an_address_taken_off_the_bounce_list_gets_mail_again() -> Result<()> {
    let world = World::new(&[]).await?;
    let address = format!("gone@{RECIPIENT}");
    world.peer.rescript(|script| {
        let unknown = Reaction::Say("550 5.1.1 no such user\r\n".into());
        *script = std::mem::take(script).on("RCPT", [unknown, Reaction::Proper]);
    });
    let server = world.binary.serve().await?;
    world.send(&server, "gone", "Hello", "bounces").await?;
    world.drained().await?;
    world.send(&server, "gone", "Hello", "suppressed").await?;
    world.drained().await?;
    assert_eq!(world.peer.acknowledged().len(), 0);

    let arguments = ["suppression", "remove", &address, "--domain", DOMAIN, "--account", &world.account];
    let removed = world.binary.json(&arguments).await?;
    assert_eq!(removed["removed"], serde_json::json!(["bounce"]));
    world.send(&server, "gone", "Hello", "welcome back").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    assert!(world.peer.acknowledged().iter().all(|message| message.text().contains("welcome back")));

    let again = world.binary.run(&arguments).await?;
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("check its spelling"), "{}", again.stderr);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_about_a_recipient_is_corrected_by_command_and_by_http() -> Result<()> {
    let world = World::new(&[]).await?;
    world.peer.rescript(|script| {
        let unknown = Reaction::Say("550 5.1.1 no such user\r\n".into());
        *script = std::mem::take(script).on("RCPT", [unknown, Reaction::Proper]);
    });
    let server = world.binary.serve().await?;
    world.send(&server, "wrong", "Hello", "bounces").await?;
    world.drained().await?;
    let (wrong, right) = (format!("wrong@{RECIPIENT}"), format!("right@{RECIPIENT}"));

    let arguments = ["privacy", "correct-recipient", &wrong, "--account", &world.account, "--to", &right];
    let moved = world.binary.json(&arguments).await?;
    assert_eq!(moved["entries"], 1);
    let entry = moved["entry"].as_u64().expect("the trail's number").to_string();
    let asked = ["privacy", "request", "add", &wrong, "--kind", "correction", "--about", "my address"];
    let number = world.binary.json(&asked).await?["request"].to_string();
    let early = ["privacy", "request", "answer", &number, "--entry", &entry];
    assert!(!world.binary.run(&early).await?.status.success(), "it was made before anybody asked");
    world.send(&server, "right", "Hello", "is suppressed now").await?;
    world.send(&server, "wrong", "Hello", "is written to").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    assert!(world.peer.acknowledged().iter().all(|message| message.text().contains("is written to")));

    let correct = async |fields: &[(&str, &str)]| {
        Call::post(server.http(), "/v1/privacy/corrections", fields).key(&world.key).send().await
    };
    let off = correct(&[("recipient", &right), ("list", "bounces")]).await?;
    assert_eq!((off.status.as_u16(), off.json()["entries"].as_u64()), (200, Some(1)));
    let again = correct(&[("recipient", &right), ("list", "bounces")]).await?;
    assert_eq!(again.status, 404, "{}", again.text());
    let wrongs: [&[(&str, &str)]; 5] = [
        &[("list", "bounces")],
        &[("recipient", "nobody"), ("list", "bounces")],
        &[("recipient", &right)],
        &[("recipient", &right), ("list", "spam")],
        &[("recipient", &right), ("to", &right.to_uppercase())],
    ];
    for fields in wrongs {
        assert_eq!(correct(fields).await?.status, 400, "{fields:?}");
    }
    Ok(())
}

//! An operator sends a domain's mail by a relay, step by step, beside a running server.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::io::AsyncWriteExt as _;
use waxseal_testkit::smtp_peer::{Peer, Script};

use crate::{DOMAIN, World, traces::files_with};

const USER: &str = "canaryrelayuser";
const PASSWORD: &str = "canary relay password";

/// A relay that lets in who knows the password, and its URL.
async fn relay() -> Result<(Peer, String)> {
    let peer = Peer::start(Script::new().login(USER, PASSWORD)).await?;
    let url = format!("smtp://127.0.0.1:{}", peer.port());
    Ok((peer, url))
}

/// Sets the domain's relay with the password from standard input; what was printed.
async fn set(world: &World, url: &str) -> Result<String> {
    let arguments = ["relay", "set", url, "--domain", DOMAIN, "--user", USER, "--password-file", "-"];
    let mut command = world.binary.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("standard input")?;
    input.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    drop(input);
    let ended = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    ensure!(ended.status.success(), "{said}");
    Ok(said)
}

#[tokio::test]
async fn a_relay_is_used_from_the_next_message_on_and_after_a_restart_and_its_password_is_nowhere()
-> Result<()> {
    let world = World::new(&[("log.level", "trace")]).await?;
    let (relay, url) = relay().await?;
    let server = world.binary.serve().await?;
    let mut said = set(&world, &url).await?;
    world.send(&server, "first", "s", "t").await?;
    relay.wait_for_messages(1).await;
    let shown = world.binary.json(&["relay", "show", "--domain", DOMAIN]).await?;
    assert_eq!((&shown["url"], &shown["user"], &shown["share"]), (&url.into(), &USER.into(), &100.into()));
    said += &shown.to_string();
    let (status, mut written) = server.terminate().await?;
    assert!(status.success());

    let server = world.binary.serve().await?;
    world.send(&server, "second", "s", "t").await?;
    relay.wait_for_messages(2).await;
    assert!(relay.acknowledged().iter().all(|message| message.login.as_deref() == Some(USER)));
    assert!(world.peer.seen().messages.is_empty(), "nothing went directly");
    let changed = world.binary.json(&["relay", "set", "--share", "25", "--domain", DOMAIN]).await?;
    assert_eq!((&changed["share"], &changed["user"]), (&25.into(), &USER.into()));
    let listed = world.binary.json(&["relay", "list", "--account", &world.account]).await?;
    assert_eq!((&listed["items"][0], listed["items"].as_array().map(Vec::len)), (&changed, Some(1)));
    said += &listed.to_string();
    let removed = world.binary.json(&["relay", "remove", "--domain", DOMAIN]).await?;
    assert_eq!((&removed["domain"], &removed["removed"]), (&DOMAIN.into(), &true.into()));
    world.send(&server, "third", "s", "t").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;

    let trail = world.binary.run(&["audit", "export", "--account", &world.account]).await?.stdout;
    for what in ["relay_set", "relays_listed", "relay_removed"] {
        assert!(trail.contains(&format!("\"what\":\"{what}\"")), "{what} is not in {trail}");
    }
    let (status, log) = server.terminate().await?;
    assert!(status.success());
    written += &log;
    assert!(written.lines().count() > 10, "there is a log to look at");
    for told in [said, trail] {
        assert!(!told.contains(PASSWORD) && !told.contains(&STANDARD.encode(PASSWORD)), "{told}");
    }
    // As they are, and as AUTH PLAIN and AUTH LOGIN say them.
    let spoken =
        [format!("\0{USER}\0{PASSWORD}"), USER.into(), PASSWORD.into()].map(|text| STANDARD.encode(text));
    let words = [&[USER, PASSWORD][..], &spoken.each_ref().map(String::as_str)].concat();
    let mut found = Vec::new();
    files_with(&world.binary.data_dir(), &words, &mut found)?;
    assert_eq!(found, Vec::<String>::new());
    let line = written.lines().find(|line| words.iter().any(|word| line.contains(word)));
    assert_eq!(line, None);
    Ok(())
}

#[tokio::test]
async fn a_domain_goes_directly_though_account_and_instance_have_relays() -> Result<()> {
    let (instance, url) = relay().await?;
    let of_instance = url.replace("://", &format!("://{USER}:{}@", PASSWORD.replace(' ', "%20")));
    let world = World::new(&[("delivery.relay", &of_instance)]).await?;
    let server = world.binary.serve().await?;
    world.send(&server, "first", "s", "t").await?;
    instance.wait_for_messages(1).await;
    let account = Peer::start(Script::new()).await?;
    let of_account = format!("smtp://127.0.0.1:{}", account.port());
    world.binary.json(&["relay", "set", &of_account, "--account", &world.account]).await?;
    world.send(&server, "second", "s", "t").await?;
    account.wait_for_messages(1).await;
    let direct = world.binary.json(&["relay", "set", "--direct", "--domain", DOMAIN]).await?;
    assert_eq!((&direct["direct"], &direct["url"]), (&true.into(), &serde_json::Value::Null));
    world.send(&server, "third", "s", "t").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    assert_eq!((instance.acknowledged().len(), account.acknowledged().len()), (1, 1));
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_relay_is_said_and_nothing_is_set() -> Result<()> {
    let world = World::new(&[]).await?;
    let account = world.account.as_str();
    world.binary.json(&["domain", "create", "sandbox.test", "--account", account, "--sandbox"]).await?;
    for (arguments, words) in [
        (&["smtp://me:hunter2@relay.test", "--account", account][..], "a login does not stand in it"),
        (&["relay.test:25", "--account", account], "the scheme is missing"),
        (&["smtp://relay.test", "--domain", "other.test"], "there is no domain other.test"),
        (&["smtp://relay.test", "--domain", "sandbox.test"], "sandbox domain"),
        (&["--share", "5", "--account", account], "give its URL"),
        (&["smtp://relay.test", "--account", account, "--user", "me", "--password-file", "none"], "none"),
    ] {
        let ended = world.binary.run(&[&["relay", "set"], arguments].concat()).await?;
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let none = world.binary.run(&["relay", "remove", "--account", account]).await?;
    assert!(none.stderr.contains("there is no relay of its own"), "{}", none.stderr);
    assert_eq!(
        world.binary.json(&["relay", "list", "--account", account]).await?["items"],
        serde_json::json!([])
    );
    Ok(())
}

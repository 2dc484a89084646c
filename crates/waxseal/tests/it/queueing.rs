//! Operators pause, hasten and end what waits, ask why it does, and the customer asks the same.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use waxseal_testkit::{Call, Server, smtp_peer::Reaction};

use crate::{DOMAIN, RECIPIENT, World};

const TABLE: &str = "[[provider]]\nname = \"big\"\nhosts = [\"mx.recipient.test\"]\n";

async fn why(server: &Server, key: &str, id: &str) -> Result<(u16, Value)> {
    let answer = Call::get(server.http(), &format!("/v1/queue/{id}")).key(key).send().await?;
    Ok((answer.status.as_u16(), answer.json()))
}

fn bare(id: &str) -> &str {
    id.trim_start_matches('<').trim_end_matches('>')
}

async fn refused(world: &World, arguments: &[&str]) -> Result<String> {
    let ended = world.binary.run(arguments).await?;
    ensure!(!ended.status.success(), "{arguments:?} was done: {}", ended.stdout);
    Ok(ended.stderr)
}

/// How often the audit trail tells of something, and how many entries of the queue in all.
async fn told(world: &World, what: &str) -> Result<(usize, u64)> {
    let trail = world.binary.run(&["audit", "export"]).await?.stdout;
    let entries = trail.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let found = entries.iter().filter(|entry| entry["what"] == what);
    Ok((found.clone().count(), found.filter_map(|entry| entry["count"].as_u64()).sum()))
}

#[tokio::test]
async fn what_is_paused_waits_over_restarts_and_says_why_to_both() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    let reason = "their server is being moved";
    let pause = world.binary.json(&["queue", "pause", "--to", "Recipient.Test", "--reason", reason]).await?;
    assert_eq!((&pause["pause"], &pause["touched"]), (&1.into(), &0.into()), "{pause}");
    let id = world.send(&server, "alice", "Hello", "text").await?;
    assert!(server.terminate().await?.0.success());
    let server = world.binary.serve().await?;
    let second = world.send(&server, "bob", "Hello", "text").await?;

    let (status, own) = why(&server, &world.key, bare(&id)).await?;
    assert_eq!(status, 200, "{own}");
    let told_of = &own["recipients"][0];
    assert_eq!((&told_of["state"], &told_of["recipient_domain"]), (&"waiting".into(), &RECIPIENT.into()));
    let waits = &told_of["waits_for"];
    assert_eq!((&waits["kind"], &waits["pause"]["number"]), (&"pause".into(), &1.into()), "{own}");
    assert_eq!((&waits["reason"], &waits["whose"]), (&reason.into(), &"mail to recipient.test".into()));
    assert!(waits["freed_by"].as_str().is_some_and(|text| text.contains("queue resume")), "{own}");
    let operators = world.binary.json(&["queue", "why", &id]).await?;
    assert_eq!(operators["recipients"], own["recipients"], "both are told the same");
    let text = world.binary.run(&["queue", "why", &id]).await?.stdout;
    assert!(text.contains("paused by an operator since") && text.contains(reason), "{text}");
    let (_, stranger) = world.binary.account().await?;
    let (status, nothing) = why(&server, &stranger, bare(&id)).await?;
    assert_eq!((status, nothing["recipients"].is_null()), (404, true), "another customer's");

    let listed = world.binary.json(&["queue", "list", "--to", RECIPIENT, "--limit", "1"]).await?;
    assert_eq!((&listed["waiting"], &listed["pauses"]), (&2.into(), &1.into()), "{listed}");
    let next = listed["next"].as_str().unwrap_or_default();
    let rest = world.binary.json(&["queue", "list", "--to", RECIPIENT, "--after", next]).await?;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert_ne!(rest["items"][0]["id"], listed["items"][0]["id"]);
    assert!(world.peer.acknowledged().is_empty());
    let pauses = world.binary.json(&["queue", "pauses"]).await?;
    assert_eq!(pauses["items"].as_array().map(Vec::len), Some(1), "{pauses}");
    assert!(!pauses.to_string().contains(RECIPIENT), "names are not kept: {pauses}");
    let asked = world.binary.json(&["queue", "list", "--pauses", "--to", "other.test"]).await?;
    assert_eq!(asked["items"].as_array().map(Vec::len), Some(0), "{asked}");

    let resumed = world.binary.json(&["queue", "resume", "--to", RECIPIENT]).await?;
    assert_eq!((&resumed["ended"], &resumed["still_in_force"]), (&true.into(), &0.into()));
    world.peer.wait_for_messages(2).await;
    world.drained().await?;
    let (_, done) = why(&server, &world.key, bare(&second)).await?;
    assert_eq!(done["recipients"][0]["state"], "delivered", "{done}");
    assert!(refused(&world, &["queue", "resume", "--all"]).await?.contains("queue pauses"));
    assert_eq!((told(&world, "queue_paused").await?.0, told(&world, "queue_resumed").await?.0), (1, 2));
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn what_waits_is_hastened_or_ended_by_what_it_is_and_the_trail_says_how_much() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let table = folder.path().join("shaping.toml");
    std::fs::write(&table, TABLE)?;
    let world = World::new(&[("delivery.shaping", &table.display().to_string())]).await?;
    let server = world.binary.serve().await?;
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.3.0 later\r\n".into())]));
    for local in ["a", "b", "c"] {
        world.send(&server, local, "Hello", "text").await?;
    }
    let deferred = async || -> Result<()> {
        loop {
            let queue = world.binary.json(&["queue", "list"]).await?;
            let items = queue["items"].as_array().cloned().unwrap_or_default();
            if items.iter().all(|item| item["attempts"] != 0 && item["in_flight"] == false) {
                return Ok(());
            }
        }
    };
    deferred().await?;
    let address = format!("c@{RECIPIENT}");
    let ended = world.binary.json(&["queue", "expire", "--recipient", &address, "--yes"]).await?;
    assert_eq!(ended["touched"], 1, "{ended}");
    assert!(refused(&world, &["queue", "expire", "--all"]).await?.contains("--yes"));
    let counted = world.binary.json(&["queue", "expire", "--provider", "big", "--dry-run"]).await?;
    assert_eq!((&counted["would_touch"], &counted["touched"]), (&2.into(), &0.into()));
    let old = ["queue", "expire", "--all", "--older-than", "2d", "--yes"];
    assert_eq!(world.binary.json(&old).await?["touched"], 0, "nothing is as old");
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Proper]));
    let done = ["queue", "drain", "--provider", "big", "--domain", DOMAIN, "--wait"];
    let done = world.binary.json(&done).await?;
    assert_eq!((&done["touched"], &done["left"]), (&2.into(), &0.into()), "{done}");
    world.drained().await?;
    assert_eq!(world.peer.acknowledged().len(), 2);
    let path = format!("/v3/{DOMAIN}/events?event=failed&severity=permanent");
    let events = Call::get(server.http(), &path).key(&world.key).send().await?.json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "{events}");
    assert_eq!(
        (&events["items"][0]["reason"], &events["items"][0]["delivery-status"]["code"]),
        (&"old".into(), &602.into())
    );
    assert_eq!(told(&world, "queue_touched").await?.1, 3, "as many as were touched");
    for (arguments, words) in [
        (&["queue", "pause", "--provider", "nobody"][..], "waxseal shaping show"),
        (&["queue", "pause", "--all", "--reason", "ask a@b.example"], "name nobody"),
        (&["queue", "pause", "--all", "--for", "soon"], "30m"),
        (&["queue", "drain", "--domain", "other.test"], "no account has one of this name"),
        (&["queue", "expire", "--to", "a b", "--yes"], "--to"),
        (&["queue", "pause"], "--all"),
    ] {
        let said = refused(&world, arguments).await?;
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert!(server.terminate().await?.0.success());
    Ok(())
}

/// Whoever confirms ends what was counted, and nothing that came while they thought about it.
#[tokio::test]
async fn what_comes_while_an_end_is_confirmed_is_left_alone() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    world.binary.json(&["queue", "pause", "--all", "--reason", "a rest"]).await?;
    world.send(&server, "before", "Hello", "text").await?;

    // It asks only who sits at a terminal.
    let asked = world.binary.command(&["queue", "expire", "--all"]);
    let words = [asked.as_std().get_program()].into_iter().chain(asked.as_std().get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut terminal = tokio::process::Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    terminal.current_dir(world.binary.folder()).env_clear().kill_on_drop(true);
    terminal.envs(asked.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (mut keys, mut screen) =
        (terminal.stdin.take().context("keys")?, terminal.stdout.take().context("a screen")?);
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("Type yes:") {
        ensure!(screen.read_buf(&mut shown).await? > 0, "{}", String::from_utf8_lossy(&shown));
    }
    world.send(&server, "meanwhile", "Hello", "text").await?;
    keys.write_all(b"yes\n").await?;
    screen.read_to_end(&mut shown).await?;
    let shown = String::from_utf8_lossy(&shown);
    ensure!(terminal.wait().await?.success(), "{shown}");
    assert!(shown.contains("1 entries end now"), "{shown}");

    assert_eq!(world.binary.json(&["queue", "list"]).await?["waiting"], 1, "what came since waits");
    world.binary.json(&["queue", "resume", "--all"]).await?;
    world.drained().await?;
    let came = world.peer.acknowledged();
    assert_eq!(came.len(), 1);
    assert!(came[0].recipients[0].contains("meanwhile"), "{:?}", came[0].recipients);
    assert!(server.terminate().await?.0.success());
    Ok(())
}

/// A domain that is written in its own letters and as it stands in the DNS is one.
#[tokio::test]
async fn a_domain_is_named_in_either_form() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    let (own, in_dns) = ("B\u{fc}cher.test", "xn--bcher-kva.test");
    let made = world.binary.json(&["domain", "create", own, "--account", &world.account]).await?;
    assert_eq!(made["name"], in_dns);
    for name in [own, in_dns, "XN--BCHER-KVA.test."] {
        world.binary.json(&["queue", "pause", "--domain", name, "--reason", "a rest"]).await?;
        world.binary.json(&["queue", "list", "--domain", name]).await?;
        let other = if name == own { in_dns } else { own };
        let resumed = world.binary.json(&["queue", "resume", "--domain", other]).await?;
        assert_eq!(resumed["ended"], true, "{name}");
    }
    assert!(server.terminate().await?.0.success());
    Ok(())
}

//! An operator at the command line: sees no content by default, and under a grant only on record.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use waxseal_testkit::{Binary, Call, Server};

use crate::{DOMAIN, World};

/// Words of content, in the subject and in the body.
const CANARIES: [&str; 2] = ["canarysubject", "canarybody"];

fn leaks(text: &str) -> bool {
    CANARIES.iter().any(|canary| text.contains(canary))
}

/// Every command by its words, as `--help` lists them.
async fn commands(binary: &Binary) -> Result<BTreeSet<Vec<String>>> {
    let mut found = BTreeSet::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(words) = open.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = binary.run(&arguments).await?.stdout;
        let listed = help.split_once("\nCommands:\n").map(|(_, rest)| rest);
        let Some(listed) = listed else {
            found.insert(words);
            continue;
        };
        let lines = listed.lines().take_while(|line| !line.is_empty());
        let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
            open.push([words.clone(), vec![name.to_owned()]].concat());
        }
    }
    Ok(found)
}

/// A message that is kept, and its storage key.
pub(crate) async fn kept(world: &World, server: &Server) -> Result<String> {
    world.send(server, "bob", "canarysubject", "canarybody").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    let events = format!("/v3/{DOMAIN}/events?event=accepted&limit=1");
    let events = Call::get(server.http(), &events).key(&world.key).send().await?.json();
    Ok(events["items"][0]["storage"]["key"].as_str().context("a key")?.to_owned())
}

#[tokio::test]
async fn no_command_and_no_route_shows_an_operator_content() -> Result<()> {
    let world = World::new(&[]).await?;
    let binary = &world.binary;
    let server = binary.serve().await?;
    let message = kept(&world, &server).await?;
    let account = world.account.clone();
    // What every command could want: itself alone, an account, a message, a term, a file; what does not fit is refused.
    let shapes: [&[&str]; 6] = [
        &[],
        &["--account", &account],
        &[&account],
        &[&message],
        &["1", &message],
        &[&message, "--account", &account],
    ];
    let all = commands(binary).await?;
    // These run until they are stopped, or change what the others look at.
    let left_out = ["serve", "quickstart", "delete", "undelete", "rotate", "restore", "prove-erasure"];
    let mut ran = 0;
    for words in all.iter().filter(|words| !words.iter().any(|word| left_out.contains(&word.as_str()))) {
        for shape in shapes {
            for json in [&[][..], &["--json"]] {
                let words = words.iter().map(String::as_str);
                let arguments: Vec<&str> =
                    words.chain(shape.iter().copied()).chain(json.iter().copied()).collect();
                let ended = binary.run(&arguments).await?;
                assert!(!leaks(&ended.stdout) && !leaks(&ended.stderr), "{arguments:?} showed content");
            }
        }
        ran += 1;
    }
    assert!(ran >= 30, "{ran} commands: {all:?}");

    // Nor does the API to whoever has no key of the account.
    let document = Call::get(server.http(), "/openapi.json").send().await?.json();
    let mut routes = 0;
    for (path, operations) in document["paths"].as_object().context("paths")? {
        if operations.get("get").is_none_or(|operation| operation.get("security").is_none()) {
            continue;
        }
        let path = path.replace("{domain}", DOMAIN).replace("{key}", &message).replace(['{', '}'], "");
        for key in [None, Some("operator"), Some(&*account)] {
            let call = Call::get(server.http(), &path);
            let answer = match key {
                Some(key) => call.key(key).send().await?,
                None => call.send().await?,
            };
            assert_eq!(answer.status, 401, "{path}");
            assert!(!leaks(&answer.text()), "{path}");
        }
        routes += 1;
    }
    assert!(routes >= 8, "{routes} routes");
    // The content was there all the time.
    let path = format!("/v3/domains/{DOMAIN}/messages/{message}");
    assert!(leaks(&Call::get(server.http(), &path).key(&world.key).send().await?.text()));
    Ok(())
}

#[tokio::test]
async fn under_a_grant_content_is_shown_on_record_and_the_owner_is_written_to() -> Result<()> {
    let world = World::new(&[("access.notice_from", "Privacy <privacy@sender.test>")]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    binary.json(&["account", "correct", account, "--email", "owner@recipient.test"]).await?;
    let server = binary.serve().await?;
    let message = kept(&world, &server).await?;
    let refused = binary.run(&["access", "read", "1", &message]).await?;
    assert!(!refused.status.success() && !leaks(&refused.stdout));

    let reason = "Ticket 7: an attachment is broken";
    let opened =
        binary.json(&["access", "open", "--account", account, "--reason", reason, "--for", "30m"]).await?;
    assert_eq!((&opened["state"], &opened["grant"]), (&"open".into(), &1.into()));
    let shown = binary.json(&["access", "show", "1"]).await?;
    assert!(shown["items"].as_array().is_some_and(|items| !items.is_empty()), "{shown}");
    assert_eq!(
        shown["items"].as_array().and_then(|items| items.last()).map(|item| &item["message"]),
        Some(&message.as_str().into())
    );
    let mime = binary.run(&["access", "read", "1", &message]).await?.stdout;
    assert!(mime.contains("\ncanarybody") && mime.contains("Subject: canarysubject"), "{mime}");

    world.peer.wait_for_messages(2).await;
    let notice = world.peer.acknowledged().into_iter().find(|mail| mail.text().contains("opened access"));
    let notice = notice.context("a notice to the owner")?;
    assert!(notice.text().contains("owner@recipient.test") && !notice.text().contains("Ticket 7"));
    let own = Call::get(server.http(), "/v1/privacy/access").key(&world.key).send().await?.json();
    assert_eq!((&own["items"][0]["reason"], &own["items"][0]["openings"]), (&reason.into(), &2.into()));

    assert_eq!(binary.json(&["access", "close", "1"]).await?["state"], "closed");
    let refused = binary.run(&["access", "read", "1", &message]).await?;
    assert!(!refused.status.success() && !leaks(&refused.stdout), "{}", refused.stdout);
    assert!(server.terminate().await?.0.success());
    let trail = binary.run(&["audit", "export", "--account", account]).await?.stdout;
    for what in
        ["break_glass_granted", "break_glass_used", "owner_notified", "break_glass_closed", "content_refused"]
    {
        assert!(trail.contains(what), "{what}: {trail}");
    }
    let listed = binary.run(&["access", "list", "--json"]).await?.stdout;
    assert!(!listed.contains("Ticket 7") && !trail.contains("Ticket 7"), "the reason is for the owner");

    // Who writes the notices has the owner's address as a recipient's, and forgets it with the owner.
    let traced = async || binary.json(&["privacy", "trace", "owner@recipient.test"]).await;
    assert!(!notice.text().contains(account));
    assert_ne!(traced().await?["matches"], serde_json::json!([]));
    binary.json(&["privacy", "erase-owner", "--account", account]).await?;
    assert_eq!(traced().await?["matches"], serde_json::json!([]), "in the account that wrote as well");
    Ok(())
}

#[tokio::test]
async fn a_second_operator_confirms_with_a_secret_that_the_configuration_does_not_hold() -> Result<()> {
    let secret = crate::waxseal()?.json(&["access", "secret"]).await?;
    let (secret, hash) =
        (secret["secret"].as_str().context("one")?, secret["second_operator"].as_str().context("one")?);
    let binary = crate::waxseal()?.set("access.second_operator", hash);
    let (account, _) = binary.account().await?;
    let file = binary.folder().join("second");
    let path = file.to_str().context("a path")?;
    let reason = ["--reason", "Ticket 8: looks like phishing"];
    let opened = binary.json(&[&["access", "open", "--account", &account][..], &reason].concat()).await?;
    assert_eq!(opened["state"], "waiting");
    assert!(!binary.run(&["access", "show", "1"]).await?.status.success());
    std::fs::write(&file, "not it")?;
    assert!(!binary.run(&["access", "confirm", "1", "--secret", path]).await?.status.success());
    std::fs::write(&file, secret)?;
    assert_eq!(binary.json(&["access", "confirm", "1", "--secret", path]).await?["state"], "open");
    assert!(binary.run(&["access", "show", "1"]).await?.status.success());
    Ok(())
}

//! A customer clears a sending queue while recipients' servers hold connections, and the process dies after the answer.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;
use waxseal_testkit::{Call, Server, smtp_peer::Reaction};

use crate::{DOMAIN, RECIPIENT, World};

/// How each recipient ended: event and code, oldest first.
async fn ends(world: &World, server: &Server) -> Result<BTreeMap<String, Vec<String>>> {
    let path = format!("/v3/{DOMAIN}/events?ascending=yes&event=delivered+OR+failed&limit=300");
    let events = Call::get(server.http(), &path).key(&world.key).send().await?.json();
    let mut ends = BTreeMap::<String, Vec<String>>::new();
    for event in events["items"].as_array().into_iter().flatten() {
        let local = event["recipient"].as_str().and_then(|address| address.split('@').next());
        let end =
            format!("{} {}", event["event"].as_str().unwrap_or_default(), event["delivery-status"]["code"]);
        ends.entry(local.unwrap_or_default().to_owned()).or_default().push(end);
    }
    Ok(ends)
}

#[tokio::test]
async fn what_was_cleared_is_not_delivered_whoever_held_it_and_whoever_is_killed() -> Result<()> {
    let world = World::new(&[]).await?;
    world.peer.rescript(|script| script.set("RCPT", [Reaction::Held]));
    let server = world.binary.serve().await?;
    for number in 0..40 {
        world.send(&server, &format!("r{number}"), "Hello", "text").await?;
    }
    world.peer.wait_for(|seen| seen.commands.iter().any(|line| line.starts_with("RCPT"))).await;
    let queue = world.binary.json(&["queue", "list"]).await?;
    ensure!(queue["in_flight"].as_u64() > Some(0), "some are held: {queue}");
    let path = format!("/v3/{DOMAIN}/envelopes");
    let answer = Call::delete(server.http(), &path).key(&world.key).send().await?;
    ensure!((answer.status.as_u16(), answer.json()["message"].as_str()) == (200, Some("done")));
    server.signal("KILL").await?;
    server.wait().await?;

    world.peer.rescript(|script| script.set("RCPT", [Reaction::Proper]));
    let server = world.binary.serve().await?;
    world.send(&server, "afterwards", "Hello", "text").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    let arrived: Vec<String> =
        world.peer.acknowledged().into_iter().flat_map(|message| message.recipients).collect();
    assert_eq!(arrived, [format!("TO:<afterwards@{RECIPIENT}>")]);
    let mut ends = ends(&world, &server).await?;
    assert_eq!(ends.remove("afterwards"), Some(vec!["delivered 250".to_owned()]));
    assert_eq!(ends.len(), 40);
    for (recipient, end) in ends {
        assert_eq!(end, ["failed 600"], "{recipient} ends once");
    }
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn what_is_going_out_finishes_and_shows_as_cleared_until_then() -> Result<()> {
    let world = World::new(&[]).await?;
    world.peer.rescript(|script| script.set(".", [Reaction::Held]));
    let server = world.binary.serve().await?;
    world.send(&server, "going-out", "Hello", "text").await?;
    world.peer.wait_for(|seen| seen.contents == 1).await;
    let path = format!("/v3/{DOMAIN}/envelopes");
    assert_eq!(Call::delete(server.http(), &path).key(&world.key).send().await?.status, 200);
    let queue = world.binary.json(&["queue", "list"]).await?;
    let item = &queue["items"][0];
    assert!(item["cleared"] == true && item["held"] == false, "{queue}");
    assert_eq!(item["next_attempt_at"], Value::Null);
    world.peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.drained().await?;
    assert_eq!(ends(&world, &server).await?["going-out"], ["delivered 250"]);
    assert!(server.terminate().await?.0.success());
    Ok(())
}

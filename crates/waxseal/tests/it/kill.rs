//! SIGKILL at any time: what was acknowledged is delivered, nothing is made up.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use waxseal_model::Random as _;
use waxseal_model::SeededRandom;

use crate::World;

/// How many times the server is killed; `WAXSEAL_TEST_KILLS` sets it.
fn kills() -> u64 {
    std::env::var("WAXSEAL_TEST_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(3)
}

#[tokio::test]
async fn acknowledged_messages_survive_kills_under_load() -> Result<()> {
    let world = World::new(&[]).await?;
    let random = SeededRandom::new(20_261_123);
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..kills() {
        let server = world.binary.serve().await?;
        let lifetime = Duration::from_millis(200 + random.below(600));
        let load = futures_util::future::join_all((0..4).map(|sender| load(&world, &server, round, sender)));
        let done = tokio::select! {
            done = load => done,
            () = async { tokio::time::sleep(lifetime).await; let _ = server.signal("KILL").await; std::future::pending().await } => unreachable!(),
        };
        acknowledged.extend(done.into_iter().flatten());
        server.wait().await?;
    }
    assert!(!acknowledged.is_empty(), "the load was accepted");
    let server = world.binary.serve().await?;
    world.drained().await?;
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for message in world.peer.acknowledged() {
        let recipient = message.recipients.first().cloned().unwrap_or_default();
        let local = recipient.split(['<', '@']).nth(1).unwrap_or_default().to_owned();
        assert!(message.text().contains(&format!("content of {local}.")), "{local} arrived altered");
        *arrived.entry(local).or_default() += 1;
    }
    let lost: Vec<&String> = acknowledged.iter().filter(|local| !arrived.contains_key(*local)).collect();
    assert_eq!(lost, Vec::<&String>::new(), "of {} acknowledged", acknowledged.len());
    assert!(server.terminate().await?.0.success());
    Ok(())
}

/// Sends until the server is gone; hands back what was acknowledged.
async fn load(world: &World, server: &waxseal_testkit::Server, round: u64, sender: u64) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0..10_000 {
        let local = format!("k{round}-{sender}-{number}");
        if world.send(server, &local, "Under load", &format!("content of {local}.")).await.is_err() {
            break;
        }
        acknowledged.push(local);
    }
    acknowledged
}

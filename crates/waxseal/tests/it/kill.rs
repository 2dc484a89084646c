//! SIGKILL at any time: what was acknowledged is delivered, nothing is made up, second copies are few and named.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use anyhow::Result;
use waxseal_model::Random as _;
use waxseal_model::SeededRandom;

use waxseal_testkit::{Call, Server};

use crate::{DOMAIN, RECIPIENT, World};

/// How many times the server is killed; `WAXSEAL_TEST_KILLS` sets it.
fn kills() -> u64 {
    std::env::var("WAXSEAL_TEST_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(3)
}

#[tokio::test]
async fn acknowledged_messages_survive_kills_under_load() -> Result<()> {
    let world = World::new(&[]).await?;
    let random = SeededRandom::new(20_261_123);
    let mut acknowledged: Vec<String> = Vec::new();
    let attempted = Mutex::new(BTreeSet::new());
    let mut in_flight = 0;
    for round in 0..kills() {
        let server = world.binary.serve().await?;
        let lifetime = Duration::from_millis(200 + random.below(600));
        let load = futures_util::future::join_all(
            (0..4).map(|sender| load(&world, &server, &attempted, (round, sender))),
        );
        let open = Mutex::new((0, 0));
        let done = tokio::select! {
            done = load => done,
            () = async { tokio::time::sleep(lifetime).await; note_open(&world, &open); let _ = server.signal("KILL").await; std::future::pending().await } => unreachable!(),
        };
        acknowledged.extend(done.into_iter().flatten());
        server.wait().await?;
        // Those that were open shortly before, and those that came since: at most one transaction each.
        let (open, made) = open.into_inner().unwrap_or_default();
        in_flight += open + world.peer.seen().connections - made;
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
    let attempted = attempted.into_inner().unwrap_or_default();
    let invented: Vec<&String> = arrived.keys().filter(|local| !attempted.contains(*local)).collect();
    assert_eq!(invented, Vec::<&String>::new(), "of {} attempted", attempted.len());
    let twice: Vec<&String> =
        arrived.iter().filter(|(_, count)| **count > 1).map(|(local, _)| local).collect();
    let copies = arrived.values().sum::<usize>() - arrived.len();
    assert!(copies <= in_flight, "{copies} second copies, {in_flight} transactions in flight at the kills");
    for local in twice {
        let path = format!("/v3/{DOMAIN}/events?event=delivered&recipient={local}@{RECIPIENT}");
        let events = Call::get(server.http(), &path).key(&world.key).send().await?.json();
        let told: Vec<_> = events["items"].as_array().into_iter().flatten().collect();
        assert_eq!(told.len(), 1, "{local}: {events}");
        assert_eq!(
            told[0]["delivery-status"]["possible-duplicate"], true,
            "a second copy that is not named: {events}"
        );
    }
    assert!(server.terminate().await?.0.success());
    Ok(())
}

/// How many connections the recipient's server has open, and how many were made until now.
fn note_open(world: &World, open: &Mutex<(usize, usize)>) {
    let seen = world.peer.seen();
    if let Ok(mut open) = open.lock() {
        *open = (seen.open, seen.connections);
    }
}

/// Sends until the server is gone; hands back what was acknowledged.
async fn load(
    world: &World,
    server: &Server,
    attempted: &Mutex<BTreeSet<String>>,
    (round, sender): (u64, u64),
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0..10_000 {
        let local = format!("k{round}-{sender}-{number}");
        if let Ok(mut attempted) = attempted.lock() {
            attempted.insert(local.clone());
        }
        if world.send(server, &local, "Under load", &format!("content of {local}.")).await.is_err() {
            break;
        }
        acknowledged.push(local);
    }
    acknowledged
}

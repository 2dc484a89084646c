//! Thirty days of mail on a whole platform that is killed again and again, judged at every tick by the auditor: nothing
//! is there an hour after its limit. And where one purge is missing the auditor says so.

#[path = "../../../../crates/platform/store/tests/contract/cluster.rs"]
mod cluster;
mod purges;
mod world;
mod skip {
    pub(crate) use waxseal_testkit::skipped as note;
}

use std::time::Duration;

use waxseal_auditor::{Item, Report, Store};
use waxseal_model::{Clock as _, Random, SeededRandom};
use waxseal_privacy::Report as Round;
use waxseal_store::Engine;

use crate::world::World;

const DAY: Duration = Duration::from_secs(86_400);
/// As often as rounds of retention run.
const TICK: Duration = Duration::from_secs(1_800);

/// A number below `bound`.
fn below(random: &SeededRandom, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % bound
}

/// Thirty days, a tick and a round at a time, judged at every so many of them; how often it was killed.
fn thirty_days(engine: Engine, seed: u64, every: Duration, audited_every: u64) -> u64 {
    let random = SeededRandom::new(seed);
    let mut world = World::new(engine);
    let mut kills = 0;
    for tick in 0..30 * DAY.as_secs() / every.as_secs() {
        world.clock().advance(every);
        if below(&random, 6 * audited_every) == 0 {
            world.traffic(tick);
        }
        if below(&random, 36) == 0 {
            kills += 1;
            world.busy(below(&random, 400));
            world.killed();
        }
        // Right before the next round, when the last one is longest ago.
        if tick % audited_every == 0 {
            let report = world.audited();
            assert!(report.holds(), "seed {seed}, tick {tick}, {kills} kills:\n{}", report.text());
        }
        let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
        assert!(matches!(round, Round::Purged(_)), "seed {seed}, tick {tick}: {round:?}");
        world.settled();
    }
    let report = world.audited();
    for name in [
        "events",
        "messages",
        "bodies",
        "inbox_items",
        "idempotency_keys",
        "privacy_requests",
        "content keys",
        "event keys",
        "request keys",
    ] {
        let item = report.items.iter().find(|item| item.name == name).expect(name);
        assert!(item.count > 0, "nothing of it was ever there: {name}");
    }
    kills
}

#[test]
fn at_no_tick_of_thirty_days_with_kills_is_anything_there_an_hour_after_its_limit() {
    let kills = thirty_days(Engine::Sqlite, 20_260_301, TICK, 1);
    assert!(kills >= 20, "{kills} kills");
}

#[test]
fn it_is_so_on_postgresql_as_well() {
    let server = tokio::runtime::Runtime::new().expect("a runtime");
    let Some(url) = server.block_on(cluster::database()) else { return };
    // As rarely as a round may come, for an answer takes longer here.
    let kills = thirty_days(Engine::Postgres(url.clone()), 20_260_401, 2 * TICK, 2);
    assert!(kills >= 10, "{kills} kills");
    server.block_on(cluster::drop_database(&url));
}

/// What lies in database and key store; that it is paused is a note of its own.
fn kept(report: &Report) -> Vec<&Item> {
    report.items.iter().filter(|item| item.store != Store::Files && item.name != "instance_notes").collect()
}

#[test]
fn a_clock_that_jumped_deletes_nothing_until_it_is_confirmed_and_then_all_is_as_before() {
    let mut world = World::new(Engine::Sqlite);
    world.traffic(0);
    world.settled();
    // Until the last is given up, after five days; events and their keys stay for six.
    for _ in 0..250 {
        world.clock().advance(TICK);
        world.on(async |platform| platform.retention.run_once().await).expect("a round");
        world.settled();
    }
    let (right, before) = (world.clock().now(), world.audited());
    world.clock().jump_to(right + 20 * DAY);
    let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
    assert!(matches!(round, Round::Paused { jump: Some(_) }), "{round:?}");
    world.killed();
    let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
    assert_eq!(round, Round::Paused { jump: None }, "a new process does not make the clock right");
    assert!(!world.audited().holds(), "whoever believes that clock misses the deletions");
    let now = world.audited_at(right);
    assert!(now.holds(), "{}", now.text());
    assert_eq!(kept(&now), kept(&before), "nothing went");
    assert!(kept(&now).iter().any(|item| item.name == "events" && item.count > 0));
    world.clock().jump_to(right);
    world.on(async |platform| platform.retention.confirm_clock().await).expect("confirmed");
    for tick in 0..12 * 48 {
        world.clock().advance(TICK);
        let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
        assert!(matches!(round, Round::Purged(_)), "{round:?}");
        if tick % 8 == 0 {
            let report = world.audited();
            assert!(report.holds(), "{}", report.text());
        }
    }
    assert!(world.audited().items.iter().all(|item| item.name != "events" || item.count == 0));
}

#[test]
fn what_a_clock_that_was_ahead_has_written_goes_as_if_it_were_written_when_it_was_put_right() {
    let mut world = World::new(Engine::Sqlite);
    world.traffic(0);
    world.settled();
    world.on(async |platform| platform.retention.run_once().await).expect("a round");
    let right = world.clock().now();
    world.clock().jump_to(right + 400 * DAY);
    world.traffic(1);
    world.settled();
    let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
    assert!(matches!(round, Round::Paused { jump: Some(_) }), "{round:?}");
    world.killed();
    world.clock().jump_to(right);
    assert!(!world.audited().holds(), "it would stay for a year");
    world.on(async |platform| platform.retention.confirm_clock().await).expect("confirmed");
    for tick in 0..14 * 48 {
        world.clock().advance(TICK);
        let round = world.on(async |platform| platform.retention.run_once().await).expect("a round");
        assert!(matches!(round, Round::Purged(_)), "{round:?}");
        world.settled();
        if tick % 8 == 0 {
            let report = world.audited();
            assert!(report.holds(), "tick {tick}: {}", report.text());
        }
    }
    let left: Vec<_> = world
        .audited()
        .items
        .into_iter()
        .filter(|item| {
            ["events", "messages", "bodies", "content keys", "event keys"].contains(&item.name.as_str())
        })
        .filter(|item| item.count > 0)
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

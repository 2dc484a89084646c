//! What is over goes when its time has come, and only by a clock that can be trusted.

use std::{path::Path, sync::Arc, time::Duration};

use waxseal_model::{
    AccountId, Clock, DomainId, EventId, ManualClock, MessageId, RecipientId, SeededRandom, Timestamp,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
    suppression::SuppressionKind,
};
use waxseal_privacy::{Purged, Report, Retention, RetentionConfig};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig, StoreError,
    message::{Accept, Envelope, Idempotency, NewEvent, NewMessage, NewQueueEntry},
    queue::{LeaseRequest, Outcome, Settlement},
    suppression::{NewSuppression, SuppressionDetails},
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    folder: tempfile::TempDir,
    account: AccountId,
    domain: DomainId,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(3));
        let store = open(folder.path(), &clock, &random).await;
        let account = AccountId::new(clock.as_ref(), random.as_ref());
        let domain = DomainId::new(clock.as_ref(), random.as_ref());
        Self { store, clock, random, folder, account, domain }
    }

    fn retention(&self) -> Retention {
        let config = RetentionConfig {
            events_days: 30,
            request_days: 30,
            batch: 2,
            every: HOUR,
            ..RetentionConfig::default()
        };
        Retention::new(self.store.clone(), Arc::clone(&self.clock) as _, config)
    }

    async fn restart(&mut self) {
        self.store.close().await;
        self.store = open(self.folder.path(), &self.clock, &self.random).await;
    }

    fn event(&self, kind: EventKind, message: MessageId, header: &str) -> NewEvent {
        NewEvent {
            id: EventId::new(self.clock.as_ref(), self.random.as_ref()),
            at: self.clock.now(),
            kind,
            severity: None,
            account: self.account,
            domain: self.domain,
            message: Some(message),
            details: EventDetails {
                message: MessageInfo { message_id: header.to_owned(), ..MessageInfo::default() },
                ..EventDetails::default()
            },
        }
    }

    /// Sends and delivers a message that is kept for `keep`.
    async fn deliver(&self, keep: Duration) -> MessageId {
        let now = self.clock.now();
        let id = MessageId::new(self.clock.as_ref(), self.random.as_ref());
        let header = format!("{id}@sender.example");
        let entry = NewQueueEntry {
            id: RecipientId::new(self.clock.as_ref(), self.random.as_ref()),
            envelope: Envelope {
                reverse_path: "b@sender.example".into(),
                recipient: "r@one.example".into(),
                source: None,
            },
        };
        let message = NewMessage {
            id,
            created_at: now,
            header_message_id: header.clone(),
            body: b"Subject: x\r\n\r\nbody\r\n".to_vec(),
            template: EventDetails::default(),
            options: DeliveryOptions::default(),
            schedule: Schedule { not_before: now, give_up_at: now + 5 * DAY },
            capture: false,
            archive_to: None,
            keep_until: now + keep,
            entries: vec![entry],
        };
        let idempotency = Idempotency {
            key_hash: [u8::try_from(now.as_secs() % 200).expect("small"); 32],
            request_hash: [0; 32],
            answer: header.clone(),
            expires_at: now + DAY,
        };
        let accept = Accept {
            account: self.account,
            domain: self.domain,
            messages: vec![message],
            events: vec![self.event(EventKind::Accepted, id, &header)],
            idempotency: Some(idempotency),
        };
        self.store.accept(accept).await.expect("accepted");
        let request = LeaseRequest {
            now,
            limit: 10,
            hold_for: Duration::from_secs(60),
            pass_over: waxseal_store::queue::PassedOver::default(),
        };
        let leased = self.store.lease(request).await.expect("leased").remove(0);
        let settlement = Settlement {
            entry: leased.id,
            lease: Some(leased.lease),
            outcome: Outcome::Done { suppress: None },
            events: vec![self.event(EventKind::Delivered, id, &header)],
        };
        self.store.settle(vec![settlement]).await.expect("settled");
        id
    }
}

async fn open(folder: &Path, clock: &Arc<ManualClock>, random: &Arc<SeededRandom>) -> Store {
    let config = StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.to_owned(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    };
    Store::open(config, Arc::clone(clock) as _, Arc::clone(random) as _).await.expect("a store")
}

fn purged(report: Report) -> Purged {
    match report {
        Report::Purged(purged) => purged,
        Report::Paused { jump } => panic!("paused: {jump:?}"),
    }
}

#[tokio::test]
async fn everything_goes_when_its_time_is_over() {
    let world = World::new().await;
    let retention = world.retention();
    let mut kept = Vec::new();
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(1));
        kept.push(world.deliver(3 * DAY).await);
    }
    assert_eq!(purged(retention.run_once().await.expect("ran")), Purged::default());
    world.clock.advance(DAY);
    let round = purged(retention.run_once().await.expect("ran"));
    assert_eq!(round, Purged { idempotency_keys: 5, ..Purged::default() });
    assert!(world.store.body(world.account, kept[0]).await.expect("read").is_some());
    world.clock.advance(2 * DAY);
    let round = purged(retention.run_once().await.expect("ran"));
    assert_eq!(round, Purged { bodies: 5, content_keys: 1, ..Purged::default() });
    assert!(world.store.body(world.account, kept[0]).await.expect("read").is_none());
    world.clock.advance(27 * DAY + Duration::from_secs(1));
    let round = purged(retention.run_once().await.expect("ran"));
    assert_eq!((round.events, round.messages, round.event_keys), (10, 5, 0), "the day is not over");
    assert!(world.store.read_log(0, 10).await.expect("read").is_empty());
    world.clock.advance(DAY);
    assert_eq!(purged(retention.run_once().await.expect("ran")).event_keys, 1);
}

#[tokio::test]
async fn what_was_deleted_is_known_as_long_as_there_may_be_a_backup_from_before() {
    let world = World::new().await;
    let retention = world.retention();
    let suppression = NewSuppression {
        account: world.account,
        domain: world.domain,
        kind: SuppressionKind::Bounce,
        address: "r@one.example".into(),
        details: SuppressionDetails::default(),
        created_at: world.clock.now(),
    };
    world.store.suppress(vec![suppression]).await.expect("suppressed");
    let removed =
        world.store.unsuppress(world.account, world.domain, SuppressionKind::Bounce, "r@one.example").await;
    assert!(removed.expect("removed"));
    for _ in 0..8 {
        assert_eq!(purged(retention.run_once().await.expect("ran")), Purged::default());
        world.clock.advance(DAY);
    }
    world.clock.advance(Duration::from_secs(1));
    let round = purged(retention.run_once().await.expect("ran"));
    assert_eq!(round, Purged { deletions: 1, ..Purged::default() });
}

#[tokio::test]
async fn a_jump_of_the_clock_pauses_purging_until_confirmed() {
    for (jump, what) in [(HOUR, "back"), (DAY, "forward"), (3650 * DAY, "far forward")] {
        let mut world = World::new().await;
        let id = world.deliver(HOUR).await;
        let retention = world.retention();
        retention.run_once().await.expect("ran");
        let right = world.clock.now();
        world.clock.jump_to(if what == "back" { right - jump } else { right + jump });
        let Report::Paused { jump: Some(seen) } = retention.run_once().await.expect("ran") else {
            panic!("{what}: not seen");
        };
        assert_eq!((seen.expected, seen.found), (right, world.clock.now()));
        assert_eq!(retention.run_once().await.expect("ran"), Report::Paused { jump: None });
        assert!(world.store.body(world.account, id).await.expect("read").is_some(), "{what}");
        // Neither time nor a restart makes the clock right.
        world.clock.advance(2 * HOUR);
        world.restart().await;
        let retention = world.retention();
        assert_eq!(retention.run_once().await.expect("ran"), Report::Paused { jump: None });
        assert!(world.store.body(world.account, id).await.expect("read").is_some(), "{what}");
        retention.confirm_clock().await.expect("confirmed");
        purged(retention.run_once().await.expect("ran"));
        world.clock.jump_to(right + 4000 * DAY);
        assert!(matches!(retention.run_once().await.expect("ran"), Report::Paused { jump: Some(_) }));
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_after_a_restart_is_seen() {
    for (shift, back, paused) in [
        (HOUR, true, true),
        (Duration::from_secs(200), true, false),
        (2 * DAY, false, false),
        (400 * DAY, false, true),
    ] {
        let mut world = World::new().await;
        world.retention().run_once().await.expect("ran");
        world.restart().await;
        let noted = world.clock.now();
        world.clock.jump_to(if back { noted - shift } else { noted + shift });
        let report = world.retention().run_once().await.expect("ran");
        assert_eq!(matches!(report, Report::Paused { .. }), paused, "{shift:?} back: {back}");
    }
}

#[tokio::test]
async fn within_one_start_of_the_machine_a_restart_hides_no_jump() {
    for (boot, away, shift, paused) in [
        (1, 2 * DAY, Duration::ZERO, false),
        (1, HOUR, 2 * DAY, true),
        (1, HOUR, Duration::from_secs(200), false),
        // Another start: how long the machine was off nobody knows.
        (2, HOUR, 2 * DAY, false),
    ] {
        let mut world = World::new().await;
        world.clock.boot_as(1);
        world.retention().run_once().await.expect("ran");
        world.restart().await;
        world.clock.boot_as(boot);
        world.clock.advance(away);
        world.clock.jump_to(world.clock.now() + shift);
        let report = world.retention().run_once().await.expect("ran");
        assert_eq!(
            matches!(report, Report::Paused { .. }),
            paused,
            "boot {boot}, away {away:?}, jump {shift:?}"
        );
    }
}

#[tokio::test]
async fn small_steps_of_the_clock_are_no_jump() {
    let world = World::new().await;
    let retention = world.retention();
    for _ in 0..10 {
        retention.run_once().await.expect("ran");
        world.clock.advance(HOUR);
        world.clock.jump_to(world.clock.now() + Duration::from_secs(240));
    }
    purged(retention.run_once().await.expect("ran"));
}

#[tokio::test]
async fn it_runs_by_the_clock_until_it_is_stopped() {
    let world = World::new().await;
    let id = world.deliver(2 * HOUR).await;
    let retention = Arc::new(world.retention());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = Arc::clone(&retention);
    let task = tokio::spawn(async move { running.run(async { stopped.await.unwrap_or(()) }).await });
    let gone = async {
        while world.store.body(world.account, id).await.expect("read").is_some() {
            // Lets an hour pass whenever the engine waits for one.
            if world.clock.next_sleeper().is_some() {
                world.clock.advance(HOUR);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("in time");
    stop.send(()).expect("it listens");
    tokio::time::timeout(Duration::from_secs(60), task).await.expect("in time").expect("ended");
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let so = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), so).await.expect(what);
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_and_is_confirmed_holds_up_no_round() {
    let world = World::new().await;
    let id = world.deliver(2 * HOUR).await;
    let retention = Arc::new(world.retention());
    retention.run_once().await.expect("ran");
    let right = world.clock.now();
    world.clock.jump_to(right + 3_650 * DAY);
    let running = Arc::clone(&retention);
    let task = tokio::spawn(async move { running.run(std::future::pending()).await });
    until("a pause", async || world.clock.next_sleeper().is_some()).await;
    assert!(world.store.purging_paused().await.expect("read").is_some());
    world.clock.jump_to(right);
    retention.confirm_clock().await.expect("confirmed");
    world.clock.advance(2 * HOUR);
    until("a round", async || world.store.body(world.account, id).await.expect("read").is_none()).await;
    task.abort();
}

#[tokio::test]
async fn destroyed_days_stay_unreadable_after_a_round() {
    let world = World::new().await;
    let id = world.deliver(3 * DAY).await;
    let day = world.clock.now().day();
    assert_eq!(world.store.destroy_content_keys_of(day).await.expect("destroyed"), 1);
    purged(world.retention().run_once().await.expect("ran"));
    assert!(matches!(world.store.body(world.account, id).await, Err(StoreError::Erased)));
}

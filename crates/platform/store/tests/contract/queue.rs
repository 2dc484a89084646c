//! The queue hands out work once, in order, and remembers what waits.

use std::time::Duration;

use waxseal_model::event::EventKind;
use waxseal_store::queue::{Flow, LeaseRequest, LeasedEntry, PassedOver, QueueCounts, QueueFilter, Settled};

use crate::world::{ACCESS, Sender, World};

/// What this account has for one domain has enough.
pub(crate) fn one_flow(sender: Sender, domain: &str) -> PassedOver {
    let flow = Flow { account: sender.account, recipient_domain: domain.into() };
    PassedOver { flows: vec![flow], ..PassedOver::default() }
}

async fn lease_around(world: &World, limit: u32, pass_over: PassedOver) -> Vec<LeasedEntry> {
    let hold_for = Duration::from_secs(60);
    let request = LeaseRequest { now: world.now(), limit, hold_for, pass_over };
    let store = world.store.clone();
    // In a task of its own, as the delivery worker does.
    tokio::spawn(async move { store.lease(request).await }).await.expect("ran").expect("leased")
}

pub(crate) async fn due_entries_are_leased_oldest_first_and_once(world: World) {
    let sender = world.sender().await;
    let mut late = world.message(&["late@one.example"]);
    late.schedule.not_before = world.now() + Duration::from_secs(10);
    world.store.accept(world.accept(sender, late)).await.expect("accepted");
    let mut scheduled = world.message(&["scheduled@one.example"]);
    scheduled.schedule.not_before = world.now() + Duration::from_secs(3600);
    world.store.accept(world.accept(sender, scheduled)).await.expect("accepted");
    world.send(sender, &["now@one.example"]).await;
    world.clock.advance(Duration::from_secs(20));
    let recipients: Vec<String> =
        world.lease(10).await.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.clone()).collect();
    assert_eq!(recipients, ["now@one.example", "late@one.example"]);
    assert!(world.lease(10).await.is_empty(), "they are held");
}

pub(crate) async fn an_expired_lease_is_taken_by_another(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["bob@one.example"]).await;
    let first = world.lease(1).await.remove(0);
    world.clock.advance(Duration::from_secs(600));
    let second = world.lease(1).await.remove(0);
    assert_eq!(first.id, second.id);
    assert_ne!(first.lease, second.lease);
    let settled = world.store.settle(vec![world.delivered(&first)]).await.expect("settled");
    assert_eq!(settled, [Settled::NotOurs], "the first holder came too late");
    let settled = world.store.settle(vec![world.delivered(&second)]).await.expect("settled");
    assert_eq!(settled, [Settled::Yes]);
}

pub(crate) async fn domains_at_their_limit_are_passed_over(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@busy.example", "b@busy.example", "c@free.example"]).await;
    let leased = lease_around(&world, 10, one_flow(sender, "busy.example")).await;
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].recipient_domain, "free.example");
    assert_eq!(world.lease(10).await.len(), 2, "the others are still there");
}

pub(crate) async fn accounts_whose_relay_is_at_its_limit_are_passed_over(world: World) {
    let (busy, free) = (world.sender().await, world.sender().await);
    world.send(busy, &["a@one.example", "b@two.example"]).await;
    world.send(free, &["c@one.example"]).await;
    let passed_over = PassedOver { accounts: vec![busy.account], ..PassedOver::default() };
    let leased = lease_around(&world, 10, passed_over).await;
    assert_eq!((leased.len(), leased[0].account), (1, free.account));
    assert_eq!(world.lease(10).await.len(), 2, "the others are still there");
}

pub(crate) async fn a_domain_whose_relay_is_at_its_limit_in_front_hides_no_other_of_its_account(
    world: World,
) {
    let full = world.sender().await;
    let others = [world.domain_of(full).await, world.domain_of(full).await];
    let to: Vec<String> = (0..600).map(|number| format!("r{number}@one.example")).collect();
    world.send(full, &to.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.clock.advance(Duration::from_secs(1));
    // More than are looked at in one visit, none of them for now.
    let mut later = world.message(&to.iter().map(String::as_str).collect::<Vec<_>>());
    later.schedule.not_before = world.now() + Duration::from_secs(3600);
    world.store.accept(world.accept(others[0], later)).await.expect("accepted");
    for other in others {
        world.send(other, &["a@one.example", "b@busy.example", "c@two.example"]).await;
    }
    let passed_over =
        PassedOver { domains: vec![(full.account, full.domain)], ..one_flow(full, "busy.example") };
    let mut found = Vec::new();
    for _ in 0..4 {
        let leased = lease_around(&world, 3, passed_over.clone()).await;
        found.extend(leased.iter().map(|entry| (entry.domain, entry.recipient_domain.clone())));
    }
    found.sort_unstable();
    let mut wanted: Vec<_> = others
        .iter()
        .flat_map(|other| ["one.example", "two.example"].map(|to| (other.domain, to.to_owned())))
        .collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

pub(crate) async fn a_full_domain_in_front_hides_nobody(world: World) {
    let sender = world.sender().await;
    let busy: Vec<String> = (0..400).map(|number| format!("r{number}@busy.example")).collect();
    world.send(sender, &busy.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.clock.advance(Duration::from_secs(1));
    for number in 0..80 {
        world.send(sender, &[&format!("a@d{number}.example"), &format!("b@d{number}.example")]).await;
    }
    let mut found = 0;
    // Each lease visits some domains; together they come around to all.
    for _ in 0..20 {
        let leased = lease_around(&world, 30, one_flow(sender, "busy.example")).await;
        assert!(leased.iter().all(|entry| entry.recipient_domain != "busy.example"));
        found += leased.len();
    }
    assert_eq!(found, 160);
}

pub(crate) async fn an_account_with_enough_in_front_hides_no_other(world: World) {
    let (flooding, other, third) = (world.sender().await, world.sender().await, world.sender().await);
    // Many destinations, so that a walk over these alone would take long.
    for number in 0..300 {
        world.send(flooding, &[&format!("a@d{number}.example"), &format!("b@d{number}.example")]).await;
    }
    world.clock.advance(Duration::from_secs(1));
    world.send(other, &["a@d7.example", "b@elsewhere.example"]).await;
    world.send(third, &["c@d7.example"]).await;
    let passed_over = PassedOver { accounts: vec![flooding.account], ..PassedOver::default() };
    let leased = lease_around(&world, 10, passed_over).await;
    let mut found: Vec<_> =
        leased.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.clone()).collect();
    found.sort_unstable();
    assert_eq!(found, ["a@d7.example", "b@elsewhere.example", "c@d7.example"], "at the first lease");
}

pub(crate) async fn where_one_has_enough_for_a_domain_others_are_given_theirs_for_it(world: World) {
    let (flooding, other) = (world.sender().await, world.sender().await);
    let busy: Vec<String> = (0..400).map(|number| format!("r{number}@busy.example")).collect();
    world.send(flooding, &busy.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.clock.advance(Duration::from_secs(1));
    world.send(other, &["ann@busy.example"]).await;
    world.send(flooding, &["bob@free.example"]).await;
    let leased = lease_around(&world, 10, one_flow(flooding, "busy.example")).await;
    let mut found: Vec<_> =
        leased.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.clone()).collect();
    found.sort_unstable();
    assert_eq!(found, ["ann@busy.example", "bob@free.example"]);
}

pub(crate) async fn those_behind_an_account_with_enough_take_turns(world: World) {
    let full = world.sender().await;
    for number in 0..60 {
        let to: Vec<String> = (0..10).map(|recipient| format!("r{recipient}@d{number}.example")).collect();
        world.send(full, &to.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    world.clock.advance(Duration::from_secs(1));
    let others = [world.sender().await, world.sender().await, world.sender().await];
    for (sender, messages) in others.iter().zip([40, 40, 1]) {
        for number in 0..messages {
            world.send(*sender, &[&format!("x{number}@d1.example")]).await;
        }
    }
    let passed_over = PassedOver { accounts: vec![full.account], ..PassedOver::default() };
    let mut found = std::collections::HashSet::new();
    for _ in 0..3 {
        let leased = lease_around(&world, 5, passed_over.clone()).await;
        assert_eq!(leased.len(), 5);
        found.extend(leased.iter().map(|entry| entry.account));
    }
    assert_eq!(found.len(), 3, "each had one of three leases");
}

pub(crate) async fn a_walk_around_many_goes_on_until_it_was_round(world: World) {
    let sender = world.sender().await;
    let domains: Vec<_> = (0..70).map(|number| format!("d{number}.example")).collect();
    for _ in 0..4 {
        let to: Vec<_> = domains.iter().map(|domain| format!("r@{domain}")).collect();
        world.send(sender, &to.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let flows = domains.iter().flat_map(|domain| one_flow(sender, domain).flows).collect();
    let passed_over = PassedOver { flows, ..PassedOver::default() };
    let mut changes = world.store.queue_changes();
    for goes_on in [true, false] {
        changes.mark_unchanged();
        assert!(lease_around(&world, 5, passed_over.clone()).await.is_empty());
        assert_eq!(
            changes.has_changed().expect("a store"),
            goes_on,
            "whoever takes looks again, or need not"
        );
    }
}

pub(crate) async fn the_next_due_time_ignores_what_is_held(world: World) {
    let sender = world.sender().await;
    assert_eq!(world.store.next_due().await.expect("asked"), None);
    world.send(sender, &["bob@one.example"]).await;
    let mut scheduled = world.message(&["later@one.example"]);
    let at = world.now() + Duration::from_secs(3600);
    scheduled.schedule.not_before = at;
    world.store.accept(world.accept(sender, scheduled)).await.expect("accepted");
    assert_eq!(world.store.next_due().await.expect("asked"), Some(world.now()));
    assert_eq!(world.lease(10).await.len(), 1);
    assert_eq!(world.store.next_due().await.expect("asked"), Some(at));
}

pub(crate) async fn leases_are_freed_at_start(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example"]).await;
    assert_eq!(world.lease(10).await.len(), 2);
    world.reopen().await;
    assert!(world.lease(10).await.is_empty());
    assert_eq!(world.store.free_leases().await.expect("freed"), 2);
    assert_eq!(world.lease(10).await.len(), 2);
}

pub(crate) async fn retry_makes_waiting_entries_due(world: World) {
    let sender = world.sender().await;
    let mut scheduled = world.message(&["a@one.example", "b@one.example"]);
    scheduled.schedule.not_before = world.now() + Duration::from_secs(3600);
    let id = scheduled.id;
    world.store.accept(world.accept(sender, scheduled)).await.expect("accepted");
    assert!(world.lease(10).await.is_empty());
    assert_eq!(world.store.retry_now(id, world.now()).await.expect("asked"), 2);
    assert_eq!(world.lease(10).await.len(), 2);
    assert_eq!(world.store.retry_now(id, world.now()).await.expect("asked"), 0, "they are held");
}

pub(crate) async fn the_queue_is_listed_and_counted(world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    world.send(other, &["x@other.example"]).await;
    let id = world.send(one, &["a@one.example", "b@one.example"]).await;
    world.store.retry_now(id, world.now()).await.expect("asked");
    assert_eq!(world.lease(1).await.len(), 1);
    let all = world.store.queue_counts(&QueueFilter::default()).await.expect("counted");
    assert_eq!(all, QueueCounts { waiting: 2, in_flight: 1 });
    let of_one =
        QueueFilter { account: Some(one.account), domain: Some(one.domain), ..QueueFilter::default() };
    let counts = world.store.queue_counts(&of_one).await.expect("counted");
    assert_eq!(counts.waiting + counts.in_flight, 2);
    let entries = world.store.queue_entries(&of_one, 10).await.expect("listed");
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry.message == id && entry.recipient_domain == "one.example"));
    let rest = QueueFilter { after: Some(entries[0].id), message: Some(id), ..QueueFilter::default() };
    let rest = world.store.queue_entries(&rest, 10).await.expect("listed");
    assert_eq!(rest.len(), 1);
    assert!(rest[0].envelope.open(&ACCESS) == entries[1].envelope.open(&ACCESS));
}

pub(crate) async fn new_entries_wake_the_worker(world: World) {
    let sender = world.sender().await;
    let (mut queue, mut log) = (world.store.queue_changes(), world.store.log_changes());
    queue.mark_unchanged();
    log.mark_unchanged();
    world.send(sender, &["bob@one.example"]).await;
    let woken = async { tokio::try_join!(queue.changed(), log.changed()) };
    tokio::time::timeout(Duration::from_secs(10), woken).await.expect("in time").expect("woken");
}

pub(crate) async fn what_nobody_tries_any_more_is_given_up_in_its_time(world: World) {
    let (closed, open) = (world.sender().await, world.sender().await);
    let parked = world.send(closed, &["a@one.example", "b@one.example"]).await;
    world
        .store
        .ask_account_erasure(closed.account, world.now() + Duration::from_secs(86_400))
        .await
        .expect("asked");
    assert_eq!(world.store.park(closed.account).await.expect("parked"), 2);
    let held = world.send(open, &["c@one.example"]).await;
    let entry = world.lease(1).await.remove(0);
    world.store.settle(vec![world.released(&entry)]).await.expect("settled");
    world.store.hold(&[entry.id]).await.expect("held");
    let waiting = world.send(open, &["d@one.example"]).await;

    let over = world.now() + Duration::from_secs(432_000);
    assert_eq!(world.store.give_up_overdue(world.now(), 10).await.expect("asked"), 0, "not yet");
    assert_eq!(world.store.give_up_overdue(over, 2).await.expect("given up"), 2, "a batch");
    assert_eq!(world.store.give_up_overdue(over, 10).await.expect("given up"), 1);
    assert_eq!(world.store.give_up_overdue(over, 10).await.expect("given up"), 0, "what waits is delivery's");
    let events = world.store.read_log(0, 100).await.expect("events");
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Failed)
        .map(|event| {
            let details = event.details.open(&ACCESS);
            let code = details.delivery_status.as_ref().map(|status| status.code);
            (event.message, details.recipient.clone().unwrap_or_default(), code, details.reason.clone())
        })
        .collect();
    assert_eq!(failed.len(), 3, "one each");
    assert!(failed.iter().all(|(_, _, code, reason)| *code == Some(602) && reason.as_deref() == Some("old")));
    assert!(failed.iter().any(|(message, to, ..)| *message == Some(held) && to == "c@one.example"));
    assert!(
        world.store.body(closed.account, parked).await.expect("read").is_none(),
        "its content went with it"
    );
    assert!(world.store.body(open.account, held).await.expect("read").is_none());
    assert!(world.store.body(open.account, waiting).await.expect("read").is_some());
}

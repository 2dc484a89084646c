//! How attempts end: one terminal event for each recipient, and the body goes with the last.

use std::time::Duration;

use waxseal_model::{
    RecipientId, Timestamp,
    event::{EventKind, Severity},
    suppression::SuppressionKind,
};
use waxseal_store::{
    queue::{LeasedEntry, Outcome, QueueFilter, Settled, Settlement},
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::world::{ACCESS, Sender, World};

async fn kinds(world: &World) -> Vec<EventKind> {
    world.store.read_log(0, 1000).await.expect("read").iter().map(|event| event.kind).collect()
}

pub(crate) async fn the_body_goes_with_the_last_recipient(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example", "b@one.example"]).await;
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!((message.pending, message.has_body), (1, true));
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
    world.store.settle(vec![world.delivered(&leased[1])]).await.expect("settled");
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!((message.pending, message.has_body), (0, false));
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
    use EventKind::{Accepted, Delivered};
    assert_eq!(kinds(&world).await, [Accepted, Accepted, Delivered, Delivered]);
}

pub(crate) async fn a_kept_message_stays_until_its_term(world: World) {
    let sender = world.sender().await;
    let mut new = world.message(&["a@one.example"]);
    new.keep_until = world.now() + Duration::from_secs(3600);
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    world.clock.advance(Duration::from_secs(3599));
    assert_eq!(world.store.purge_bodies(world.now(), 10).await.expect("purged"), 0);
    assert!(world.store.body(sender.account, id).await.expect("read").is_some());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.store.purge_bodies(world.now(), 10).await.expect("purged"), 1);
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert!(!message.has_body);
    // Deleted by its owner: at once if nobody waits for it, else with the last recipient.
    let mut new = world.message(&["b@one.example"]);
    new.keep_until = world.now() + Duration::from_secs(3600);
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    assert!(world.store.delete_message(sender.account, sender.domain, id).await.expect("asked"));
    assert!(!world.store.delete_message(sender.account, sender.domain, id).await.expect("asked"));
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert!(!message.has_body, "it cannot be retrieved any more");
    assert!(world.store.body(sender.account, id).await.expect("read").is_some(), "delivery needs it");
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
}

pub(crate) async fn a_settlement_counts_once(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let leased = world.lease(10).await.remove(0);
    let twice = vec![world.delivered(&leased), world.delivered(&leased)];
    let settled = world.store.settle(twice).await.expect("settled");
    assert_eq!(settled, [Settled::Yes, Settled::NotOurs]);
    let settled = world.store.settle(vec![world.delivered(&leased)]).await.expect("settled");
    assert_eq!(settled, [Settled::NotOurs]);
    assert_eq!(kinds(&world).await, [EventKind::Accepted, EventKind::Delivered]);
}

pub(crate) async fn a_lost_lease_settles_nothing(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example"]).await;
    let clear = |entry: RecipientId| Settlement {
        entry,
        lease: None,
        outcome: Outcome::Done { suppress: None },
        events: vec![world.event(sender, EventKind::Failed, Some(id))],
    };
    let leased = world.lease(10).await.remove(0);
    let settled = world.store.settle(vec![clear(leased.id)]).await.expect("settled");
    assert_eq!(settled, [Settled::NotOurs], "somebody works on it");
    world.store.free_leases().await.expect("freed");
    let settled = world.store.settle(vec![world.delivered(&leased)]).await.expect("settled");
    assert_eq!(settled, [Settled::NotOurs], "the lease was taken back");
    let settled = world.store.settle(vec![clear(leased.id)]).await.expect("settled");
    assert_eq!(settled, [Settled::Yes]);
    assert_eq!(kinds(&world).await, [EventKind::Accepted, EventKind::Failed]);
}

fn deferred(world: &World, entry: &LeasedEntry, next_attempt_at: Timestamp) -> Settlement {
    let sender = Sender { account: entry.account, domain: entry.domain };
    let mut event = world.event(sender, EventKind::Failed, Some(entry.message));
    event.severity = Some(Severity::Temporary);
    Settlement {
        entry: entry.id,
        lease: Some(entry.lease),
        outcome: Outcome::Deferred {
            next_attempt_at,
            first_attempt_at: world.now(),
            last_reply: "450 try later".into(),
        },
        events: vec![event],
    }
}

pub(crate) async fn a_deferred_entry_waits_for_its_time(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let (first, started) = (world.lease(10).await.remove(0), world.now());
    let next = world.now() + Duration::from_secs(300);
    let settled = world.store.settle(vec![deferred(&world, &first, next)]).await.expect("settled");
    assert_eq!(settled, [Settled::Yes]);
    assert!(world.lease(10).await.is_empty());
    assert_eq!(world.store.next_due().await.expect("asked"), Some(next));
    let listed = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("listed").remove(0);
    assert_eq!((listed.attempts, listed.next_attempt_at, listed.in_flight), (1, next, false));
    assert_eq!(listed.last_reply.as_deref(), Some("450 try later"));
    world.clock.advance(Duration::from_secs(300));
    let second = world.lease(10).await.remove(0);
    assert_eq!((second.id, second.attempts, second.first_attempt_at), (first.id, 1, Some(started)));
    let events = world.store.read_log(0, 10).await.expect("read");
    assert_eq!(events[1].severity, Some(Severity::Temporary));
}

pub(crate) async fn entries_deferred_together_wait_for_a_time_of_their_own_each(world: World) {
    let sender = world.sender().await;
    let to: Vec<String> = (0..11).map(|number| format!("r{number}@one.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    world.send(sender, &to).await;
    let leased = world.lease(20).await;
    assert_eq!(leased.len(), 11);
    let next = |number: usize| world.now() + Duration::from_secs(60 * (number as u64 + 1));
    let mut settlements: Vec<_> =
        leased.iter().enumerate().map(|(number, entry)| deferred(&world, entry, next(number))).collect();
    for (number, settlement) in settlements.iter_mut().enumerate() {
        let Outcome::Deferred { last_reply, .. } = &mut settlement.outcome else { unreachable!() };
        *last_reply = format!("450 try {number}");
    }
    // One of them is put off: that is no attempt.
    settlements[4].outcome = Outcome::PutOff { until: next(4), why: "later".into() };
    let settled = world.store.settle(settlements).await.expect("settled");
    assert!(settled.iter().all(|settled| *settled == Settled::Yes));
    let listed = world.store.queue_entries(&QueueFilter::default(), 20).await.expect("listed");
    for (number, entry) in leased.iter().enumerate() {
        let now = listed.iter().find(|listed| listed.id == entry.id).expect("it waits");
        let (attempts, reply) = match number {
            4 => (0, "later".to_owned()),
            _ => (1, format!("450 try {number}")),
        };
        assert_eq!((now.attempts, now.next_attempt_at, now.in_flight), (attempts, next(number), false));
        assert_eq!(now.last_reply, Some(reply));
    }
}

pub(crate) async fn a_released_entry_is_free_as_it_was(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let (leased, due) = (world.lease(10).await.remove(0), world.now());
    let release = Settlement {
        entry: leased.id,
        lease: Some(leased.lease),
        outcome: Outcome::Released,
        events: Vec::new(),
    };
    assert_eq!(world.store.settle(vec![release]).await.expect("settled"), [Settled::Yes]);
    assert_eq!(world.store.next_due().await.expect("asked"), Some(due));
    let again = world.lease(10).await.remove(0);
    assert_eq!((again.id, again.attempts, again.first_attempt_at), (leased.id, 0, None));
}

pub(crate) async fn a_bounce_is_suppressed_unless_allowed(world: World) {
    let sender = world.sender().await;
    let entry = |kind, address: &str| NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind,
        address: address.into(),
        details: SuppressionDetails { code: "550".into(), ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    world.store.suppress(vec![entry(SuppressionKind::Allow, "vip@one.example")]).await.expect("kept");
    world.send(sender, &["vip@one.example", "gone@one.example"]).await;
    let settlements = world.lease(10).await;
    let settlements = settlements.iter().map(|leased| {
        let mut settlement = world.delivered(leased);
        let address = &leased.envelope.open(&ACCESS).recipient;
        settlement.outcome = Outcome::Done { suppress: Some(entry(SuppressionKind::Bounce, address)) };
        settlement
    });
    let settled = world.store.settle(settlements.collect()).await.expect("settled");
    assert_eq!(settled, [Settled::Yes, Settled::Yes]);
    let addresses = ["vip@one.example".to_owned(), "gone@one.example".to_owned()];
    let found = world.store.suppressions_of(sender.account, sender.domain, &addresses).await.expect("read");
    let mut found: Vec<_> = found.iter().map(|(index, entry)| (*index, entry.kind)).collect();
    found.sort_unstable_by_key(|(index, _)| *index);
    assert_eq!(found, [(0, SuppressionKind::Allow), (1, SuppressionKind::Bounce)]);
}

//! What is paused is kept and does not leave, whoever it is named by, and leaves as soon as the pause ends.

use std::time::Duration;

use waxseal_model::event::EventKind;
use waxseal_store::queue::{
    Batch, Bulk, HandoverLimits, LeasedEntry, Leaving, MOST_PAUSES, Outcome, PassedOver, PauseOf,
    QueueFilter, Settled, Settlement,
};

use crate::world::{ACCESS, Sender, World};

async fn pause(world: &World, of: &PauseOf) {
    world.store.pause(of, "a reason".into(), None).await.expect("paused").expect("there is room");
}

async fn resume(world: &World, of: &PauseOf) -> bool {
    world.store.resume(of).await.expect("resumed").is_some()
}

fn to(domain: &str) -> PauseOf {
    PauseOf { to: Some(domain.into()), ..PauseOf::default() }
}

fn names(leased: &[LeasedEntry]) -> Vec<String> {
    let mut names: Vec<_> =
        leased.iter().map(|entry| entry.envelope.open(&ACCESS).recipient.clone()).collect();
    names.sort_unstable();
    names
}

/// What leaves now, given back.
async fn leaving(world: &World) -> Vec<String> {
    let leased = world.lease(100).await;
    world.store.settle(leased.iter().map(|entry| world.released(entry)).collect()).await.expect("freed");
    names(&leased)
}

async fn waiting(world: &World) -> u64 {
    world.store.queue_counts(&QueueFilter::default()).await.expect("counted").waiting
}

const ALL: [&str; 4] = ["a@one.example", "b@one.example", "c@two.example", "d@one.example"];

async fn both(world: &World) -> (Sender, Sender) {
    let (one, two) = (world.sender().await, world.sender().await);
    world.send(one, &["a@one.example", "b@one.example", "c@two.example"]).await;
    world.send(two, &["d@one.example"]).await;
    (one, two)
}

pub(crate) async fn what_is_paused_stays_and_everything_else_leaves(world: World) {
    let (one, two) = both(&world).await;
    let nobody = PauseOf::default();
    for (of, left) in [
        (PauseOf { account: Some(one.account), ..nobody.clone() }, &["d@one.example"][..]),
        (
            PauseOf { account: Some(two.account), domain: Some(two.domain), ..nobody.clone() },
            &["a@one.example", "b@one.example", "c@two.example"],
        ),
        (to("one.example"), &["c@two.example"]),
        (
            PauseOf { recipient: Some("B@One.Example".into()), ..nobody.clone() },
            &["a@one.example", "c@two.example", "d@one.example"],
        ),
        (
            PauseOf { account: Some(two.account), recipient: Some("a@one.example".into()), ..nobody.clone() },
            &ALL,
        ),
        (PauseOf { account: Some(one.account), ..to("one.example") }, &["c@two.example", "d@one.example"]),
        // Whose mail servers these are is for delivery to say.
        (PauseOf { provider: Some("google".into()), ..nobody.clone() }, &ALL),
        (nobody.clone(), &[]),
    ] {
        pause(&world, &of).await;
        assert_eq!(leaving(&world).await, left);
        assert_eq!(leaving(&world).await, left, "also when it is asked for again");
        assert_eq!(waiting(&world).await, 4, "everything is kept");
        assert!(resume(&world, &of).await);
        assert_eq!(leaving(&world).await, ALL, "all of it leaves at once");
        assert!(!resume(&world, &of).await, "it is over");
    }
}

pub(crate) async fn a_pause_outlives_a_restart_and_ends_by_itself(mut world: World) {
    both(&world).await;
    let until = world.now() + Duration::from_secs(3_600);
    let made = world.store.pause(&to("one.example"), "they asked".into(), Some(until)).await.expect("paused");
    let made = made.expect("there is room");
    assert_eq!(leaving(&world).await, ["c@two.example"]);
    world.reopen().await;
    assert_eq!(world.store.pauses(), std::slice::from_ref(&made));
    assert_eq!(leaving(&world).await, ["c@two.example"]);
    let again = world.store.pause(&to("one.example"), "still".into(), Some(until)).await.expect("paused");
    let again = again.expect("there is room");
    assert_eq!((again.number, again.since, &*again.reason), (made.number, made.since, "still"));
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    assert_eq!(world.store.next_due().await.expect("asked"), Some(until), "somebody has to wake then");
    world.clock.advance(Duration::from_secs(3_600));
    assert!(world.store.pauses().is_empty());
    assert_eq!(leaving(&world).await, ["a@one.example", "b@one.example", "d@one.example"]);
    world.reopen().await;
    assert!(world.store.pauses().is_empty());
}

pub(crate) async fn a_pause_of_an_account_that_is_being_erased_keeps_no_store_from_opening(mut world: World) {
    let sender = world.sender().await;
    let recipient = Some("bob@one.example".to_owned());
    let of = PauseOf { account: Some(sender.account), recipient, ..PauseOf::default() };
    world.store.pause(&of, "why not".into(), None).await.expect("asked").expect("paused");
    let erasure = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    world.store.begin_erasure(&erasure).await.expect("begun").expect("not taken back");
    world.reopen().await;
    let other = PauseOf { to: Some("two.example".into()), ..PauseOf::default() };
    world.store.pause(&other, "why not".into(), None).await.expect("asked").expect("paused");
}

pub(crate) async fn any_number_of_paused_entries_is_in_nobodys_way(world: World) {
    let sender = world.sender().await;
    let many: Vec<String> = (0..5_000).map(|number| format!("r{number}@busy.example")).collect();
    for some in many.chunks(1_000) {
        world.send(sender, &some.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    world.clock.advance(Duration::from_secs(1));
    world.send(sender, &["a@free.example"]).await;
    pause(&world, &to("busy.example")).await;
    let mut changes = world.store.queue_changes();
    let mut found = Vec::new();
    while found.is_empty() {
        changes.borrow_and_update();
        found = world.lease(100).await;
        assert!(!found.is_empty() || changes.has_changed().expect("open"), "one is told to look further");
    }
    assert_eq!(names(&found), ["a@free.example"]);
    changes.borrow_and_update();
    assert!(resume(&world, &to("busy.example")).await);
    assert!(changes.has_changed().expect("open"), "whoever delivers is woken");
    let mut back = 0;
    while changes.has_changed().expect("open") {
        changes.borrow_and_update();
        back += world.lease(10_000).await.len();
    }
    assert_eq!(back, 5_000);
}

pub(crate) async fn what_is_handed_over_heeds_a_pause(world: World) {
    let sender = world.sender().await;
    let limits = HandoverLimits { recipients: 10, bytes: 10_000, hold_for: Duration::from_secs(600) };
    let mut handed_over = world.store.hand_over(limits);
    handed_over.open(PassedOver::default());
    let pauses =
        [to("one.example"), PauseOf { recipient: Some("b@two.example".into()), ..PauseOf::default() }];
    for of in &pauses {
        pause(&world, of).await;
    }
    for recipients in [&["a@two.example", "b@one.example"][..], &["b@two.example"], &["c@two.example"]] {
        let (lists, message) = (world.store.lists_as_of_now(), world.message(recipients));
        world.store.accept_as_of(world.accept(sender, message), Some(lists)).await.expect("accepted");
    }
    let handed = handed_over.try_next().expect("one of them is free");
    assert_eq!(names(&handed.entries), ["c@two.example"]);
    assert!(handed_over.try_next().is_none(), "the others wait in the queue");
    assert_eq!(leaving(&world).await, ["a@two.example"]);
}

pub(crate) async fn what_a_holder_sets_aside_comes_back_however_late_they_say_so(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let of = PauseOf { provider: Some("google".into()), ..PauseOf::default() };
    pause(&world, &of).await;
    let entry = world.lease(1).await.remove(0);
    let leaving_now = |provider| Leaving {
        account: sender.account,
        domain: sender.domain,
        to: "one.example",
        recipient: "a@one.example",
        provider,
    };
    assert!(world.store.pause_on(&leaving_now(None)).is_none());
    assert!(world.store.pause_on(&leaving_now(Some("yahoo"))).is_none());
    let hold = world.store.pause_on(&leaving_now(Some("google"))).expect("paused");
    assert_eq!(hold.pause.provider.as_deref(), Some("google"));
    let set_aside =
        |entry: &LeasedEntry| Settlement { outcome: Outcome::Paused(hold.clone()), ..world.released(entry) };
    assert_eq!(world.store.settle(vec![set_aside(&entry)]).await.expect("settled"), [Settled::Yes]);
    assert!(world.lease(10).await.is_empty());
    let shown = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("listed");
    assert!(shown[0].paused && !shown[0].is_held() && !shown[0].in_flight);
    assert!(resume(&world, &of).await);
    let entry = world.lease(1).await.remove(0);
    // They had found the pause before it ended, and say so after it.
    assert_eq!(world.store.settle(vec![set_aside(&entry)]).await.expect("settled"), [Settled::Yes]);
    assert_eq!(world.lease(10).await.len(), 1, "nothing stays behind");
}

pub(crate) async fn what_is_paused_expires_as_ever(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    pause(&world, &to("one.example")).await;
    assert!(leaving(&world).await.is_empty());
    world.clock.advance(Duration::from_secs(5 * 86_400 - 1));
    assert_eq!(world.store.give_up_overdue(world.now(), 10).await.expect("looked"), 0);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.store.give_up_overdue(world.now(), 10).await.expect("ended"), 1);
    assert_eq!((waiting(&world).await, codes(&world).await), (0, vec![602]));
}

pub(crate) async fn pauses_are_bounded_and_go_with_whom_they_name(world: World) {
    let sender = world.sender().await;
    let named = PauseOf {
        account: Some(sender.account),
        recipient: Some("a@one.example".into()),
        ..PauseOf::default()
    };
    let anywhere = PauseOf { recipient: Some("a@one.example".into()), ..PauseOf::default() };
    pause(&world, &named).await;
    pause(&world, &anywhere).await;
    let asked = world.store.ask_recipient_erasure(sender.account, "A@one.example").await.expect("asked");
    let begun = world.store.begin_erasure(&asked).await.expect("begun").expect("not taken back");
    while world.store.erase_batch(&begun, 100).await.expect("a batch") > 0 {}
    assert!(world.store.pause_of(&named).await.expect("read").is_none());
    assert_eq!(world.store.pauses().len(), 1, "the other is nobody's");
    assert_eq!(world.store.forget_paused_address("a@ONE.example").await.expect("forgotten"), 1);
    assert!(world.store.pauses().is_empty());
    for number in 0..MOST_PAUSES {
        let of = PauseOf { provider: Some(format!("p{number}")), ..PauseOf::default() };
        // What fills the table goes in at once.
        pause(&world, &of).await;
    }
    assert!(world.store.pause(&named, String::new(), None).await.expect("answered").is_none());
    let first = PauseOf { provider: Some("p0".into()), ..PauseOf::default() };
    assert!(world.store.pause(&first, "again".into(), None).await.expect("answered").is_some());
}

/// The codes of the `failed` events.
async fn codes(world: &World) -> Vec<u16> {
    let events = world.store.read_log(0, 10_000).await.expect("events");
    let failed = events.iter().filter(|event| event.kind == EventKind::Failed);
    failed.filter_map(|event| Some(event.details.open(&ACCESS).delivery_status.as_ref()?.code)).collect()
}

/// Does it page by page to the end; all of it together.
async fn bulk(world: &World, what: Bulk, filter: &QueueFilter, given: &[LeasedEntry]) -> Batch {
    let mut all = Batch::default();
    let mut filter = filter.clone();
    loop {
        let back = |_: &[_]| given.iter().map(|entry| (entry.id, entry.lease)).collect();
        let batch = world.store.bulk(what, &filter, back).await.expect("done");
        all.done += batch.done;
        all.in_hands += batch.in_hands;
        all.held += batch.held;
        all.scheduled += batch.scheduled;
        let Some(after) = batch.after else { return all };
        filter.after = Some(after);
    }
}

pub(crate) async fn many_entries_end_at_once_each_with_one_event(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let many: Vec<String> = (0..1_200).map(|number| format!("r{number}@one.example")).collect();
    let id = world.send(sender, &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.send(other, &["x@one.example", "y@two.example"]).await;
    let taken = world.lease(2).await;
    let of_one = QueueFilter { account: Some(sender.account), ..QueueFilter::default() };
    assert_eq!(bulk(&world, Bulk::Count, &of_one, &[]).await.done, 1_200);
    let ended = bulk(&world, Bulk::Expire, &of_one, &taken[..1]).await;
    assert_eq!((ended.done, ended.in_hands), (1_199, 1), "what is given back ends as well");
    assert_eq!(codes(&world).await, vec![602; 1_199]);
    assert_eq!(bulk(&world, Bulk::Expire, &of_one, &[]).await.in_hands, 1);
    world.store.settle(vec![world.delivered(&taken[1])]).await.expect("settled");
    assert!(
        world.store.body(sender.account, id).await.expect("read").is_none(),
        "the content goes with them"
    );
    let to_one = QueueFilter { recipient: Some("Y@two.example".into()), ..QueueFilter::default() };
    assert_eq!(bulk(&world, Bulk::Expire, &to_one, &[]).await.done, 1);
    assert_eq!(leaving(&world).await, ["x@one.example"]);
}

pub(crate) async fn what_waits_is_due_at_once_but_for_what_its_sender_put_off(world: World) {
    let sender = world.sender().await;
    let later = world.now() + Duration::from_secs(3_600);
    world.send(sender, &["a@one.example", "b@two.example"]).await;
    let mut scheduled = world.message(&["c@one.example"]);
    scheduled.schedule.not_before = later;
    world.store.accept(world.accept(sender, scheduled)).await.expect("accepted");
    let leased = world.lease(10).await;
    let deferred = |entry: &LeasedEntry| Settlement {
        outcome: Outcome::Deferred {
            next_attempt_at: later,
            first_attempt_at: world.now(),
            last_reply: "451 later".into(),
        },
        ..world.released(entry)
    };
    world.store.settle(leased.iter().map(deferred).collect()).await.expect("settled");
    assert!(leaving(&world).await.is_empty());
    let filter = QueueFilter { to: Some(vec!["one.example".into()]), ..QueueFilter::default() };
    let hastened = bulk(&world, Bulk::Hasten { held: false }, &filter, &[]).await;
    assert_eq!((hastened.done, hastened.scheduled), (1, 1));
    assert_eq!(leaving(&world).await, ["a@one.example"]);
    let old = QueueFilter { accepted_until: Some(world.now()), ..QueueFilter::default() };
    world.clock.advance(Duration::from_secs(1));
    world.send(sender, &["d@two.example"]).await;
    assert_eq!(bulk(&world, Bulk::Count, &old, &[]).await.done, 3, "the new one is too young");
}

//! Delivery stops and starts, politely or not, and nothing is lost.

use std::{collections::BTreeSet, time::Duration};

use waxseal_delivery::AfterCrash;
use waxseal_model::Clock as _;
use waxseal_store::queue::{LeaseRequest, PassedOver, QueueFilter};
use waxseal_testkit::smtp_peer::{Reaction, Script};

use crate::{
    counters::Counters,
    world::{Event, World, mail},
};

#[tokio::test]
async fn what_was_in_hand_when_delivery_died_is_delivered_after_the_restart() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    for number in 0..5 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    world.kill_seen_by(&peer).await;
    assert!(world.queue().await.in_flight > 0, "the leases of the dead are still there");
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.start().await;
    world.wait_for_events(5).await;
    let delivered: BTreeSet<_> =
        peer.acknowledged().iter().flat_map(|message| message.recipients.clone()).collect();
    assert_eq!(delivered.len(), 5, "lost: none");
    assert_eq!(peer.acknowledged().len(), 5, "twice: none, because nothing had been confirmed");
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 0);
}

#[tokio::test]
async fn only_what_was_sent_and_not_answered_may_be_a_second_copy_and_its_event_says_so() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    for number in 0..3 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    let sent = peer.seen().messages[0].recipients.clone();
    world.kill_seen_by(&peer).await;
    let uncertain = world.store.uncertain().await.expect("the notes");
    assert_eq!(uncertain.len(), 1, "one connection, one message under way");
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.start().await;
    for event in world.wait_for_events(3).await {
        let second = sent.iter().any(|recipient| recipient.contains(event.recipient()));
        assert_eq!(event.status().possible_duplicate, second, "{}", event.recipient());
    }
    assert!(world.store.uncertain().await.expect("the notes").is_empty(), "settled, so certain");
}

#[tokio::test]
async fn what_was_answered_and_not_committed_is_delivered_once() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    for number in 0..2 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    let answered = peer.seen().messages[0].recipients.concat();
    world.kill_seen_by(&peer).await;
    // As if the answer had come at the last moment.
    let entry = world.store.uncertain().await.expect("the notes")[0].entry;
    let at = world.clock.now();
    world.store.note_delivered(&[(entry, false)], at);
    world.later(Duration::from_secs(30));
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.start().await;
    for event in world.wait_for_events(2).await {
        assert_eq!((&*event.short(), event.status().possible_duplicate), ("delivered 250", false));
        assert_eq!(event.at == at, answered.contains(event.recipient()), "{}", event.recipient());
    }
    world.wait_until_idle().await;
    assert_eq!(peer.seen().messages.len(), 2, "each arrived once");
}

#[tokio::test]
async fn what_had_not_been_sent_to_its_end_is_not_uncertain() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on("DATA", [Reaction::Silence])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    peer.wait_for(|seen| seen.commands.iter().any(|line| line == "DATA")).await;
    world.kill_seen_by(&peer).await;
    assert!(world.store.uncertain().await.expect("the notes").is_empty());
}

#[tokio::test]
async fn a_fault_of_our_own_disk_is_no_failed_attempt() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    // Where the notes are made anew there is something that is no file.
    let blocked = world.folder.path().join("data/sent.notes.new");
    std::fs::create_dir(&blocked).expect("in the way");
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    peer.wait_for(|seen| seen.commands.iter().filter(|line| *line == "DATA").count() >= 2).await;
    assert!(peer.acknowledged().is_empty(), "no message is ended that is not noted");
    std::fs::remove_dir(&blocked).expect("out of the way");
    let events = world.wait_for_events(1).await;
    assert_eq!(
        events.iter().map(Event::short).collect::<Vec<_>>(),
        ["delivered 250"],
        "and no failure before it"
    );
    assert_eq!(events[0].status().attempt_no, 1, "their server was not at fault");
    world.wait_until_idle().await;
}

#[tokio::test]
async fn an_operator_may_have_uncertain_messages_held_instead_of_sent_again() {
    let mut world = World::new().await;
    world.config.after_crash = AfterCrash::Hold;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    let message = world.send(mail(&["held@b.example"])).await;
    world.send(mail(&["other@b.example"])).await;
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    world.kill_seen_by(&peer).await;
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.start().await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].recipient(), "other@b.example");
    world.wait_until_idle().await;
    let waiting = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("the queue");
    assert!(waiting.len() == 1 && waiting[0].is_held() && waiting[0].reply_unknown);
    world.store.retry_now(message, world.clock.now()).await.expect("a retry");
    let events = world.wait_for_events(2).await;
    assert!(events[1].recipient() == "held@b.example" && events[1].status().possible_duplicate);
}

#[tokio::test]
async fn what_was_freed_again_without_a_try_may_still_be_a_second_copy_next_time() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    for number in 0..2 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    peer.wait_for(|seen| seen.messages.len() == 2).await;
    world.kill_seen_by(&peer).await;
    peer.rescript(|script| script.set("EHLO", [Reaction::Silence]));
    world.config.limits.per_destination = 1;
    world.config.timeouts.shutdown = Duration::from_millis(1);
    let before = peer.seen().connections;
    world.start().await;
    peer.wait_for(|seen| seen.connections > before).await;
    world.stop().await;
    let uncertain = world.store.uncertain().await.expect("the notes");
    assert_eq!(uncertain.len(), 2, "one was being tried, one waited behind it: nothing is known of either");
}

#[tokio::test]
async fn what_somebody_else_took_while_it_went_out_is_named_as_a_possible_second_copy() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    peer.wait_for(|seen| seen.contents > 0).await;
    // Another server, whose clock is ahead: by it the lease is over.
    let (now, hold_for) = (world.clock.now() + Duration::from_secs(86_400), Duration::from_secs(600));
    let request = LeaseRequest { now, limit: 1, hold_for, pass_over: PassedOver::default() };
    assert_eq!(world.store.lease(request).await.expect("leased").len(), 1);
    let counters = Counters::begin();
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.wait_until_held(0).await;
    assert_eq!(counters.of("waxseal_delivery_uncertain_total", &[]), 1);
    assert!(world.events().await.is_empty(), "what came of it is not on record");
    // That one died of it: who tries next says that there may be two.
    world.store.free_leases().await.expect("free");
    let events = world.wait_for_events(1).await;
    assert_eq!((&*events[0].short(), events[0].status().possible_duplicate), ("delivered 250", true));
    assert_eq!(peer.acknowledged().len(), 2);
    world.wait_until_idle().await;
    assert!(world.store.uncertain().await.expect("the notes").is_empty(), "settled, so certain");
}

#[tokio::test]
async fn what_may_be_a_second_copy_and_is_refused_for_now_is_named_when_it_arrives_after_another_crash() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    world.kill_seen_by(&peer).await;
    peer.rescript(|script| script.set(".", [Reaction::Say("451 4.3.0 later\r\n".into())]));
    world.start().await;
    assert!(world.wait_for_events(1).await[0].status().possible_duplicate);
    world.wait_until_idle().await;
    world.kill_seen_by(&peer).await;
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    world.start().await;
    let waiting = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("the queue");
    assert!(waiting[0].reply_unknown, "`queue why` says it");
    world.later(waiting[0].next_attempt_at.since(world.clock.now()));
    let events = world.wait_for_events(2).await;
    assert!(events[1].status().possible_duplicate, "the copy that arrived is named");
    world.wait_until_idle().await;
    assert!(world.store.uncertain().await.expect("the notes").is_empty(), "settled, so certain");
}

#[tokio::test]
async fn a_polite_stop_finishes_what_is_under_way_and_frees_the_rest() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let slow = [Reaction::Late(Duration::from_millis(300))];
    let peer = world.peer(Script::new().on(".", slow)).await;
    for number in 0..3 {
        world.send(mail(&[&format!("r{number}@b.example")])).await;
    }
    world.start().await;
    peer.wait_for(|seen| seen.commands.iter().any(|line| line == "DATA")).await;
    world.stop().await;
    let (acknowledged, events) = (peer.acknowledged().len(), world.events().await.len());
    assert_eq!((acknowledged, events), (1, 1), "the message under way is delivered and on record");
    let counts = world.queue().await;
    assert_eq!((counts.waiting, counts.in_flight), (2, 0), "the others are free");
    world.start().await;
    world.wait_for_events(3).await;
    assert_eq!(peer.acknowledged().len(), 3);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_peer_that_hangs() {
    let mut world = World::new().await;
    world.config.timeouts.shutdown = Duration::from_millis(200);
    let peer = world.peer(Script::new().on(".", [Reaction::Silence])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    peer.wait_for(|seen| !seen.messages.is_empty()).await;
    tokio::time::timeout(Duration::from_secs(10), world.stop()).await.expect("stopped in time");
    assert!(world.events().await.is_empty(), "nobody knows how it ended");
    let counts = world.queue().await;
    assert_eq!(counts.waiting + counts.in_flight, 1, "it is tried again");
}

//! What servers answer, and what becomes of the recipient.

use std::sync::Arc;

use waxseal_delivery::shaping::Shaping;
use waxseal_model::suppression::SuppressionKind;
use waxseal_store::{
    queue::QueueFilter,
    suppression::{NewSuppression, SuppressionDetails},
};
use waxseal_testkit::smtp_peer::{Reaction, Script};

use crate::world::{ACCESS, Event, World, mail};

async fn suppressed(world: &World, address: &str) -> Vec<(SuppressionKind, String, String)> {
    let found = world.store.suppressions_of(world.account, world.domain, &[address.into()]).await;
    let open = |(_, entry): (usize, waxseal_store::suppression::Suppression)| {
        let details = entry.details.into_open(&ACCESS);
        (entry.kind, details.code, details.error)
    };
    found.expect("suppressions").into_iter().map(open).collect()
}

#[tokio::test]
async fn a_recipient_who_does_not_exist_bounces_and_is_not_written_to_again() {
    let mut world = World::new().await;
    let no = Reaction::Say("550 5.1.1 <gone@b.example>: User unknown\r\n".into());
    let _peer = world.peer(Script::new().recipient("gone@b.example", [no])).await;
    world.start().await;
    world.send(mail(&["gone@b.example"])).await;
    let event = world.wait_for_events(1).await.remove(0);
    assert_eq!(event.short(), "permanent 550");
    assert_eq!(event.details.reason.as_deref(), Some("bounce"));
    let status = event.status();
    assert_eq!(status.bounce_type.as_deref(), Some("hard"));
    assert_eq!(status.enhanced_code.as_deref(), Some("5.1.1"));
    assert_eq!(status.message, "<gone@b.example>: User unknown", "the log tells the customer all");
    let expected = (SuppressionKind::Bounce, "550".into(), "5.1.1 <gone@b.example>: User unknown".into());
    assert_eq!(suppressed(&world, "gone@b.example").await, [expected]);
}

#[tokio::test]
async fn a_refused_message_puts_nobody_on_the_bounce_list() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply(".", &["554 5.7.1 looks like spam"])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    let event = world.wait_for_events(1).await.remove(0);
    assert_eq!(event.short(), "permanent 554");
    assert_eq!(event.details.reason.as_deref(), Some("espblock"));
    assert!(suppressed(&world, "bob@b.example").await.is_empty());
}

#[tokio::test]
async fn an_allowed_address_is_never_put_on_the_bounce_list() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["550 5.1.1 no such user"])).await;
    let allow = NewSuppression {
        account: world.account,
        domain: world.domain,
        kind: SuppressionKind::Allow,
        address: "boss@b.example".into(),
        details: SuppressionDetails::default(),
        created_at: waxseal_model::Timestamp::from_secs(1),
    };
    world.store.suppress(vec![allow]).await.expect("allowed");
    world.start().await;
    world.send(mail(&["boss@b.example"])).await;
    assert_eq!(world.wait_for_events(1).await[0].short(), "permanent 550");
    let kinds: Vec<_> = suppressed(&world, "boss@b.example").await.into_iter().map(|entry| entry.0).collect();
    assert_eq!(kinds, [SuppressionKind::Allow]);
}

#[tokio::test]
async fn every_recipient_has_an_outcome_of_its_own() {
    let mut world = World::new().await;
    let script = Script::new()
        .recipient("no@b.example", [Reaction::Say("550 5.1.1 no such user\r\n".into())])
        .recipient("later@b.example", [Reaction::Say("450 4.2.0 greylisted, come back\r\n".into())])
        .recipient("full@b.example", [Reaction::Say("552 5.2.2 too much mail\r\n".into())]);
    let peer = world.peer(script).await;
    world.send(mail(&["yes@b.example", "no@b.example", "later@b.example", "full@b.example"])).await;
    world.start().await;
    let mut events = world.wait_for_events(4).await;
    events.sort_by_key(|event| event.recipient().to_owned());
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.recipient(), event.short(), event.details.reason.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("full@b.example", "temporary 452".into(), Some("generic")),
            ("later@b.example", "temporary 450".into(), Some("greylisted")),
            ("no@b.example", "permanent 550".into(), Some("bounce")),
            ("yes@b.example", "delivered 250".into(), None),
        ]
    );
    assert_eq!(peer.acknowledged().len(), 1);
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 2);
}

#[tokio::test]
async fn what_is_refused_for_several_is_tried_for_each_alone_before_anybody_bounces() {
    let mut world = World::new().await;
    // Of whom it does not say; later it takes the message for each but one.
    let no = || Reaction::Say("550 5.1.1 no such user\r\n".into());
    let script =
        Script::new().on(".", [no(), Reaction::Proper]).recipient("gone@b.example", [Reaction::Proper, no()]);
    let peer = world.peer(script).await;
    world.send(mail(&["ann@b.example", "gone@b.example", "bob@b.example"])).await;
    world.start().await;
    let told = told(&world.wait_for_events(6).await);
    assert_eq!(
        told,
        [
            ("ann@b.example", "delivered 250"),
            ("ann@b.example", "temporary 550"),
            ("bob@b.example", "delivered 250"),
            ("bob@b.example", "temporary 550"),
            ("gone@b.example", "permanent 550"),
            ("gone@b.example", "temporary 550"),
        ]
        .map(|(recipient, short)| (recipient.to_owned(), short.to_owned()))
    );
    let together: Vec<_> = peer.seen().messages.iter().map(|message| message.recipients.len()).collect();
    assert_eq!(together, [3, 1, 1]);
    for alive in ["ann@b.example", "bob@b.example"] {
        assert!(suppressed(&world, alive).await.is_empty(), "{alive} is there");
    }
    assert_eq!(suppressed(&world, "gone@b.example").await.len(), 1);
}

#[tokio::test]
async fn those_that_are_too_many_at_once_come_at_once_again() {
    let mut world = World::new().await;
    let table = "[[provider]]\nname = \"big\"\nhosts = [\"b.example\"]\n";
    world.config.shaping = Arc::new(Shaping::with(table).expect("a table"));
    let enough = |text: &str| [Reaction::Say(format!("{text}\r\n")), Reaction::Proper];
    let script = Script::new()
        .recipient("c@b.example", enough("452 4.5.3 too many recipients"))
        .recipient("d@b.example", enough("452 no more of them"))
        .recipient("e@b.example", enough("552 5.5.3 too many"))
        .recipient("f@b.example", enough("550 Too many recipients"))
        .recipient("busy@b.example", enough("452 4.3.1 no room for it now"))
        .recipient("full@b.example", enough("452 4.2.2 the mailbox is full"));
    let _peer = world.peer(script).await;
    let names = ["a", "b", "c", "d", "e", "f", "busy", "full"];
    let to: Vec<_> = names.iter().map(|name| format!("{name}@b.example")).collect();
    world.send(mail(&to.iter().map(String::as_str).collect::<Vec<_>>())).await;
    world.start().await;
    let events = world.wait_for_events(12).await;
    world.wait_until_idle().await;
    let delivered: Vec<_> = told(&events).into_iter().filter(|(_, short)| short == "delivered 250").collect();
    let delivered: Vec<_> = delivered.iter().map(|(recipient, _)| recipient.as_str()).collect();
    assert_eq!(
        delivered,
        ["a@b.example", "b@b.example", "c@b.example", "d@b.example", "e@b.example", "f@b.example"]
    );
    assert_eq!(world.queue().await.waiting, 2, "who was refused for themselves waits for their turn");
    let states = world.shaper().states().expect("running");
    assert!(states.iter().all(|state| state.slowed_since.is_none()), "that is not too much mail");
}

#[tokio::test]
async fn where_nobody_is_taken_nobody_is_one_too_many() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().reply("RCPT", &["452 4.5.3 too many recipients"])).await;
    world.send(mail(&["ann@b.example", "bob@b.example"])).await;
    world.start().await;
    world.wait_for_events(2).await;
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 2);
    assert_eq!(world.events().await.len(), 2, "nobody is tried again at once");
    assert!(peer.acknowledged().is_empty());
}

#[tokio::test]
async fn what_is_said_of_the_sender_or_the_size_is_not_asked_for_each_recipient_again() {
    for script in [
        Script::new().reply("MAIL", &["550 5.7.1 you are not welcome"]),
        Script::new().capabilities(&["SIZE 10"]),
        // All but one were refused for themselves, so the content was refused for that one.
        Script::new()
            .recipient("bob@b.example", [Reaction::Say("550 5.1.1 no such user\r\n".into())])
            .reply(".", &["554 5.7.1 looks like spam"]),
    ] {
        let mut world = World::new().await;
        let _peer = world.peer(script).await;
        world.send(mail(&["ann@b.example", "bob@b.example"])).await;
        world.start().await;
        for event in world.wait_for_events(2).await {
            assert!(event.short().starts_with("permanent 55"), "{}", event.short());
        }
    }
}

/// Who was told of, and what.
fn told(events: &[Event]) -> Vec<(String, String)> {
    let mut told: Vec<_> = events.iter().map(|event| (event.recipient().to_owned(), event.short())).collect();
    told.sort();
    told
}

#[tokio::test]
async fn the_queue_tells_the_last_reply_without_addresses() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["451 4.7.1 <bob@b.example> is busy"])).await;
    world.start().await;
    let id = world.send(mail(&["bob@b.example"])).await;
    world.wait_for_events(1).await;
    let filter = QueueFilter { message: Some(id), ..QueueFilter::default() };
    let entries = world.store.queue_entries(&filter, 10).await.expect("entries");
    assert_eq!(entries[0].last_reply.as_deref(), Some("451 4.7.1 <address> is busy"));
    assert_eq!(entries[0].attempts, 1);
}

#[tokio::test]
async fn an_operator_retries_at_once() {
    let mut world = World::new().await;
    let later = [Reaction::Say("451 4.3.0 not now\r\n".into()), Reaction::Proper];
    let peer = world.peer(Script::new().on("RCPT", later)).await;
    world.start().await;
    let id = world.send(mail(&["bob@b.example"])).await;
    world.wait_for_events(1).await;
    use waxseal_model::Clock;
    assert_eq!(world.store.retry_now(id, world.clock.now()).await.expect("store"), 1);
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "delivered 250");
    assert_eq!(events[1].status().attempt_no, 2);
    assert_eq!(peer.acknowledged().len(), 1);
}

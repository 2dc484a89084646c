//! Whoever asks is told what a message waits for, whose limit that is, and what would free it.

use std::{sync::Arc, time::Duration};

use waxseal_delivery::{
    shaping::Shaping,
    why::{Recipient, Told, recipients},
};
use waxseal_model::{Clock, MessageId};
use waxseal_store::queue::PauseOf;
use waxseal_testkit::smtp_peer::{Reaction, Script};

use crate::world::{ACCESS, World, mail};

const TABLE: &str = "[[provider]]\nname = \"big\"\nhosts = [\"mx.b.example\"]\nconnections = 1\n\
    [[provider]]\nname = \"slow\"\nhosts = [\"mx.c.example\"]\nmessages_per_minute = 1\n";

async fn why(world: &World, message: MessageId) -> Vec<Recipient> {
    let header = format!("{message}@ours.example");
    let view = world.is_running().then(|| world.view());
    let clock: &dyn Clock = &*world.clock;
    let asked = (&world.store, view.as_ref(), clock);
    let told = |event: &waxseal_store::event_log::StoredEvent| {
        let recipient = event.details.open(&ACCESS).recipient.clone()?;
        Some(Told { recipient, reply: None, attempts: 1 })
    };
    recipients(asked, (world.account, message, &header), told).await.expect("told")
}

/// The kind, limit and owner of what the one recipient waits for.
async fn waits(world: &World, message: MessageId) -> (String, String, String) {
    let one = why(world, message).await.remove(0);
    assert_eq!(one.state, "waiting", "{}", one.words);
    let waits_for = one.waits_for.expect("it waits");
    assert!(!waits_for.freed_by.is_empty(), "what would free it is said: {}", one.words);
    (waits_for.kind.into(), waits_for.limit.unwrap_or_default().into(), waits_for.whose.unwrap_or_default())
}

fn three(kind: &str, limit: &str, whose: &str) -> (String, String, String) {
    (kind.into(), limit.into(), whose.into())
}

#[tokio::test]
async fn limits_are_named_with_whose_they_are() {
    let mut world = World::new().await;
    world.config.shaping = Arc::new(Shaping::with(TABLE).expect("a table"));
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    let first = world.send(mail(&["first@b.example"])).await;
    assert_eq!(waits(&world, first).await.0, "delivery", "nobody delivers yet");
    world.start().await;
    peer.wait_for(|seen| seen.contents == 1).await;
    let under_way = why(&world, first).await.remove(0);
    assert_eq!((under_way.state, under_way.waits_for), ("attempted", None));
    assert!(under_way.words.contains("mx.b.example"), "{}", under_way.words);

    let second = world.send(mail(&["second@b.example"])).await;
    world.wait_until_held(2).await;
    assert_eq!(waits(&world, second).await, three("connections", "connections", "provider big"));
    let waits_for = why(&world, second).await.remove(0).waits_for.expect("it waits");
    assert_eq!((waits_for.used, waits_for.most), (Some(1), Some(1)));

    let third = world.send(mail(&["third@c.example"])).await;
    peer.wait_for(|seen| seen.contents == 2).await;
    let fourth = world.send(mail(&["fourth@c.example"])).await;
    world.wait_until_held(4).await;
    assert_eq!(waits(&world, fourth).await, three("rate", "messages_per_minute", "provider slow"));
    assert_eq!(why(&world, third).await[0].state, "attempted");
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    peer.wait_for_messages(3).await;
    world.wait_for_events(3).await;
    let done = why(&world, first).await.remove(0);
    assert_eq!((done.state, done.waits_for, &*done.recipient_domain), ("delivered", None, "b.example"));
}

#[tokio::test]
async fn pauses_and_times_are_told_with_their_ends() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["451 4.3.0 come back later"])).await;
    world.start().await;
    let deferred = world.send(mail(&["a@b.example"])).await;
    world.wait_for_events(1).await;
    world.wait_until_idle().await;
    let told = why(&world, deferred).await.remove(0);
    assert_eq!((told.attempts, told.next_attempt_at.is_some()), (1, true));
    assert!(told.words.contains("come back later") && told.words.contains("1 attempt"), "{}", told.words);
    assert_eq!(waits(&world, deferred).await, three("time", "retry schedule", ""));
    let later = world.send_later(mail(&["b@b.example"]), Duration::from_secs(3_600)).await;
    assert_eq!(waits(&world, later).await, three("time", "scheduled", ""));

    let until = world.clock.now() + Duration::from_secs(600);
    let of = PauseOf { account: Some(world.account), to: Some("b.example".into()), ..PauseOf::default() };
    world.store.pause(&of, "they asked for it".into(), Some(until)).await.expect("paused");
    let told = why(&world, deferred).await.remove(0).waits_for.expect("it waits");
    assert_eq!((told.kind, told.reason.as_deref()), ("pause", Some("they asked for it")));
    let pause = told.pause.expect("which");
    assert_eq!((pause.number, pause.until), (1, Some(until.to_jiff().to_string())));
    assert_eq!(pause.of, "mail to b.example, this account");
    assert!(told.freed_by.contains("queue resume --pause 1"), "{}", told.freed_by);
}

#[tokio::test]
async fn memory_that_is_full_is_told() {
    let mut world = World::new().await;
    world.config.limits.leased = 2;
    let peer = world.peer(Script::new().on(".", [Reaction::Held])).await;
    world.send(mail(&["a@b.example"])).await;
    world.start().await;
    peer.wait_for(|seen| seen.contents == 1).await;
    let second = world.send(mail(&["b@b.example"])).await;
    assert_eq!(waits(&world, second).await, three("memory", "memory", "the account"), "half is for others");
    world.be_another("theirs.example").await;
    world.send(mail(&["c@b.example"])).await;
    peer.wait_for(|seen| seen.contents == 2).await;
    let fourth = world.send(mail(&["d@b.example"])).await;
    assert_eq!(waits(&world, fourth).await, three("memory", "memory", "this server"));
    peer.rescript(|script| script.set(".", [Reaction::Proper]));
    peer.wait_for_messages(4).await;
}

#[tokio::test]
async fn however_many_recipients_and_attempts_there_were_each_is_told_how_it_ended() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on("RCPT", [Reaction::Say("450 4.2.0 later\r\n".into())])).await;
    world.start().await;
    let all: Vec<String> = (0..450).map(|number| format!("r{number}@b.example")).collect();
    let message = world.send(mail(&all.iter().map(String::as_str).collect::<Vec<_>>())).await;
    world.wait_for_events(all.len()).await;
    world.wait_until_idle().await;
    peer.rescript(|script| script.set("RCPT", []));
    world.later(Duration::from_secs(15 * 60));
    world.wait_for_events(2 * all.len()).await;
    let told = why(&world, message).await;
    assert_eq!(told.len(), all.len());
    assert!(told.iter().all(|recipient| recipient.state == "delivered"));
}

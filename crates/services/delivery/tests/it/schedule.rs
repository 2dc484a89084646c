//! Five days of deferrals in seconds, because the clock is moved by hand.

use std::time::Duration;

use waxseal_delivery::schedule::base_wait;
use waxseal_model::Clock;
use waxseal_testkit::smtp_peer::Script;

use crate::world::{Mail, World, mail};

#[tokio::test]
async fn attempts_follow_the_schedule_for_five_days_and_then_end() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().reply("RCPT", &["451 4.3.0 not today"])).await;
    world.start().await;
    let accepted = world.clock.now();
    world.send(mail(&["bob@b.example"])).await;
    let mut attempts = 0;
    let last = loop {
        attempts += 1;
        let event = world.wait_for_events(attempts).await.pop().expect("an event");
        assert_eq!(event.at, world.clock.now(), "attempts are made when they are due, not before");
        let status = event.status();
        assert_eq!(status.attempt_no as usize, attempts);
        let Some(retry) = status.retry_seconds else { break event };
        assert_eq!(event.short(), "temporary 451");
        let base = base_wait(u32::try_from(attempts).expect("small")).as_secs();
        let until_end = 5 * 86_400 - event.at.since(accepted).as_secs();
        assert!(
            (base - base / 10..=base + base / 10).contains(&retry) || retry == until_end,
            "wait {attempts} is {retry} s"
        );
        world.wait_until_asleep(event.at + Duration::from_secs(retry)).await;
        world.later(Duration::from_secs(retry));
    };
    assert_eq!(last.at.since(accepted), Duration::from_secs(5 * 86_400));
    assert_eq!(last.short(), "permanent 602");
    assert_eq!(last.details.reason.as_deref(), Some("old"));
    assert_eq!(last.status().description, "Too old");
    assert_eq!(last.status().last_code, Some(451));
    assert_eq!(last.status().last_message.as_deref(), Some(last.status().message.as_str()));
    assert!(last.status().message.contains("not today"), "the server's last words");
    assert_eq!(last.status().bounce_type.as_deref(), Some("soft"));
    assert!((18..26).contains(&attempts), "{attempts} attempts");
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 0);
    let transactions = peer.seen().commands.iter().filter(|line| line.starts_with("MAIL")).count();
    assert_eq!(transactions, attempts, "one transaction for each attempt");
}

#[tokio::test]
async fn deliver_within_shortens_the_time_to_the_second() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["451 4.3.0 not today"])).await;
    world.start().await;
    world.send(Mail { give_up_after: Duration::from_secs(300), ..mail(&["bob@b.example"]) }).await;
    let first = world.wait_for_events(1).await.remove(0);
    assert_eq!(first.status().retry_seconds, Some(300));
    world.wait_until_idle().await;
    world.later(Duration::from_secs(300));
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "permanent 602");
}

#[tokio::test]
async fn a_clock_that_jumps_gives_nothing_up() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new().reply("RCPT", &["451 4.3.0 not today"])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    world.wait_for_events(1).await;
    world.wait_until_idle().await;
    let right = world.clock.now();
    world.clock.jump_to(right + Duration::from_secs(10 * 365 * 86_400));
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "temporary 451", "ten years are no reason if they did not pass");
    world.wait_until_idle().await;
    assert_eq!(world.queue().await.waiting, 1);
    // An operator says that it is right as it is.
    world.store.note_clock(world.clock.now()).await.expect("confirmed");
    world.later(Duration::from_secs(3_600));
    assert_eq!(world.wait_for_events(3).await[2].short(), "permanent 602");
}

#[tokio::test]
async fn scheduled_messages_wait_for_their_time() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    world.send_later(mail(&["bob@b.example"]), Duration::from_secs(3_600)).await;
    world.send(mail(&["eve@b.example"])).await;
    peer.wait_for_messages(1).await;
    world.later(Duration::from_secs(3_599));
    world.wait_until_idle().await;
    assert_eq!(peer.acknowledged().len(), 1);
    world.later(Duration::from_secs(1));
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].recipient(), "bob@b.example");
    assert_eq!(events[1].status().first_delivery_attempt_seconds, Some(3_600.0));
}

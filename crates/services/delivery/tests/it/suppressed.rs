//! Recipients that are suppressed while their message waits get nothing.

use std::time::Duration;

use waxseal_model::{Clock as _, suppression::SuppressionKind};
use waxseal_store::suppression::{NewSuppression, SuppressionDetails};
use waxseal_testkit::smtp_peer::{Reaction, Script};

use crate::world::{Event, World, mail};

const HOUR: Duration = Duration::from_secs(3_600);

impl World {
    async fn suppress(&self, kind: SuppressionKind, address: &str, tags: &[&str]) {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        let entry = NewSuppression {
            account: self.account,
            domain: self.domain,
            kind,
            address: address.into(),
            details: SuppressionDetails { tags, ..SuppressionDetails::default() },
            created_at: self.clock.now(),
        };
        self.store.suppress(vec![entry]).await.expect("suppressed");
    }
}

fn told(event: &Event) -> (u16, &str, &str, Option<&str>) {
    let status = event.status();
    (status.code, &status.message, &status.description, event.details.reason.as_deref())
}

#[tokio::test]
async fn who_is_suppressed_before_a_scheduled_message_is_due_gets_nothing() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    for address in ["bounced@b.example", "left@b.example", "spam@b.example", "other@b.example"] {
        world.send_later(mail(&[address]), HOUR).await;
    }
    world.suppress(SuppressionKind::Bounce, "Bounced@b.example", &[]).await;
    world.suppress(SuppressionKind::Unsubscribe, "left@b.example", &[]).await;
    world.suppress(SuppressionKind::Complaint, "spam@b.example", &[]).await;
    // Whoever left a list that the message is not of still gets it.
    world.suppress(SuppressionKind::Unsubscribe, "other@b.example", &["some-tag"]).await;
    world.later(HOUR);
    let mut events = world.wait_for_events(4).await;
    events.sort_by_key(|event| event.recipient().to_owned());
    let short: Vec<_> = events.iter().map(Event::short).collect();
    assert_eq!(short, ["permanent 605", "permanent 606", "delivered 250", "permanent 607"]);
    let bounced = (605, "", "Not delivering to previously bounced address", Some("suppress-bounce"));
    assert_eq!(told(&events[0]), bounced);
    assert_eq!(events[0].status().bounce_type, None, "nothing bounced now");
    assert_eq!((events[0].status().attempt_no, events[0].status().session_seconds), (1, 0.0));
    let left = (606, "", "Not delivering to unsubscribed address", Some("suppress-unsubscribe"));
    assert_eq!(told(&events[1]), left);
    assert_eq!(events[3].details.reason.as_deref(), Some("suppress-complaint"));
    let seen: Vec<_> = peer.seen().messages.iter().flat_map(|message| message.recipients.clone()).collect();
    assert!(
        seen.len() == 1 && seen[0].contains("other@b.example"),
        "the others were not even asked for: {seen:?}"
    );
    world.wait_until_idle().await;
}

#[tokio::test]
async fn of_two_messages_to_a_dead_address_the_second_is_not_tried_after_the_first_bounced() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let no = Reaction::Say("550 5.1.1 no such user\r\n".into());
    let peer = world.peer(Script::new().recipient("gone@b.example", [no])).await;
    for _ in 0..2 {
        world.send(mail(&["gone@b.example"])).await;
    }
    world.start().await;
    let events = world.wait_for_events(2).await;
    let mut short: Vec<_> = events.iter().map(Event::short).collect();
    short.sort();
    assert_eq!(short, ["permanent 550", "permanent 605"]);
    let asked = peer.seen().commands.iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!(asked, 1);
    world.wait_until_idle().await;
}

#[tokio::test]
async fn a_deferred_message_ends_when_its_recipient_is_suppressed() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().reply("RCPT", &["451 4.2.0 later"])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    world.wait_for_events(1).await;
    world.wait_until_idle().await;
    world.suppress(SuppressionKind::Complaint, "bob@b.example", &[]).await;
    peer.rescript(|script| script.set("RCPT", [Reaction::Proper]));
    world.later(HOUR);
    let events = world.wait_for_events(2).await;
    assert_eq!((events[1].short(), events[1].status().attempt_no), ("permanent 607".into(), 2));
    assert!(peer.acknowledged().is_empty());
}

#[tokio::test]
async fn a_sandbox_captures_nothing_for_a_suppressed_recipient() {
    let mut world = World::new().await;
    world.start().await;
    world.send_later(crate::world::Mail { capture: true, ..mail(&["bob@b.example"]) }, HOUR).await;
    world.suppress(SuppressionKind::Complaint, "bob@b.example", &[]).await;
    world.later(HOUR);
    assert_eq!(world.wait_for_events(1).await[0].short(), "permanent 607");
    let inbox = world.store.inbox(world.account, None, None, None, 10).await;
    assert!(inbox.expect("the inbox").is_empty());
}

//! Sandbox domains: nothing leaves, and three recipients behave as they are called.

use std::time::Duration;

use waxseal_model::{Access, actor, event::EventKind, purpose, suppression::SuppressionKind};
use waxseal_testkit::smtp_peer::Script;

use crate::world::{CONTENT, Mail, World, mail};

#[tokio::test]
async fn captured_messages_are_kept_in_the_inbox() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    let id = world.send(Mail { capture: true, ..mail(&["bob@b.example"]) }).await;
    let events = world.wait_for_events(1).await;
    assert_eq!(events[0].short(), "delivered 250");
    assert_eq!(events[0].status().description, "Captured in the inbox of the sandbox domain");
    let inbox = world.store.inbox(world.account, None, Some("bob@b.example"), None, 10).await.expect("inbox");
    assert_eq!((inbox.len(), inbox[0].message), (1, id));
    assert_eq!(inbox[0].expires_at.since(inbox[0].captured_at), Duration::from_secs(3 * 86_400));
    let body = world.store.body(world.account, id).await.expect("store").expect("kept");
    let worker = Access::new(actor::System, purpose::Delivery);
    assert_eq!(body.open(&worker), CONTENT.as_bytes());
    assert_eq!(peer.seen().connections, 0);
}

#[tokio::test]
async fn special_recipients_behave_as_they_are_called() {
    let mut world = World::new().await;
    world.start().await;
    let to = ["defer@ours.example", "bounce@ours.example", "complain@ours.example"];
    world.send(Mail { capture: true, ..mail(&to) }).await;
    let mut told: Vec<_> = world
        .wait_for_events(4)
        .await
        .iter()
        .map(|event| {
            let severity = event.severity.map_or("", waxseal_model::event::Severity::as_str);
            (event.recipient().to_owned(), event.kind, severity)
        })
        .collect();
    told.sort_by_key(|(recipient, kind, _)| (recipient.clone(), kind.as_str()));
    assert_eq!(
        told,
        [
            ("bounce@ours.example".into(), EventKind::Failed, "permanent"),
            ("complain@ours.example".into(), EventKind::Complained, ""),
            ("complain@ours.example".into(), EventKind::Delivered, ""),
            ("defer@ours.example".into(), EventKind::Failed, "temporary"),
        ]
    );
    let addresses = to.map(String::from);
    let lists = world.store.suppressions_of(world.account, world.domain, &addresses).await.expect("lists");
    let mut lists: Vec<_> = lists.iter().map(|(index, entry)| (*index, entry.kind)).collect();
    lists.sort_by_key(|(index, _)| *index);
    assert_eq!(lists, [(1, SuppressionKind::Bounce), (2, SuppressionKind::Complaint)]);
    world.wait_until_idle().await;
    world.later(Duration::from_secs(700));
    let events = world.wait_for_events(5).await;
    assert_eq!((events[4].recipient(), events[4].status().attempt_no), ("defer@ours.example", 2));
}

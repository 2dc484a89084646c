//! What is accepted comes to delivery without waiting in the queue.

use waxseal_testkit::smtp_peer::Script;

use crate::world::{World, mail};

#[tokio::test]
async fn what_comes_while_the_queue_is_looked_at_is_handed_over_all_the_same() {
    let mut world = World::new().await;
    let _peer = world.peer(Script::new()).await;
    let names: Vec<String> = (0..100).map(|number| format!("d{number}.example")).collect();
    for name in &names {
        world.zone.mx(name, 10, "mx.b.example");
    }
    world.start().await;
    world.send(mail(&["ann@b.example"])).await;
    world.wait_for_events(1).await;
    let waited = world.store.queue_changes();
    for _ in 0..3 {
        for name in &names {
            // Each domain that is new has the queue looked at.
            world.send(mail(&[&format!("ann@{name}")])).await;
        }
    }
    let events = world.wait_for_events(301).await;
    for event in events {
        assert_eq!(event.short(), "delivered 250", "{}: {}", event.recipient(), event.status().description);
    }
    assert!(!waited.has_changed().expect("the store is there"), "nothing was left to wait");
}

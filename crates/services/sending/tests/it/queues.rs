//! The queues of a domain.

use waxseal_model::event::{EventKind, Severity};
use waxseal_sending::request::{Parts, SendRequest};
use waxseal_store::domain::DomainState;

use crate::world::{World, letter, pairs, strings};

#[tokio::test]
async fn a_cleared_queue_is_empty_and_every_recipient_is_told_of_once() {
    let world = World::new().await;
    let to = strings(&["bob@example.net, carl@example.net"]);
    world.send(world.request(Parts { to, ..letter() })).await.expect("sent");
    let mut later = world.request(letter());
    later.options = pairs(&[("deliverytime", "Wed, 11 Feb 2026 12:34:56 GMT")]);
    world.send(later).await.expect("sent");
    let other = world.domains.create(world.caller.account, "other.example.org").await.expect("domain").domain;
    world.send(SendRequest { domain: other, ..world.request(letter()) }).await.expect("sent");

    assert_eq!(world.sending.clear_queue(&world.domain).await.expect("cleared"), 3);
    assert_eq!(world.queued().await.len(), 1, "the other domain's mail stays");
    let failed: Vec<_> =
        world.events().await.into_iter().filter(|event| event.kind == EventKind::Failed).collect();
    assert_eq!(failed.len(), 3);
    for event in &failed {
        assert_eq!(event.severity, Some(Severity::Permanent));
        assert_eq!(event.details.message.subject, "Hello");
        let status = event.details.delivery_status.as_ref().expect("status");
        assert_eq!(status.description, "Dropped: the sending queue of the domain was cleared");
    }
    assert_eq!(world.sending.clear_queue(&world.domain).await.expect("cleared"), 0);
}

#[tokio::test]
async fn the_queues_of_a_disabled_domain_say_so() {
    let mut world = World::new().await;
    assert_eq!(world.sending.queues(&world.domain).regular.disabled_because, None);
    world.set_state(DomainState::Disabled).await;
    let queues = world.sending.queues(&world.domain);
    assert_eq!(queues.regular.disabled_because.as_deref(), Some("the domain is disabled"));
    assert_eq!(queues.scheduled, queues.regular);
}

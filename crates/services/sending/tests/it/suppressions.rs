//! Recipients that a domain no longer writes to.

use waxseal_model::{
    event::{EventKind, Severity},
    suppression::SuppressionKind,
};
use waxseal_sending::request::Parts;
use waxseal_store::suppression::{NewSuppression, SuppressionDetails};

use crate::world::{NOW, World, letter, pairs, strings};

async fn suppress(world: &World, kind: SuppressionKind, address: &str, tags: &[&str]) {
    let entry = NewSuppression {
        account: world.domain.account,
        domain: world.domain.id,
        kind,
        address: address.into(),
        details: SuppressionDetails { tags: strings(tags), ..SuppressionDetails::default() },
        created_at: NOW,
    };
    world.store.suppress(vec![entry]).await.expect("suppressed");
}

#[tokio::test]
async fn suppressed_recipients_are_accepted_and_fail_with_their_codes() {
    let world = World::new().await;
    suppress(&world, SuppressionKind::Bounce, "bounced@example.net", &[]).await;
    suppress(&world, SuppressionKind::Unsubscribe, "gone@example.net", &["*"]).await;
    suppress(&world, SuppressionKind::Complaint, "angry@example.net", &[]).await;
    suppress(&world, SuppressionKind::Bounce, "allowed@example.net", &[]).await;
    suppress(&world, SuppressionKind::Allow, "allowed@example.net", &[]).await;
    let to = strings(&[
        "Bounced@Example.net, gone@example.net, angry@example.net, allowed@example.net, bob@example.net",
    ]);
    world.send(world.request(Parts { to, ..letter() })).await.expect("sent");
    let queued = world.queued().await;
    let recipients: Vec<_> = queued.iter().map(|queued| queued.recipient.as_str()).collect();
    assert_eq!(recipients, ["allowed@example.net", "bob@example.net"]);

    let events = world.events().await;
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::Accepted).count(), 5);
    let mut failed: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Failed)
        .map(|event| {
            assert_eq!(event.severity, Some(Severity::Permanent));
            let status = event.details.delivery_status.as_ref().expect("status");
            assert_eq!((status.message.as_str(), status.attempt_no), ("", 1));
            let reason = event.details.reason.clone().expect("reason");
            (
                status.code,
                reason,
                status.description.clone(),
                event.details.recipient.clone().expect("recipient"),
            )
        })
        .collect();
    failed.sort();
    let expected = [
        (605, "suppress-bounce", "Not delivering to previously bounced address", "Bounced@example.net"),
        (606, "suppress-unsubscribe", "Not delivering to unsubscribed address", "gone@example.net"),
        (
            607,
            "suppress-complaint",
            "Not delivering to a user who marked your messages as spam",
            "angry@example.net",
        ),
    ];
    assert_eq!(
        failed,
        expected.map(|(code, reason, text, to)| (code, reason.into(), text.into(), to.into()))
    );
}

#[tokio::test]
async fn an_unsubscription_from_a_tag_stops_that_tag_alone() {
    let world = World::new().await;
    suppress(&world, SuppressionKind::Unsubscribe, "bob@example.net", &["News"]).await;
    world.send(world.request(letter())).await.expect("sent");
    assert_eq!(world.queued().await.len(), 1);
    let mut request = world.request(letter());
    request.options = pairs(&[("tag", "news")]);
    world.send(request).await.expect("sent");
    assert_eq!(world.queued().await.len(), 1);
    let failed = world.events().await.into_iter().filter(|event| event.kind == EventKind::Failed).count();
    assert_eq!(failed, 1);
}

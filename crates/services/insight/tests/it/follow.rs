//! The live tail.

use waxseal_insight::follow::Follow;
use waxseal_model::event::EventKind;

use crate::world::{ACCESS, World};

async fn next(follow: &mut Follow) -> String {
    follow.next().await.expect("an event").details.open(&ACCESS).message.subject.clone()
}

#[tokio::test]
async fn events_arrive_in_the_order_of_the_log_also_those_that_come_later() {
    let world = World::new().await;
    world.tell(EventKind::Accepted, "a@b.example", "s1").await;
    world.tell(EventKind::Delivered, "a@b.example", "s2").await;
    let mut follow = world.insight.follow(0, None);
    assert_eq!(next(&mut follow).await, "s1");
    assert_eq!(next(&mut follow).await, "s2");
    let (later, ()) = tokio::join!(next(&mut follow), world.tell(EventKind::Failed, "a@b.example", "s3"));
    assert_eq!(later, "s3");
}

#[tokio::test]
async fn a_tail_from_now_on_shows_only_one_account() {
    let world = World::new().await;
    let (account, domain) = world.other_account().await;
    world.tell(EventKind::Accepted, "a@b.example", "old").await;
    let end = world.insight.end_of_log().await.expect("the end");
    let mut follow = world.insight.follow(end, Some(world.account));
    world.tell_of(account, domain, EventKind::Accepted, "a@b.example", "theirs").await;
    world.tell(EventKind::Accepted, "a@b.example", "mine").await;
    assert_eq!(next(&mut follow).await, "mine");
    assert!(follow.cursor() > end);
}

//! Content on its way out: every opening is counted, and operators get none.

use waxseal_model::{Access, Actor, MessageId, Purpose};
use waxseal_store::content::{Content, Opening};

use crate::world::{Sender, World};

const CUSTOMER: Access = Access::new(Actor::Customer, Purpose::CustomerAccess);
const WORKER: Access = Access::new(Actor::System, Purpose::Delivery);

async fn stored(world: &World) -> (Sender, MessageId) {
    let sender = world.sender().await;
    let new = world.message(&["bob@one.example"]);
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    (sender, id)
}

async fn content(world: &World, sender: Sender, id: MessageId) -> Content {
    world.store.body(sender.account, id).await.expect("read").expect("there")
}

pub(crate) async fn each_opening_is_counted_for_whom_and_why(world: World) {
    let (one, first) = stored(&world).await;
    let (other, second) = stored(&world).await;
    // Who only carries it does not open it.
    drop(content(&world, one, first).await);
    assert_eq!(world.store.take_openings(), []);

    for _ in 0..2 {
        assert!(!content(&world, one, first).await.into_open(&WORKER).is_empty());
    }
    assert!(!content(&world, one, first).await.open(&CUSTOMER).is_empty());
    assert!(!content(&world, other, second).await.open(&WORKER).is_empty());
    let opening = |sender: Sender, access: Access| Opening {
        actor: access.actor(),
        purpose: access.purpose(),
        account: sender.account,
    };
    let mut counted = world.store.take_openings();
    counted.sort_by_key(|(opening, count)| (opening.account, *count));
    let mut expected = [(opening(one, CUSTOMER), 1), (opening(one, WORKER), 2), (opening(other, WORKER), 1)];
    expected.sort_by_key(|(opening, count)| (opening.account, *count));
    assert_eq!(counted, expected);
    assert_eq!(world.store.take_openings(), [], "each is taken once");
}

pub(crate) async fn an_operator_gets_no_content(world: World) {
    let (sender, id) = stored(&world).await;
    for purpose in [Purpose::Operation, Purpose::Delivery, Purpose::CustomerAccess] {
        let operator = Access::new(Actor::Operator, purpose);
        assert!(content(&world, sender, id).await.open(&operator).is_empty());
        assert!(content(&world, sender, id).await.into_open(&operator).is_empty());
    }
    assert_eq!(world.store.take_openings(), []);
}

//! Content on its way out: every opening is counted.

use waxseal_model::{Access, Actor, MessageId, Purpose, actor, purpose};
use waxseal_store::content::{Content, Opening};

use crate::world::{Sender, World};

const CUSTOMER: Access<purpose::CustomerAccess> = Access::new(actor::Customer, purpose::CustomerAccess);
const WORKER: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

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
    let by_customer = |sender: Sender| Opening {
        actor: Actor::Customer,
        purpose: Purpose::CustomerAccess,
        account: sender.account,
    };
    let by_worker = |sender: Sender| Opening {
        actor: Actor::System,
        purpose: Purpose::Delivery,
        account: sender.account,
    };
    let mut counted = world.store.take_openings();
    counted.sort_by_key(|(opening, count)| (opening.account, *count));
    let mut expected = [(by_customer(one), 1), (by_worker(one), 2), (by_worker(other), 1)];
    expected.sort_by_key(|(opening, count)| (opening.account, *count));
    assert_eq!(counted, expected);
    assert_eq!(world.store.take_openings(), [], "each is taken once");
}

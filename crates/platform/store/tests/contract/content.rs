//! Content on its way out: every opening is counted.

use std::sync::Mutex;

use waxseal_model::{Access, Actor, MessageId, Purpose, actor, purpose};
use waxseal_store::content::{Content, Opening, Witness};

use crate::world::{Sender, WORKER, World};

const CUSTOMER: Access<purpose::CustomerAccess> = Access::new(actor::Customer, purpose::CustomerAccess);

/// Remembers what was opened, or refuses to.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) openings: Mutex<Vec<(Opening, u64)>>,
    refuses: bool,
}

impl Witness for Seen {
    type Error = ();

    async fn opened(&self, opening: Opening, count: u64) -> Result<(), ()> {
        if self.refuses {
            return Err(());
        }
        self.openings.lock().expect("a list").push((opening, count));
        Ok(())
    }
}

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
    // Whoever does not deliver has it only once it is on record.
    let seen = Seen::default();
    let mime = content(&world, one, first).await.into_open_before(&seen, &CUSTOMER).await;
    assert!(mime.is_ok_and(|mime| !mime.is_empty()));
    let refusing = Seen { refuses: true, ..Seen::default() };
    assert!(content(&world, one, first).await.into_open_before(&refusing, &CUSTOMER).await.is_err());
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
    assert_eq!(*seen.openings.lock().expect("a list"), [(by_customer(one), 1)]);
    let mut expected = [(by_worker(one), 2), (by_worker(other), 1)];
    expected.sort_by_key(|(opening, count)| (opening.account, *count));
    assert_eq!(counted, expected);
    assert_eq!(world.store.take_openings(), [], "each is taken once");
}

pub(crate) async fn what_was_opened_for_an_outcome_is_known_after_a_kill(mut world: World) {
    let (sender, id) = stored(&world).await;
    assert!(!content(&world, sender, id).await.into_open(&WORKER).is_empty());
    let leased = world.lease(1).await;
    let outcome = world.delivered(&leased[0]);
    world.store.settle(vec![outcome]).await.expect("settled");
    assert_eq!(world.store.openings_left_behind().await.expect("read"), 0, "this process knows its own");
    // It ends with what it counted on no record.
    world.reopen().await;
    assert_eq!(world.store.openings_left_behind().await.expect("read"), 1);
    world.store.forget_openings_left_behind().await.expect("forgotten");
    assert_eq!(world.store.openings_left_behind().await.expect("read"), 0);

    // With everything on record, nothing is left behind.
    let (sender, id) = stored(&world).await;
    assert!(!content(&world, sender, id).await.into_open(&WORKER).is_empty());
    let leased = world.lease(1).await;
    let outcome = world.delivered(&leased[0]);
    world.store.settle(vec![outcome]).await.expect("settled");
    let taken = world.store.take_openings();
    world.store.openings_are_recorded(taken.iter().map(|(_, count)| count).sum()).await.expect("noted");
    world.reopen().await;
    assert_eq!(world.store.openings_left_behind().await.expect("read"), 0);
}

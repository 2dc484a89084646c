//! Addresses, pools, who leaves by which, and what was counted of them.

use std::net::IpAddr;

use waxseal_model::{Timestamp, time::Day};
use waxseal_store::sources::{Assignment, Counted, Member, Overflow, Pool, Source, WarmUp};

use crate::{
    erasing::erase,
    relays::{of_account, of_domain},
    world::World,
};

const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const SIX: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

fn source(address: IpAddr) -> Source {
    let plan = WarmUp { start: 20_000, daily: vec![50, 100], providers: [("google".into(), vec![7])].into() };
    let created_at = Timestamp::from_secs(0);
    Source { address, hello: Some("one.example".into()), paused: true, warm_up: Some(plan), created_at }
}

fn pool(overflow: Overflow) -> Pool {
    let members = [(ONE, 3), (SIX, 1)].map(|(address, weight)| Member { address, weight }).to_vec();
    Pool { name: "one".into(), members, overflow, created_at: Timestamp::from_secs(0) }
}

pub(crate) async fn addresses_and_pools_are_set_replaced_and_removed(mut world: World) {
    let before = world.store.source_changes();
    world.store.set_source(source(ONE)).await.expect("set");
    assert_ne!(world.store.source_changes(), before, "whoever remembers them is told");
    world.store.set_source(source(SIX)).await.expect("set");
    world.store.set_source(Source { hello: None, warm_up: None, ..source(SIX) }).await.expect("set");
    world.store.set_pool(pool(Overflow::Wait)).await.expect("set");
    world.store.set_pool(pool(Overflow::Pool("other".into()))).await.expect("set");
    world.reopen().await;
    let mut kept = world.store.sources().await.expect("read");
    kept.sources.iter_mut().for_each(|source| source.created_at = Timestamp::from_secs(0));
    kept.pools.iter_mut().for_each(|pool| pool.created_at = Timestamp::from_secs(0));
    let second = Source { hello: None, warm_up: None, ..source(SIX) };
    assert_eq!(kept.sources.len(), 2);
    assert!(kept.sources.contains(&source(ONE)) && kept.sources.contains(&second));
    assert_eq!(kept.pools, [pool(Overflow::Pool("other".into()))]);
    assert!(world.store.remove_source(ONE).await.expect("removed"));
    assert!(!world.store.remove_source(ONE).await.expect("asked"));
    assert!(world.store.remove_pool("one".into()).await.expect("removed"));
    let left = world.store.sources().await.expect("read");
    assert_eq!((left.sources.len(), left.pools.len()), (1, 0));
}

pub(crate) async fn whose_mail_leaves_by_a_pool_is_forgotten_with_their_account(mut world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    for owner in [of_account(sender), of_domain(sender), of_domain(other)] {
        world.store.assign_pool(owner, Some("first".into())).await.expect("assigned");
        world.store.assign_pool(owner, Some("second".into())).await.expect("assigned");
    }
    world.store.assign_pool(of_account(sender), None).await.expect("taken back");
    let assigned = |owner| Assignment { owner, pool: "second".into() };
    let kept = world.store.sources().await.expect("read").assignments;
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&assigned(of_domain(sender))) && kept.contains(&assigned(of_domain(other))));
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    world.reopen().await;
    assert_eq!(world.store.sources().await.expect("read").assignments, [assigned(of_domain(other))]);
}

pub(crate) async fn one_count_is_kept_of_an_address_and_a_provider(mut world: World) {
    let counted = |address, provider: &str, day, count| Counted {
        address,
        provider: provider.into(),
        day: Day(day),
        count,
    };
    let counts = [(ONE, "google", 1, 5), (ONE, "google", 1, 9), (ONE, "others", 1, 2), (SIX, "google", 1, 3)];
    for (address, provider, day, count) in counts {
        world.store.note_sent_count(counted(address, provider, day, count)).await.expect("noted");
    }
    world.store.note_sent_count(counted(SIX, "google", 2, 1)).await.expect("noted");
    world.reopen().await;
    let mut kept = world.store.sent_counts().await.expect("read");
    kept.sort_by_key(|counted| (counted.address, counted.provider.clone()));
    let wanted = [counted(ONE, "google", 1, 9), counted(ONE, "others", 1, 2), counted(SIX, "google", 2, 1)];
    assert_eq!(kept, wanted);
    world.store.set_source(source(ONE)).await.expect("set");
    world.store.remove_source(ONE).await.expect("removed");
    assert_eq!(world.store.sent_counts().await.expect("read"), [counted(SIX, "google", 2, 1)]);
}

//! Relays of accounts and domains: kept, shown without their password, and gone when they are to be.

use waxseal_model::{Access, actor, purpose};
use waxseal_store::{
    StoreError,
    relay::{NewRelay, Relay, RelayLogin, RelayOwner, RelayWay},
};

use crate::{
    erasing::erase,
    unreadable::tamper,
    world::{Sender, World},
};

const SHOWN: Access<purpose::CustomerAccess> = Access::new(actor::System, purpose::CustomerAccess);
const DELIVERY: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);

pub(crate) fn server(host: &str, user: &str, password: &str) -> NewRelay {
    let login = Some(RelayLogin { user: user.into(), password: password.into() });
    NewRelay::Server { url: format!("smtps://{host}:465"), login, share: 25 }
}

pub(crate) const fn of_account(sender: Sender) -> RelayOwner {
    RelayOwner { account: sender.account, domain: None }
}

pub(crate) const fn of_domain(sender: Sender) -> RelayOwner {
    RelayOwner { account: sender.account, domain: Some(sender.domain) }
}

fn shown(relay: &Relay) -> (Option<&str>, Option<&str>, u8) {
    let url = relay.url.as_ref().map(|url| url.open(&SHOWN).as_str());
    (url, relay.login.as_ref().map(|login| login.open(&SHOWN).as_str()), relay.share)
}

/// Whose it is, with host, password and share, as delivery reads it.
pub(crate) async fn rules(world: &World) -> Vec<(RelayOwner, String)> {
    let rules = world.store.relay_rules().await.expect("read").into_iter().map(|rule| {
        let way = match rule.way {
            RelayWay::Direct => "direct".into(),
            RelayWay::Unreadable => "unreadable".into(),
            RelayWay::Server { url, login, share } => {
                let login = login.map(|login| login.into_open(&DELIVERY));
                let login = login.map_or("-".into(), |login| format!("{}:{}", login.user, login.password));
                format!("{} {login} {share}", url.open(&DELIVERY))
            }
        };
        (rule.owner, way)
    });
    let mut rules: Vec<_> = rules.collect();
    rules.sort_by_key(|(owner, way)| (owner.domain, way.clone()));
    rules
}

pub(crate) async fn a_relay_is_set_replaced_and_removed(mut world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    assert!(world.store.relay(of_account(sender)).await.expect("read").is_none());
    let before = world.store.relay_changes();
    world.store.set_relay(of_account(sender), server("one.example", "me", "p")).await.expect("set");
    assert_ne!(world.store.relay_changes(), before, "whoever remembers relays is told");
    world.store.set_relay(of_domain(sender), NewRelay::Direct).await.expect("set");
    world.reopen().await;
    let relays = world.store.relays(sender.account).await.expect("read");
    let mut all: Vec<_> = relays.iter().map(shown).collect();
    all.sort_unstable();
    assert_eq!(all, [(None, None, 0), (Some("smtps://one.example:465"), Some("me"), 25)]);
    assert!(world.store.relays(other.account).await.expect("read").is_empty());

    assert!(world.store.set_relay_share(of_account(sender), 50).await.expect("set"));
    assert!(!world.store.set_relay_share(of_domain(sender), 50).await.expect("asked"), "it has no share");
    assert!(!world.store.set_relay_share(of_account(other), 50).await.expect("asked"));
    let found = world.store.relay(of_account(sender)).await.expect("read").expect("there");
    assert_eq!(shown(&found), (Some("smtps://one.example:465"), Some("me"), 50));

    let elsewhere = NewRelay::Server { url: "smtp://two.example:25".into(), login: None, share: 100 };
    world.store.set_relay(of_account(sender), elsewhere).await.expect("set");
    let ways: Vec<_> = rules(&world).await.into_iter().map(|(_, way)| way).collect();
    assert_eq!(ways, ["smtp://two.example:25 - 100", "direct"], "a login goes to no other server");

    let stranger = RelayOwner { account: other.account, domain: Some(sender.domain) };
    assert!(!world.store.remove_relay(stranger).await.expect("asked"));
    let before = world.store.relay_changes();
    assert!(world.store.remove_relay(of_account(sender)).await.expect("removed"));
    assert_ne!(world.store.relay_changes(), before);
    assert!(!world.store.remove_relay(of_account(sender)).await.expect("asked"));
    assert_eq!(rules(&world).await, [(of_domain(sender), "direct".into())]);
}

pub(crate) async fn a_relay_goes_to_delivery_with_its_password_and_to_nobody_else(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    world.store.set_relay(of_domain(sender), server("one.example", "me", "p:\u{e4}")).await.expect("set");
    world.store.set_relay(of_account(other), server("one.example", "you", "q")).await.expect("set");
    let expected = [
        (of_account(other), "smtps://one.example:465 you:q 25".to_owned()),
        (of_domain(sender), "smtps://one.example:465 me:p:\u{e4} 25".to_owned()),
    ];
    assert_eq!(rules(&world).await, expected);
}

pub(crate) async fn a_relay_is_gone_with_its_account(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    for owner in [of_account(sender), of_domain(sender), of_account(other)] {
        world.store.set_relay(owner, server("one.example", "me", "p")).await.expect("set");
    }
    let before = world.store.relay_changes();
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    assert_ne!(world.store.relay_changes(), before);
    let ways: Vec<_> = rules(&world).await.into_iter().map(|(_, way)| way).collect();
    let others = "smtps://one.example:465 me:p 25";
    assert_eq!(ways, [others, "unreadable", "unreadable"], "no password of a closed account is in memory");
    erase(&world, &asked).await;
    assert_eq!(rules(&world).await, [(of_account(other), others.into())]);
    assert!(world.store.relay(of_account(sender)).await.expect("read").is_none());
    let again = world.store.set_relay(of_account(sender), NewRelay::Direct).await;
    assert!(matches!(again, Err(StoreError::Erased)));
}

pub(crate) async fn a_relay_that_cannot_be_read_is_no_way_and_keeps_nobody_from_theirs(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    world.store.set_relay(of_domain(sender), server("one.example", "me", "p")).await.expect("set");
    world.store.set_relay(of_account(other), server("two.example", "me", "p")).await.expect("set");
    // The value of another column: it was sealed for that place.
    tamper(&world, "UPDATE relays SET credentials = login WHERE domain IS NOT NULL").await;
    let expected = [
        (of_account(other), "smtps://two.example:465 me:p 25".to_owned()),
        (of_domain(sender), "unreadable".to_owned()),
    ];
    assert_eq!(rules(&world).await, expected);
}

//! Grants: sight of content for operators ends on time, and every use of it is counted.

use std::time::Duration;

use waxseal_model::{AccountId, Actor, Clock as _, Purpose};
use waxseal_store::{
    content::Opening,
    grant::{Grant, GrantState, NewGrant},
};

use crate::world::{ACCESS, World};

const HOUR: Duration = Duration::from_secs(3_600);

async fn grant(world: &World, account: AccountId, second_operator: bool) -> Grant {
    let expires_at = world.clock.now() + HOUR;
    let reason = "Ticket 7: bob@one.example is missing mail".to_owned();
    let new = NewGrant { account, reason, expires_at, second_operator, needs_consent: false };
    world.store.add_grant(new).await.expect("granted")
}

pub(crate) async fn a_grant_that_needs_consent_opens_nothing_before_it_is_given(world: World) {
    let (account, other) = (world.sender().await.account, world.sender().await.account);
    let (expires_at, reason) = (world.clock.now() + HOUR, "Ticket 7: mail is missing".to_owned());
    let new = NewGrant { account, reason, expires_at, second_operator: false, needs_consent: true };
    let made = world.store.add_grant(new).await.expect("granted");
    let number = made.number;
    assert_eq!(state(&world, number).await, GrantState::Unconsented);
    assert!(world.store.use_grant(number).await.expect("asked").is_none());
    assert!(world.store.grant_of_account(other, made.id).await.expect("read").is_none(), "another's");
    let own = world.store.grant_of_account(account, made.id).await.expect("read").expect("there");
    assert!(own.needs_consent && own.consented_at.is_none());
    assert!(world.store.consent_to_grant(number).await.expect("noted"));
    assert!(!world.store.consent_to_grant(number).await.expect("asked"), "once");
    assert!(world.store.use_grant(number).await.expect("used").is_some());
    let plain = grant(&world, account, false).await.number;
    assert!(!world.store.consent_to_grant(plain).await.expect("asked"), "nobody was to be asked");
    world.clock.advance(HOUR);
    assert!(world.store.use_grant(number).await.expect("asked").is_none(), "consent does not make it longer");
}

async fn state(world: &World, number: u64) -> GrantState {
    let grant = world.store.grant(number).await.expect("read").expect("there");
    grant.state(world.clock.now())
}

pub(crate) async fn a_grant_opens_its_own_account_alone_and_each_use_is_counted(world: World) {
    let (one, other) = (world.sender().await, world.sender().await);
    let mut ids = Vec::new();
    for sender in [one, other] {
        let new = world.message(&["bob@one.example"]);
        ids.push(new.id);
        world.store.accept(world.accept(sender, new)).await.expect("accepted");
    }
    let seen = crate::content::Seen::default();
    let made = grant(&world, one.account, false).await;
    let reason = made.reason.as_ref().map(|reason| reason.open(&ACCESS).as_str());
    assert_eq!(reason, Some("Ticket 7: bob@one.example is missing mail"));
    let sight = world.store.use_grant(made.number).await.expect("used").expect("open");
    let body = world.store.body(one.account, ids[0]).await.expect("read").expect("there");
    assert!(!body.into_open_under(&seen, sight).await.expect("recorded").expect("its own").is_empty());
    let sight = world.store.use_grant(made.number).await.expect("used").expect("open");
    let body = world.store.body(other.account, ids[1]).await.expect("read").expect("there");
    assert_eq!(body.into_open_under(&seen, sight).await, Ok(None), "another's");
    let opening = Opening { actor: Actor::Operator, purpose: Purpose::Support, account: one.account };
    assert_eq!(*seen.openings.lock().expect("a list"), [(opening, 1)]);
    let grants = world.store.grants(Some(one.account), None, 10).await.expect("read");
    assert_eq!((grants.len(), grants[0].openings), (1, 2));
    assert!(world.store.grants(Some(other.account), None, 10).await.expect("read").is_empty());
    // Where the purpose is another one of operators, the database hands out nothing.
    assert!(world.store.body_for(Purpose::Support, one.account, ids[0]).await.expect("read").is_some());
    assert!(world.store.body_for(Purpose::Operation, one.account, ids[0]).await.is_err());
}

pub(crate) async fn a_grant_ends_with_its_hour_or_when_it_is_closed(world: World) {
    let account = world.sender().await.account;
    let (first, second) = (grant(&world, account, false).await, grant(&world, account, false).await);
    assert_eq!(state(&world, first.number).await, GrantState::Open);
    assert!(world.store.close_grant(first.number).await.expect("closed"));
    assert!(!world.store.close_grant(first.number).await.expect("asked"), "once");
    assert_eq!(state(&world, first.number).await, GrantState::Closed);
    assert!(world.store.use_grant(first.number).await.expect("asked").is_none());

    world.clock.advance(HOUR - Duration::from_micros(1));
    assert!(world.store.use_grant(second.number).await.expect("used").is_some(), "its last moment");
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(state(&world, second.number).await, GrantState::Expired);
    assert!(world.store.use_grant(second.number).await.expect("asked").is_none());
    assert!(!world.store.close_grant(second.number).await.expect("asked"));
    assert!(world.store.use_grant(second.number + 9).await.expect("asked").is_none(), "there is none");
}

pub(crate) async fn a_grant_for_two_opens_nothing_until_it_is_confirmed(world: World) {
    let account = world.sender().await.account;
    let made = grant(&world, account, true).await;
    assert_eq!(state(&world, made.number).await, GrantState::Waiting);
    assert!(world.store.use_grant(made.number).await.expect("asked").is_none());
    assert!(world.store.confirm_grant(made.number).await.expect("confirmed"));
    assert!(!world.store.confirm_grant(made.number).await.expect("asked"), "once");
    assert!(world.store.use_grant(made.number).await.expect("used").is_some());
    let late = grant(&world, account, true).await;
    world.clock.advance(HOUR);
    assert!(!world.store.confirm_grant(late.number).await.expect("asked"), "too late");
}

pub(crate) async fn owners_are_owed_a_notice_until_it_was_sent(world: World) {
    let account = world.sender().await.account;
    let start = world.clock.now();
    let (first, second) = (grant(&world, account, false).await, grant(&world, account, false).await);
    let owed = async || {
        let grants = world.store.unnoticed_grants(start, 10).await.expect("read");
        grants.iter().map(|grant| grant.number).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, [first.number, second.number]);
    assert!(world.store.grant_noticed(first.number).await.expect("noted"));
    assert!(!world.store.grant_noticed(first.number).await.expect("asked"), "once");
    assert_eq!(owed().await, [second.number]);
    world.clock.advance(HOUR / 60);
    let (older, newer) = (second, grant(&world, account, false).await);
    let page = world.store.grants(None, Some(newer.id), 1).await.expect("read");
    assert_eq!(page.iter().map(|grant| grant.number).collect::<Vec<_>>(), [older.number]);
}

//! Break-glass: what an operator can see of a customer's content, until when, and what its owner learns of it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Method, header},
};
use waxseal_model::{Clock as _, MessageId};
use waxseal_privacy::{
    access::{AccessConfig, AccessError, BreakGlass, secret_hash},
    audit::{Operator, Query},
};
use waxseal_store::grant::NewGrant;

use crate::world::{World, basic};

const HOUR: Duration = Duration::from_secs(3_600);
const REASON: &str = "Ticket 7: mail to bob@example.net looks broken";
const LIST: &str = "/v1/privacy/access";

fn operator(name: &str) -> Operator {
    Operator::Named(name.parse().expect("a name"))
}

/// Who opens grants here.
fn ada() -> Operator {
    operator("ada")
}

fn break_glass(world: &World, second_operator: Option<&str>) -> BreakGlass {
    let config = AccessConfig {
        longest: 4 * HOUR,
        second_operator: second_operator.map(secret_hash),
        needs_consent: false,
    };
    let (store, audit) = (world.store.clone(), world.services.audit.clone());
    BreakGlass::new(store, Arc::clone(&world.clock) as _, audit, config)
}

/// Sends a message; its id.
async fn sent(world: &World) -> MessageId {
    let fields = [("from", "me@mg.example.org"), ("to", "bob@example.net"), ("text", "SECRET PLANS")];
    let answer = world.post("/v3/mg.example.org/messages", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.store.messages_with_body(world.mine.account, None, 1).await.expect("read")[0].id
}

/// What the trail says about the account, in order.
async fn told(world: &World) -> Vec<String> {
    let query = Query { account: Some(world.mine.account), ..Query::default() };
    let entries = world.services.audit.entries(query).await.expect("the trail");
    entries.into_iter().map(|entry| entry.what).collect()
}

#[tokio::test]
async fn an_operator_sees_content_for_an_hour_and_its_owner_sees_that_and_why() {
    let world = World::new().await;
    let id = sent(&world).await;
    let access = break_glass(&world, None);
    assert_eq!(world.get(LIST).await.json()["items"].as_array().map(Vec::len), Some(0));
    let grant = access.open(ada(), world.mine.account, REASON, HOUR).await.expect("granted").number;
    assert_eq!(access.messages(ada(), grant, None, 10).await.expect("listed").len(), 1);
    let seen = access.read(ada(), grant, id).await.expect("shown");
    assert!(String::from_utf8_lossy(&seen.mime).contains("SECRET PLANS"));

    let list = world.get(LIST).await.json();
    assert!(!list.to_string().contains("ada"), "when and why, not who");
    let item = &list["items"][0];
    assert_eq!((item["reason"].as_str(), item["state"].as_str()), (Some(REASON), Some("open")));
    assert_eq!(item["openings"], 2);

    world.clock.advance(HOUR);
    let late = access.read(ada(), grant, id).await;
    assert!(matches!(late, Err(AccessError::NotOpen { .. })), "its time is over");
    assert!(access.messages(ada(), grant, None, 10).await.is_err());
    assert_eq!(world.get(LIST).await.json()["items"][0]["state"], "expired");
    let expected = [
        "break_glass_granted",
        "break_glass_used",
        "break_glass_used",
        "content_opened",
        "content_refused",
        "content_refused",
    ];
    assert_eq!(told(&world).await, expected);
}

#[tokio::test]
async fn a_grant_ends_at_once_when_it_is_closed() {
    let world = World::new().await;
    let id = sent(&world).await;
    let access = break_glass(&world, None);
    let grant = access.open(ada(), world.mine.account, REASON, HOUR).await.expect("granted").number;
    access.close(ada(), grant).await.expect("closed");
    assert!(matches!(access.read(ada(), grant, id).await, Err(AccessError::NotOpen { .. })));
    assert_eq!(world.get(LIST).await.json()["items"][0]["state"], "closed");
    assert_eq!(told(&world).await, ["break_glass_granted", "break_glass_closed", "content_refused"]);
}

#[tokio::test]
async fn where_two_are_asked_for_one_sees_nothing() {
    let world = World::new().await;
    let id = sent(&world).await;
    let access = break_glass(&world, Some("the second's"));
    let grant = access.open(ada(), world.mine.account, REASON, HOUR).await.expect("granted").number;
    assert!(matches!(access.read(ada(), grant, id).await, Err(AccessError::NotOpen { .. })));
    assert!(matches!(access.confirm(operator("bob"), grant, "a guess").await, Err(AccessError::Secret)));
    assert!(access.read(ada(), grant, id).await.is_err());
    let alone = access.confirm(ada(), grant, "the second's").await;
    assert!(matches!(alone, Err(AccessError::OpenedBySame(_))), "who opened it, with the secret");
    assert!(access.read(ada(), grant, id).await.is_err());
    assert_eq!(world.get(LIST).await.json()["items"][0]["state"], "waiting");
    access.confirm(operator("bob"), grant, "the second's\n").await.expect("confirmed");
    assert!(access.read(ada(), grant, id).await.is_ok());
    assert!(matches!(access.confirm(ada(), grant, "the second's").await, Err(AccessError::NotWaiting(_))));
    let told = told(&world).await;
    assert!(told.iter().any(|what| what == "break_glass_unconfirmed"), "{told:?}");
    assert!(told.iter().any(|what| what == "break_glass_confirmed"), "{told:?}");
}

#[tokio::test]
async fn nobody_with_a_name_confirms_a_grant_before_the_trail_says_who_opened_it() {
    let world = World::new().await;
    let access = break_glass(&world, Some("the second's"));
    let grant = NewGrant {
        account: world.mine.account,
        reason: REASON.to_owned(),
        expires_at: world.clock.now() + HOUR,
        second_operator: true,
        needs_consent: false,
    };
    // As it is between the grant and its entry.
    let grant = world.store.add_grant(grant).await.expect("made").number;
    let own = access.confirm(ada(), grant, "the second's").await;
    assert!(matches!(own, Err(AccessError::OpenerUnknown(_))), "with the secret");
    assert_eq!(world.get(LIST).await.json()["items"][0]["state"], "waiting");
}

#[tokio::test]
async fn where_the_account_is_asked_nobody_sees_anything_before_it_consents_nor_after_it_takes_that_back() {
    let world = World::new().await;
    let stranger = world.stranger().await;
    let id = sent(&world).await;
    let config = AccessConfig { longest: 4 * HOUR, second_operator: None, needs_consent: true };
    let (store, audit) = (world.store.clone(), world.services.audit.clone());
    let access = BreakGlass::new(store, Arc::clone(&world.clock) as _, audit, config);
    let mut opened = Vec::new();
    for _ in 0..2 {
        opened.push(access.open(ada(), world.mine.account, REASON, HOUR).await.expect("granted"));
    }
    let (grant, refused) = (opened[0].number, format!("{LIST}/{}/consent", opened[1].id));
    let path = format!("{LIST}/{}/consent", opened[0].id);
    assert!(matches!(access.read(ada(), grant, id).await, Err(AccessError::NotOpen { .. })));
    let list = world.get(LIST).await.json();
    assert_eq!(
        (&list["items"][1]["state"], &list["items"][1]["needs-consent"]),
        (&"waiting".into(), &true.into())
    );

    // Nobody consents for another.
    for method in [Method::POST, Method::DELETE] {
        let mut request = world.request(method, &path).body(Body::empty()).expect("request");
        request.headers_mut().insert(header::AUTHORIZATION, basic(&stranger.key).parse().expect("value"));
        assert_eq!(world.send(request).await.status, 404);
    }
    assert!(access.read(ada(), grant, id).await.is_err());

    for _ in 0..2 {
        let given = world.post(&path, &[]).await;
        assert_eq!((given.status, &given.json()["state"]), (200, &"open".into()), "{}", given.text());
    }
    assert!(access.read(ada(), grant, id).await.is_ok());
    let ended = world.delete(&path).await;
    assert_eq!((ended.status, &ended.json()["state"]), (200, &"closed".into()));
    assert!(access.read(ada(), grant, id).await.is_err());
    assert_eq!(world.post(&path, &[]).await.status, 409, "it is over");
    assert_eq!(world.delete(&refused).await.json()["state"], "closed", "without ever having consented");
    assert_eq!(world.post(&format!("{LIST}/nonsense/consent"), &[]).await.status, 404);
    let told = told(&world).await;
    let of = |word: &str| told.iter().filter(|what| *what == word).count();
    assert_eq!(
        (of("break_glass_consented"), of("break_glass_withdrawn"), of("break_glass_used")),
        (1, 2, 1),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_grant_needs_a_reason_a_limit_and_an_account_and_opens_no_other() {
    let world = World::new().await;
    let stranger = world.stranger().await;
    let id = sent(&world).await;
    let access = break_glass(&world, None);
    let mine = world.mine.account;
    assert!(matches!(access.open(ada(), mine, "because", HOUR).await, Err(AccessError::Reason)));
    assert!(matches!(access.open(ada(), mine, "two\nlines of it", HOUR).await, Err(AccessError::Reason)));
    for time in [Duration::ZERO, 4 * HOUR + Duration::from_secs(1)] {
        assert!(matches!(access.open(ada(), mine, REASON, time).await, Err(AccessError::Time(_))));
    }
    assert!(told(&world).await.is_empty(), "nothing was granted");
    let other = access.open(ada(), stranger.account, REASON, HOUR).await.expect("granted").number;
    assert!(matches!(access.read(ada(), other, id).await, Err(AccessError::NoMessage)));
    assert!(matches!(access.read(ada(), other + 1, id).await, Err(AccessError::NoGrant(_))));
    assert_eq!(world.get(LIST).await.json()["items"].as_array().map(Vec::len), Some(0), "another's list");
}

#[tokio::test]
async fn the_list_has_pages_and_names_what_it_does_not_know() {
    let world = World::new().await;
    let access = break_glass(&world, None);
    for number in 0..5 {
        let reason = format!("Ticket number {number}");
        access.open(ada(), world.mine.account, &reason, HOUR).await.expect("granted");
        world.clock.advance(Duration::from_secs(1));
    }
    let mut seen = Vec::new();
    let mut path = format!("{LIST}?limit=2");
    loop {
        let page = world.get(&path).await.json();
        let items = page["items"].as_array().expect("items").clone();
        if items.is_empty() {
            break;
        }
        seen.extend(items.iter().map(|item| item["reason"].as_str().expect("a reason").to_owned()));
        let next = page["paging"]["next"].as_str().expect("a link");
        path = next.trim_start_matches("https://api.example.org").to_owned();
    }
    let expected: Vec<String> = (0..5).rev().map(|number| format!("Ticket number {number}")).collect();
    assert_eq!(seen, expected, "newest first, each once");
    for wrong in ["limit=0", "limit=x", "page=x", "other=1"] {
        assert_eq!(world.get(&format!("{LIST}?{wrong}")).await.status, 400, "{wrong}");
    }
}

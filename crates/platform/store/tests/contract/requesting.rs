//! What people ask about their data: written down sealed, changed by one at a time, and gone with its key.

use std::time::Duration;

use waxseal_model::{Access, AccountId, Purpose, actor, purpose};
use waxseal_store::{
    Store, StoreError,
    request::{NewRequest, PrivacyRequest, RequestDetails, RequestKind, RequestOutcome},
};

use crate::world::World;

const ANSWERING: Access<purpose::Request> = Access::new(actor::Operator, purpose::Request);
const DAY: Duration = Duration::from_secs(86_400);

async fn ask(world: &World, account: Option<AccountId>, from: &str, kind: RequestKind) -> PrivacyRequest {
    let details = RequestDetails { from: from.to_owned(), about: "my name".into(), ..Default::default() };
    let (received_at, due_at) = (world.now(), world.now() + 30 * DAY);
    let new = NewRequest { account, kind, received_at, due_at, details };
    world.store.add_request(new).await.expect("written down")
}

async fn close(world: &World, request: &PrivacyRequest) {
    let details = request.details.as_ref().expect("its key is there").open(&ANSWERING).clone();
    let closed = Some((world.now(), RequestOutcome::Answered));
    let changed = world.store.change_request(request, &details, request.due_at, closed).await;
    assert!(changed.expect("changed"));
}

async fn numbers(world: &World, open: bool) -> Vec<u64> {
    let requests = world.store.requests(open, None, 100).await.expect("read");
    requests.iter().map(|request| request.number).collect()
}

fn keys_of(keys: &[waxseal_store::KeyInfo]) -> usize {
    keys.iter().filter(|key| key.class == "request").count()
}

pub(crate) async fn a_request_is_shown_to_who_answers_it_and_to_the_account_that_asked(world: World) {
    let (one, other) = (world.sender().await.account, world.sender().await.account);
    let mine = ask(&world, Some(one), "", RequestKind::Correction).await;
    let persons = ask(&world, None, "eve@elsewhere.example", RequestKind::Erasure).await;
    assert_eq!(numbers(&world, true).await, [persons.number, mine.number]);
    let found = world.store.request(persons.number).await.expect("read").expect("there");
    let details = found.details.as_ref().expect("a key").open(&ANSWERING);
    assert_eq!((details.from.as_str(), found.account), ("eve@elsewhere.example", None));
    assert_eq!((found.kind, found.due_at), (RequestKind::Erasure, world.now() + 30 * DAY));
    let own = world.store.requests_of_account(one, None, 9).await.expect("read");
    assert_eq!(own.iter().map(|request| request.number).collect::<Vec<_>>(), [mine.number]);
    assert!(world.store.requests_of_account(other, None, 9).await.expect("read").is_empty());
    assert!(world.store.can_read(Purpose::Request, "privacy_requests", "details").await.expect("asked"));
    for not_for in [Purpose::Operation, Purpose::Support, Purpose::Delivery, Purpose::Suppression] {
        let can = world.store.can_read(not_for, "privacy_requests", "details").await.expect("asked");
        assert!(!can, "{not_for:?} is another purpose");
    }
    assert_eq!(world.store.open_requests().await.expect("read").len(), 2, "counted without opening any");
}

pub(crate) async fn a_request_is_changed_by_one_at_a_time_and_not_once_it_is_closed(world: World) {
    let request = ask(&world, None, "eve@elsewhere.example", RequestKind::Access).await;
    let seen_by_another = world.store.request(request.number).await.expect("read").expect("there");
    close(&world, &request).await;
    let details = RequestDetails::default();
    for stale in [&request, &seen_by_another] {
        let changed = world.store.change_request(stale, &details, stale.due_at, None).await.expect("asked");
        assert!(!changed, "it has changed since");
    }
    let closed = world.store.request(request.number).await.expect("read").expect("there");
    assert_eq!(closed.closed, Some((world.now(), RequestOutcome::Answered)));
    assert!(!world.store.change_request(&closed, &details, closed.due_at, None).await.expect("asked"));
    assert_eq!((numbers(&world, true).await.len(), numbers(&world, false).await.len()), (0, 1));
}

pub(crate) async fn a_request_goes_with_its_key_when_its_time_is_over_and_no_other_does(mut world: World) {
    let account = world.sender().await.account;
    let old = ask(&world, None, "eve@elsewhere.example", RequestKind::Access).await;
    let same_day = ask(&world, None, "mallory@elsewhere.example", RequestKind::Access).await;
    let (first, second) = (
        ask(&world, Some(account), "", RequestKind::Access).await,
        ask(&world, Some(account), "", RequestKind::Erasure).await,
    );
    close(&world, &old).await;
    close(&world, &first).await;
    world.reopen().await;
    assert_eq!(
        keys_of(&world.store.keys().await.expect("listed")),
        3,
        "two of their own, one of the account's day"
    );
    let cut = world.now();
    assert_eq!(world.store.purge_requests(cut, 10).await.expect("purged"), 0, "not before their time");
    world.clock.advance(DAY);
    assert_eq!(world.store.purge_requests(cut + DAY, 1).await.expect("purged"), 1, "in batches");
    assert_eq!(world.store.purge_requests(cut + DAY, 10).await.expect("purged"), 1);
    assert_eq!(numbers(&world, false).await, [second.number, same_day.number], "nobody answered these");
    assert_eq!(keys_of(&world.store.keys().await.expect("listed")), 2);
    for number in [second.number, same_day.number] {
        let request = world.store.request(number).await.expect("read").expect("there");
        assert!(request.details.is_some(), "its key is still needed");
    }
    world.store.close().await;
}

pub(crate) async fn a_request_of_a_clock_that_was_ahead_is_dated_anew_with_its_term(mut world: World) {
    let (now, account) = (world.now(), world.sender().await.account);
    let early = ask(&world, None, "eve@elsewhere.example", RequestKind::Access).await;
    world.clock.jump_to(now + 400 * DAY);
    let persons = ask(&world, None, "mallory@elsewhere.example", RequestKind::Erasure).await;
    let accounts = ask(&world, Some(account), "", RequestKind::Correction).await;
    close(&world, &accounts).await;
    close(&world, &early).await;
    world.clock.jump_to(now);
    assert!(world.store.redate_ahead(now).await.expect("redated") >= 3);
    assert_eq!(world.store.redate_ahead(now).await.expect("redated"), 0, "once is enough");
    let found = world.store.request(persons.number).await.expect("read").expect("there");
    assert_eq!((found.received_at, found.due_at, found.closed), (now, now + 30 * DAY, None));
    assert_eq!(
        found.details.as_ref().expect("a key").open(&ANSWERING).from,
        "mallory@elsewhere.example",
        "it is sealed under a key of the day as of which it came"
    );
    for number in [accounts.number, early.number] {
        let found = world.store.request(number).await.expect("read").expect("there");
        assert_eq!((found.received_at, found.closed), (now, Some((now, RequestOutcome::Answered))));
    }

    // The day after, those that were answered go, and with them every key of a day that was not.
    world.reopen().await;
    world.clock.advance(DAY);
    assert_eq!(world.store.purge_requests(world.now(), 10).await.expect("purged"), 2);
    assert_eq!(numbers(&world, false).await, [persons.number]);
    let keys = world.store.keys().await.expect("listed");
    let days: Vec<_> = keys.iter().filter(|key| key.class == "request").map(|key| key.day).collect();
    assert_eq!(days, [Some(now.day())]);
    world.store.close().await;
}

pub(crate) async fn what_an_erased_account_asked_goes_with_it(world: World) {
    let account = world.sender().await.account;
    ask(&world, Some(account), "", RequestKind::Erasure).await;
    let persons = ask(&world, None, "eve@elsewhere.example", RequestKind::Erasure).await;
    world.store.destroy_account_keys(account).await.expect("destroyed");
    let unreadable = world.store.requests_of_account(account, None, 9).await.expect("read");
    assert!(unreadable.iter().all(|request| request.details.is_none()), "its keys are gone");
    let details = RequestDetails::default();
    let new = NewRequest {
        account: Some(account),
        kind: RequestKind::Access,
        received_at: world.now(),
        due_at: world.now(),
        details,
    };
    assert!(matches!(world.store.add_request(new).await, Err(StoreError::Erased)));
    assert_eq!(world.store.purge_requests(world.now(), 10).await.expect("purged"), 1, "it has no key");
    assert_eq!(numbers(&world, false).await, [persons.number]);
}

pub(crate) async fn what_somebody_asked_is_in_the_export_about_them_alone(world: World) {
    ask(&world, None, "Eve@elsewhere.example", RequestKind::Access).await;
    ask(&world, None, "mallory@elsewhere.example", RequestKind::Access).await;
    ask(&world, Some(world.sender().await.account), "", RequestKind::Access).await;
    let scope = Store::requests_scope("eve@Elsewhere.example");
    assert_eq!(scope.tables(), ["privacy_requests"]);
    let page = world.store.export_page(&scope, "privacy_requests", None).await.expect("read");
    let exporting = Access::new(actor::System, purpose::Export);
    let lines: Vec<String> =
        page.rows.iter().map(|row| String::from_utf8_lossy(row.line.open(&exporting)).into_owned()).collect();
    assert!(lines.len() == 1 && lines[0].contains("Eve@elsewhere.example"), "{lines:?}");
}

/// On SQLite, where putting a database back is a copy of a file.
#[tokio::test]
async fn a_request_from_a_database_that_was_put_back_is_unreadable_and_goes() {
    let mut world = World::sqlite().await;
    let request = ask(&world, None, "eve@elsewhere.example", RequestKind::Access).await;
    world.store.checkpoint().await.expect("all of it in the file");
    world.store.close().await;
    let file = world.config.data_dir.join("waxseal.db");
    let backup = std::fs::read(&file).expect("a copy");
    world.reopen().await;
    let request = world.store.request(request.number).await.expect("read").expect("there");
    close(&world, &request).await;
    drop(request);
    assert_eq!(world.store.purge_requests(world.now() + DAY, 10).await.expect("purged"), 1);
    world.store.close().await;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(file.with_file_name(format!("waxseal.db{ending}")));
    }
    std::fs::write(&file, &backup).expect("put back");
    world.reopen().await;
    let back = world.store.requests(false, None, 9).await.expect("read");
    assert!(back.len() == 1 && back[0].details.is_none(), "nobody can read it");
    drop(back);
    assert_eq!(world.store.purge_requests(world.now(), 10).await.expect("purged"), 1);
    assert!(numbers(&world, false).await.is_empty());
    world.store.close().await;
}

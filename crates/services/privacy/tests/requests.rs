//! What people ask about their data is answered in time, on the record, and only with what was really done.

use std::{sync::Arc, time::Duration};

use waxseal_model::{
    Access, AccountId, Clock as _, KeyId, ManualClock, Random as _, SeededRandom, Timestamp, actor, purpose,
};
use waxseal_privacy::{
    Retention, RetentionConfig,
    audit::{AuditActor, AuditConfig, AuditEntry, AuditEvent, AuditLog, AuditPurpose, Operator, Query},
    requests::{RequestError, Requester, Requests, RequestsConfig, Step},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    request::{RequestAnswer, RequestKind, RequestOutcome},
};

const DAY: Duration = Duration::from_secs(86_400);
const EVE: &str = "eve@elsewhere.example";

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    audit: AuditLog,
    requests: Requests,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(11));
        let config = StoreConfig {
            engine: Engine::Sqlite,
            data_dir: folder.path().to_owned(),
            master_key: MasterKey::File(folder.path().join("master.key")),
            keys_dir: None,
        };
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("a store");
        let trail = AuditConfig::in_folder(folder.path());
        let audit = AuditLog::open(store.clone(), clock.clone(), trail).await.expect("a trail");
        let config = RequestsConfig { answer_days: 30 };
        let requests = Requests::new(store.clone(), clock.clone(), audit.clone(), config);
        Self { store, clock, random, audit, requests, _folder: folder }
    }

    async fn account(&self) -> AccountId {
        let (clock, random) = (self.clock.as_ref(), self.random.as_ref());
        let id = AccountId::new(clock, random);
        let profile = AccountProfile { name: "N".into(), email: "e@one.example".into(), company: None };
        let mut secret_hash = [0; 32];
        random.fill(&mut secret_hash);
        let key = NewApiKey {
            id: KeyId::new(clock, random),
            account: id,
            scope: KeyScope::Account,
            secret_hash,
            label: "first".into(),
            created_at: clock.now(),
        };
        let account = NewAccount { id, created_at: clock.now(), profile };
        self.store.create_account(account, key).await.expect("an account");
        id
    }

    async fn ask(&self, kind: RequestKind) -> u64 {
        let about = "the spelling of my name";
        let person = Requester::Person(EVE.into());
        self.requests.add(Operator::Owner, person, kind, about, None).await.expect("written down").number
    }

    async fn take(&self, number: u64, step: Step) -> Result<(), RequestError> {
        self.requests.take(Operator::Owner, number, step).await.map(drop)
    }

    async fn verified(&self, kind: RequestKind) -> u64 {
        let number = self.ask(kind).await;
        let step = Step::IdentityChecked { how: "answered from the address".into(), by: "Ann".into() };
        self.take(number, step).await.expect("checked");
        number
    }

    /// An entry of the trail, as a command leaves it.
    async fn entry(&self, what: AuditEvent, account: Option<AccountId>) -> u64 {
        let (actor, purpose) = (AuditActor::Operator(Operator::Owner), AuditPurpose::Export);
        let entry = AuditEntry { actor, purpose, what, account, count: 1 };
        self.audit.record(entry).await.expect("recorded")
    }

    async fn told(&self) -> Vec<String> {
        let entries = self.audit.entries(Query::default()).await.expect("the trail");
        entries.into_iter().map(|entry| entry.what).collect()
    }
}

fn answer(entry: Option<u64>, nothing_kept: bool) -> Step {
    Step::Answered(RequestAnswer { entry, nothing_kept, ..RequestAnswer::default() })
}

fn fee() -> Step {
    let because = "the same copy for the fifth time".to_owned();
    Step::FeeQuoted { amount: "12.50".into(), currency: "EUR".into(), because }
}

fn unfitting(outcome: Result<(), RequestError>) -> &'static str {
    match outcome {
        Err(RequestError::Unfitting(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_copy_is_answered_once_the_identity_is_checked_the_fee_settled_and_the_copy_made() {
    let world = World::new().await;
    let before = world.entry(AuditEvent::RecipientExported, None).await;
    world.clock.advance(DAY);
    let number = world.ask(RequestKind::Access).await;
    let due = world.clock.now() + 30 * DAY;
    assert!(unfitting(world.take(number, answer(None, true)).await).contains("identity"));
    let step = Step::IdentityChecked { how: "answered from the address".into(), by: "Ann".into() };
    world.take(number, step).await.expect("checked");
    world.take(number, fee()).await.expect("named");
    assert!(unfitting(world.take(number, fee()).await).contains("already"), "it cannot be raised");
    let open = world.store.request(number).await.expect("read").expect("there");
    assert_eq!(open.due_at, due, "a fee does not stop the clock");
    let copy = world.entry(AuditEvent::RecipientExported, None).await;
    assert!(
        unfitting(world.take(number, answer(Some(copy), false)).await).contains("neither paid nor waived")
    );
    world.take(number, Step::FeePaid).await.expect("paid");
    assert!(unfitting(world.take(number, Step::FeeWaived).await).contains("no fee is open"));
    // An answer tells of what was done, since it was asked, and succeeded.
    let failed = world.entry(AuditEvent::RecipientExported, None).await;
    world.entry(AuditEvent::Failed { entry: failed }, None).await;
    let other = world.entry(AuditEvent::KeyCreated, None).await;
    for wrong in [before, failed, other, 9_999] {
        let refused = world.take(number, answer(Some(wrong), false)).await;
        assert!(matches!(refused, Err(RequestError::Evidence(_))), "entry {wrong}: {refused:?}");
    }
    world.take(number, answer(Some(copy), false)).await.expect("answered");
    let closed = world.store.request(number).await.expect("read").expect("there");
    assert_eq!(closed.closed, Some((world.clock.now(), RequestOutcome::Answered)));
    assert!(unfitting(world.take(number, answer(Some(copy), false)).await).contains("already"));
    let told = world.told().await;
    for what in [
        "request_received",
        "request_identity_checked",
        "request_fee_quoted",
        "request_fee_paid",
        "request_answered",
    ] {
        assert_eq!(told.iter().filter(|entry| *entry == what).count(), 1, "{what}: {told:?}");
    }
}

#[tokio::test]
async fn what_is_not_answered_in_thirty_days_is_overdue_and_its_time_is_extended_once_at_most() {
    let world = World::new().await;
    let number = world.verified(RequestKind::Correction).await;
    let late = world.ask(RequestKind::Access).await;
    world.clock.advance(23 * DAY);
    let standing = world.requests.standing().await.expect("counted");
    assert_eq!((standing.open.len(), standing.due_soon.len(), standing.overdue.len()), (2, 2, 0));
    let more = || Step::Extended { because: "it touches forty accounts".into() };
    world.take(number, more()).await.expect("extended");
    assert!(unfitting(world.take(number, more()).await).contains("once"));
    world.clock.advance(7 * DAY - Duration::from_micros(1));
    assert!(world.requests.standing().await.expect("counted").overdue.is_empty(), "its last moment");
    world.clock.advance(Duration::from_micros(1));
    let standing = world.requests.standing().await.expect("counted");
    assert_eq!(standing.overdue.iter().map(|request| request.number).collect::<Vec<_>>(), [late]);
    assert_eq!(standing.of(&[RequestKind::Access]), (1, 1));
    assert_eq!(standing.of(&[RequestKind::Correction]), (0, 1));
    assert!(unfitting(world.take(late, more()).await).contains("overdue"), "not once it is too late");
    world.clock.advance(60 * DAY);
    assert_eq!(world.requests.standing().await.expect("counted").overdue.len(), 2);
    let because = "no such person is known here".to_owned();
    world.take(late, Step::Refused { because }).await.expect("refused");
    assert_eq!(world.requests.standing().await.expect("counted").open.len(), 1);
}

#[tokio::test]
async fn only_a_copy_may_cost_and_each_kind_wants_its_own_proof() {
    let world = World::new().await;
    for kind in [RequestKind::Correction, RequestKind::Erasure, RequestKind::Objection] {
        let number = world.ask(kind).await;
        assert!(unfitting(world.take(number, fee()).await).contains("copy"), "{kind:?}");
    }
    let erasure = world.verified(RequestKind::Erasure).await;
    assert!(unfitting(world.take(erasure, answer(Some(1), false)).await).contains("--erasure"));
    let unknown = vec!["00000000000000000000000000".to_owned()];
    let named = Step::Answered(RequestAnswer { erasures: unknown, ..RequestAnswer::default() });
    assert!(matches!(world.take(erasure, named).await, Err(RequestError::Evidence(_))));
    world.take(erasure, answer(None, true)).await.expect("nothing was there");
    let objection = world.ask(RequestKind::Objection).await;
    assert!(unfitting(world.take(objection, answer(None, false)).await).contains("--note"));
    let note = "no newsletter any more".to_owned();
    let said = Step::Answered(RequestAnswer { note, ..RequestAnswer::default() });
    world.take(objection, said).await.expect("answered");
}

#[tokio::test]
async fn an_accounts_request_is_answered_with_what_was_done_for_that_account() {
    let world = World::new().await;
    let (mine, other) = (world.account().await, world.account().await);
    let number =
        world.requests.add(Operator::Owner, Requester::Account(mine), RequestKind::Access, "", None).await;
    let number = number.expect("written down").number;
    let step = Step::IdentityChecked { how: "asked with its key".into(), by: "Ann".into() };
    world.take(number, step).await.expect("checked");
    let theirs = world.entry(AuditEvent::AccountExported, Some(other)).await;
    let refused = world.take(number, answer(Some(theirs), false)).await;
    assert!(matches!(refused, Err(RequestError::Evidence(_))), "{refused:?}");
    let own = world.entry(AuditEvent::AccountExported, Some(mine)).await;
    world.take(number, answer(Some(own), false)).await.expect("answered");
}

#[tokio::test]
async fn bad_input_is_named_and_nothing_is_written_down() {
    let world = World::new().await;
    let now = world.clock.now();
    let add = async |from: &str, about: &str, received| {
        world
            .requests
            .add(Operator::Owner, Requester::Person(from.into()), RequestKind::Correction, about, received)
            .await
            .err()
    };
    assert!(matches!(add("x", "my name", None).await, Some(RequestError::Text { .. })));
    for nobody in ["access", "somebody", "eve@", "@one.example", "eve @one.example"] {
        let refused = add(nobody, "my name", None).await;
        assert!(matches!(refused, Some(RequestError::NoAddress)), "{nobody}: {refused:?}");
    }
    assert!(matches!(add(EVE, "", None).await, Some(RequestError::Text { field: "--about", .. })));
    assert!(matches!(add(EVE, "two\nlines", None).await, Some(RequestError::Text { .. })));
    for at in [now + DAY, now - 366 * DAY] {
        assert!(matches!(add(EVE, "my name", Some(at)).await, Some(RequestError::Received)));
    }
    let nobody = Requester::Account(AccountId::from_u128(7));
    let refused = world.requests.add(Operator::Owner, nobody, RequestKind::Access, "", None).await;
    assert!(matches!(refused, Err(RequestError::NoAccount)));
    assert!(
        world.requests.list(true, None, 9).await.expect("read").is_empty() && world.told().await.is_empty()
    );
    let earlier = world.requests.add(
        Operator::Owner,
        Requester::Person(EVE.into()),
        RequestKind::Access,
        "",
        Some(now - 3 * DAY),
    );
    assert_eq!(
        earlier.await.expect("written down").due_at,
        now + 27 * DAY,
        "the clock runs from the receipt"
    );
}

#[tokio::test]
async fn a_request_that_was_answered_goes_when_its_days_are_over() {
    let world = World::new().await;
    let number = world.verified(RequestKind::Access).await;
    let open = world.ask(RequestKind::Access).await;
    world.take(number, answer(None, true)).await.expect("answered");
    let config = RetentionConfig { request_days: 90, ..RetentionConfig::default() };
    let retention = Retention::new(world.store.clone(), world.clock.clone(), config);
    for _ in 0..90 {
        retention.run_once().await.expect("a round");
        world.clock.advance(DAY);
    }
    assert!(world.store.request(number).await.expect("read").is_some(), "its last moment");
    world.clock.advance(Duration::from_micros(1));
    retention.run_once().await.expect("a round");
    assert!(world.store.request(number).await.expect("read").is_none());
    let answering = Access::new(actor::Operator, purpose::Request);
    let open = world.store.request(open).await.expect("read").expect("nobody answered it");
    assert_eq!(open.details.expect("its key").open(&answering).from, EVE);
    assert_eq!(
        world.store.keys().await.expect("listed").iter().filter(|key| key.class == "request").count(),
        1
    );
}

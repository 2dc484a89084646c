//! What is erased is gone, what is not stays as it was, and a restored database is erased again.

use std::{collections::BTreeMap, path::Path, time::Duration};

use sqlx::{Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_model::{Timestamp, event::EventKind, suppression::SuppressionKind};
use waxseal_store::{
    Engine, StoreError,
    erasure::{Erasure, ErasureState, NewHold},
    event_log::EventQuery,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::world::{ACCESS, Sender, World};

/// Runs an erasure to its end.
pub(crate) async fn erase(world: &World, erasure: &Erasure) -> Erasure {
    let begun = world.store.begin_erasure(erasure).await.expect("begun").expect("not taken back");
    while world.store.erase_batch(&begun, 3).await.expect("a batch") > 0 {}
    world.store.compact().await.expect("compacted");
    world.store.finish_erasure(&begun, "{}".into()).await.expect("finished");
    world.store.erasure(begun.id).await.expect("read").expect("the journal keeps it")
}

/// An account with something in every table.
pub(crate) async fn customer(world: &World) -> Sender {
    let sender = world.sender().await;
    for recipients in [&["bob@one.example"][..], &["bob@one.example", "ann@one.example"]] {
        world.send(sender, recipients).await;
    }
    suppress(world, sender, "bob@one.example").await;
    sender
}

async fn suppress(world: &World, sender: Sender, address: &str) {
    let entry = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: address.into(),
        details: SuppressionDetails { error: "no such user".into(), ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    world.store.suppress(vec![entry]).await.expect("suppressed");
}

/// Rows of the account in every table of the live schema that has a column for it.
pub(crate) async fn rows(world: &World, sender: Sender) -> BTreeMap<String, i64> {
    let tables: Vec<&str> = vec![
        "queue_entries",
        "bodies",
        "inbox_items",
        "messages",
        "events",
        "idempotency_keys",
        "suppressions",
        "api_keys",
        "smtp_credentials",
        "network_credentials",
        "dkim_keys",
        "domains",
        "accounts",
    ];
    let id = sender.account.to_bytes().to_vec();
    let mut found = BTreeMap::new();
    for table in tables {
        let column = if table == "accounts" { "id" } else { "account" };
        let count: i64 = match &world.config.engine {
            Engine::Sqlite => {
                let path = world.config.data_dir.join("waxseal.db");
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut db = SqliteConnection::connect_with(&options).await.expect("it opens");
                let count = format!("SELECT count(*) FROM {table} WHERE {column} = ?");
                let row = sqlx::query(sqlx::AssertSqlSafe(count)).bind(id.clone()).fetch_one(&mut db).await;
                row.expect("counted").get(0)
            }
            Engine::Postgres(url) => {
                let mut db = PgConnection::connect(url).await.expect("it answers");
                let count = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
                let row = sqlx::query(sqlx::AssertSqlSafe(count)).bind(id.clone()).fetch_one(&mut db).await;
                row.expect("counted").get(0)
            }
        };
        if count > 0 {
            found.insert(table.to_owned(), count);
        }
    }
    found
}

pub(crate) async fn an_erased_account_leaves_no_row_and_nobody_else_loses_one(world: World) {
    let (gone, stays) = (customer(&world).await, customer(&world).await);
    let before = rows(&world, stays).await;
    assert!(rows(&world, gone).await.len() >= 7, "there is something to erase");
    let asked = world.store.ask_account_erasure(gone.account, world.now()).await.expect("asked");
    let done = erase(&world, &asked).await;
    assert_eq!((done.state, done.account), (ErasureState::Done, None), "the journal names it no more");
    assert!(!done.keys.is_empty(), "the journal tells which keys were destroyed");
    let left = world.store.keys().await.expect("keys");
    assert!(left.iter().all(|key| key.account != gone.account && !done.keys.contains(&key.number)));
    assert_eq!(rows(&world, gone).await, BTreeMap::new());
    assert_eq!(rows(&world, stays).await, before);
    let account = world.store.account(stays.account).await.expect("read").expect("it is there");
    assert_eq!(account.profile.open(&ACCESS).name, "Ada Lovelace");
    assert!(matches!(
        world.store.ask_account_erasure(gone.account, world.now()).await.expect("known").state,
        ErasureState::Done
    ));
}

pub(crate) async fn a_closed_account_sends_nothing_until_it_is_opened_again(world: World) {
    let (closed, open) = (customer(&world).await, customer(&world).await);
    let final_at = world.now() + Duration::from_secs(7 * 86_400);
    world.store.ask_account_erasure(closed.account, final_at).await.expect("asked");
    assert_eq!(world.store.closed_until_erased(closed.account), Some(final_at));
    let message = world.message(&["bob@one.example"]);
    let refused = world.store.accept(world.accept(closed, message)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(world.lease(100).await.iter().all(|entry| entry.account == open.account));
    while world.store.park(closed.account).await.expect("parked") > 0 {}
    assert_eq!(world.store.next_due().await.expect("read"), None);
    assert!(world.store.take_back_erasure(closed.account).await.expect("taken back"));
    let leased = world.lease(100).await;
    assert_eq!(leased.iter().filter(|entry| entry.account == closed.account).count(), 3);
    assert!(!world.store.take_back_erasure(closed.account).await.expect("nothing to take back"));
}

pub(crate) async fn an_account_stays_closed_across_a_restart(mut world: World) {
    let sender = customer(&world).await;
    world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    world.reopen().await;
    assert!(world.store.closed_until_erased(sender.account).is_some());
    assert_eq!(world.lease(100).await.len(), 0);
    world.store.close().await;
}

async fn told(world: &World, sender: Sender, kind: EventKind) -> Vec<(Option<String>, Vec<String>, String)> {
    let query = EventQuery {
        account: sender.account,
        domain: None,
        from: None,
        until: None,
        beyond: None,
        after_seq: None,
        until_seq: None,
        ascending: true,
        kinds: vec![kind],
        ending: false,
        recipient: None,
        header_message_id: None,
        limit: 100,
    };
    let found = world.store.events(&query).await.expect("read");
    let details = found.iter().map(|event| event.details.open(&ACCESS));
    details
        .map(|details| {
            let message = &details.message;
            (details.recipient.clone(), message.recipients.clone(), message.to.clone())
        })
        .collect()
}

pub(crate) async fn an_erased_recipient_is_named_nowhere_in_that_account(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let alone = world.send(sender, &["Bob@one.example"]).await;
    let mut shared = world.message(&["bob@one.example", "ann@one.example"]);
    shared.template.message.recipients = vec!["bob@one.example".into(), "ann@one.example".into()];
    shared.template.message.to = "Bob <bob@one.example>, Ann <ann@one.example>".into();
    let (id, template) = (shared.id, shared.template.clone());
    let mut accept = world.accept(sender, shared);
    for event in &mut accept.events {
        event.details.message = template.message.clone();
    }
    world.store.accept(accept).await.expect("accepted");
    suppress(&world, sender, "bob@one.example").await;
    world.send(other, &["bob@one.example"]).await;
    assert_eq!(world.store.recipient_rows(sender.account, "bob@one.example").await.expect("counted"), 5);

    let asked = world.store.ask_recipient_erasure(sender.account, "BOB@one.example").await.expect("asked");
    let done = erase(&world, &asked).await;
    assert_eq!(done.state, ErasureState::Done);
    assert_eq!(world.store.recipient_rows(sender.account, "bob@one.example").await.expect("counted"), 0);
    assert!(world.store.message(sender.account, alone).await.expect("read").is_none());
    let ann = "ann@one.example".to_owned();
    let expected = vec![(Some(ann.clone()), vec![ann.clone()], "Ann <ann@one.example>".to_owned())];
    assert_eq!(told(&world, sender, EventKind::Accepted).await, expected);
    let message = world.store.message(sender.account, id).await.expect("read").expect("Ann's stays");
    assert_eq!((message.pending, message.has_body), (1, true), "it still has to be delivered to her");
    assert_eq!(message.template.open(&ACCESS).message.recipients, [ann]);
    let leased = world.lease(100).await;
    assert_eq!(leased.len(), 2, "Ann's, and the other account's");
    for entry in leased.iter().filter(|entry| entry.account == sender.account) {
        world.store.settle(vec![world.delivered(entry)]).await.expect("settled");
    }
    assert!(world.store.body(sender.account, id).await.expect("read").is_none(), "nobody waits for it");

    let listed = ["bob@one.example".to_owned()];
    let found = world.store.suppressions_of(sender.account, sender.domain, &listed).await.expect("read");
    assert!(found.len() == 1 && found[0].1.address.is_none(), "the wish is honoured without the address");
    assert_eq!(told(&world, other, EventKind::Accepted).await.len(), 1, "another customer's is its own");
}

pub(crate) async fn a_hold_is_seen_until_it_is_lifted_or_over(world: World) {
    let sender = customer(&world).await;
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    let hold = |recipient: Option<&str>, until: Option<Timestamp>| NewHold {
        account: sender.account,
        recipient: recipient.map(Into::into),
        reason: "court order 7".into(),
        until,
    };
    let until = world.now() + Duration::from_secs(60);
    let first = world.store.add_hold(hold(None, None)).await.expect("held");
    world.store.add_hold(hold(Some("bob@one.example"), Some(until))).await.expect("held");
    assert!(world.store.is_held(&asked).await.expect("read"));
    let reason = first.reason.as_ref().expect("a reason").open(&ACCESS);
    assert_eq!((reason.as_str(), first.of_recipient), ("court order 7", false));
    assert!(world.store.lift_hold(first.id).await.expect("lifted").is_some());
    assert!(world.store.lift_hold(first.id).await.expect("known").is_none());
    assert!(world.store.is_held(&asked).await.expect("read"), "the recipient's data is still held");
    world.clock.advance(Duration::from_secs(60));
    assert!(!world.store.is_held(&asked).await.expect("read"));
    assert_eq!(world.store.holds(None).await.expect("listed").len(), 2);
}

/// On SQLite, where a restore is a copy of a file: an old database beside today's keys.
#[tokio::test]
async fn a_restored_database_is_erased_again_before_anybody_comes_in() {
    let mut world = World::sqlite().await;
    let (gone, stays) = (customer(&world).await, customer(&world).await);
    let before = rows(&world, stays).await;
    world.store.checkpoint().await.expect("all of it in the file");
    world.store.close().await;
    let file = world.config.data_dir.join("waxseal.db");
    let backup = std::fs::read(&file).expect("a copy");
    world.reopen().await;
    let asked = world.store.ask_account_erasure(gone.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    let asked = world.store.ask_recipient_erasure(stays.account, "bob@one.example").await.expect("asked");
    erase(&world, &asked).await;
    let after = rows(&world, stays).await;
    world.store.close().await;
    remove_logs(&file);
    std::fs::write(&file, &backup).expect("restored");
    world.reopen().await;
    assert_eq!(rows(&world, gone).await, BTreeMap::new());
    assert_eq!(rows(&world, stays).await, after);
    assert_ne!(after, before);
    let again = world.store.reapply_erasures().await.expect("nothing to do");
    assert_eq!((again.erasures, again.rows), (0, 0));
    world.store.close().await;
    let id = gone.account.to_bytes();
    for entry in std::fs::read_dir(&world.config.data_dir).expect("the folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(16).any(|part| part == id), "{} names the account", path.display());
    }
}

fn remove_logs(file: &Path) {
    for ending in ["-wal", "-shm"] {
        let log = file.with_file_name(format!("waxseal.db{ending}"));
        if log.exists() {
            std::fs::remove_file(log).expect("removed");
        }
    }
}

/// What PostgreSQL quotes of the table's values to plan by.
async fn statistics(url: &str) -> String {
    let mut database = PgConnection::connect(url).await.expect("PostgreSQL answers");
    let quoted = "SELECT coalesce(string_agg(concat(most_common_vals::text, histogram_bounds::text), ' '), '') \
                  FROM pg_stats WHERE tablename IN ('domains', 'queue_entries')";
    let quoted: String = sqlx::query_scalar(quoted).fetch_one(&mut database).await.expect("statistics");
    database.close().await.expect("closed");
    quoted
}

#[tokio::test]
async fn the_statistics_of_postgresql_forget_who_is_erased() {
    let Some(world) = World::postgres().await else { return };
    let Engine::Postgres(url) = world.config.engine.clone() else { panic!("PostgreSQL") };
    let sender = customer(&world).await;
    let mut database = PgConnection::connect(&url).await.expect("PostgreSQL answers");
    sqlx::query("ANALYZE").execute(&mut database).await.expect("analysed");
    database.close().await.expect("closed");
    let account = format!("{:032x}", sender.account.as_u128());
    assert!(statistics(&url).await.contains(&account), "as PostgreSQL does it by itself");
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    assert_eq!(statistics(&url).await, "", "the tables are empty, and nothing is quoted of them");
    world.end().await;
}

//! Entries that cannot be opened, and leases that came to nothing: nobody waits for ever because of them.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};
use waxseal_model::event::{EventKind, Severity};
use waxseal_store::{
    Engine, StoreError,
    event_log::StoredEvent,
    queue::{QueueCounts, QueueFilter},
};

use crate::world::{ACCESS, World};

/// Does to the database what no program does.
pub(crate) async fn tamper(world: &World, sql: &str) {
    match &world.config.engine {
        Engine::Sqlite => in_file(&world.config.data_dir.join("waxseal.db"), sql).await,
        Engine::Postgres(url) => {
            let mut database = PgConnection::connect(url).await.expect("it answers");
            database.execute(AssertSqlSafe(sql.to_owned())).await.expect("done");
        }
    }
}

async fn in_file(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
    let mut file = SqliteConnection::connect_with(&options).await.expect("it opens");
    file.execute(AssertSqlSafe(sql.to_owned())).await.expect("done");
    file.close().await.expect("closed");
}

async fn in_keyring(world: &World, sql: &str) {
    in_file(&world.config.data_dir.join("keys.db"), sql).await;
}

async fn failures(world: &World) -> Vec<StoredEvent> {
    let mut events = world.store.read_log(0, 100).await.expect("read");
    events.retain(|event| event.kind == EventKind::Failed);
    events
}

async fn counts(world: &World) -> QueueCounts {
    world.store.queue_counts(&QueueFilter::default()).await.expect("counted")
}

fn ends_without_address(event: &StoredEvent) {
    assert_eq!(event.severity, Some(Severity::Permanent));
    let details = event.details.open(&ACCESS);
    assert!(details.recipient.is_none() && details.envelope.is_none(), "nobody knows the address any more");
    assert!(details.message.recipients.is_empty());
    let status = details.delivery_status.as_ref().expect("why");
    assert_eq!((status.code, status.enhanced_code.as_deref()), (554, Some("5.3.0")));
    assert_eq!(status.description, "The address of the recipient can no longer be read");
}

pub(crate) async fn an_entry_that_cannot_be_opened_ends_in_one_failed_event(world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example", "b@one.example"]).await;
    let entries = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("listed");
    let flipped = if world.config.engine == Engine::Sqlite { "x'0102'" } else { "'\\x0102'" };
    let lesser = "id = (SELECT id FROM queue_entries ORDER BY id LIMIT 1)";
    tamper(&world, &format!("UPDATE queue_entries SET envelope = {flipped} WHERE {lesser}")).await;
    let listed = world.store.queue_entries(&QueueFilter::default(), 10).await.expect("the rest is listed");
    assert_eq!(listed.iter().map(|entry| entry.id).collect::<Vec<_>>(), [entries[1].id]);
    let leased = world.lease(10).await;
    assert_eq!(leased.iter().map(|entry| entry.id).collect::<Vec<_>>(), [entries[1].id]);
    let failed = failures(&world).await;
    assert_eq!(failed.len(), 1);
    ends_without_address(&failed[0]);
    let details = failed[0].details.open(&ACCESS);
    assert_eq!(details.message.message_id, format!("{id}@sender.example"), "the message can still be named");
    assert_eq!(failed[0].message, Some(id));
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!(message.pending, 1);
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    assert!(world.store.body(sender.account, id).await.expect("read").is_none(), "the queue is empty");
    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.lease(10).await.is_empty());
    assert_eq!(failures(&world).await.len(), 1, "it ended once");
}

pub(crate) async fn entries_of_a_destroyed_key_end_and_their_body_goes(mut world: World) {
    let sender = world.sender().await;
    let id = world.send(sender, &["a@one.example", "b@one.example"]).await;
    in_keyring(&world, "DELETE FROM ring_keys WHERE class = 'event'").await;
    world.reopen().await;
    assert!(world.lease(10).await.is_empty());
    let failed = failures(&world).await;
    assert_eq!(failed.len(), 2);
    failed.iter().for_each(ends_without_address);
    assert_eq!(counts(&world).await, QueueCounts::default());
    assert!(world.store.body(sender.account, id).await.expect("read").is_none());
}

pub(crate) async fn a_key_store_that_fails_strands_nobody(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example", "b@one.example"]).await;
    // A fresh process knows no key yet, and the keyring does not answer.
    world.reopen().await;
    in_keyring(&world, "ALTER TABLE ring_keys RENAME TO away").await;
    assert!(matches!(world.try_lease(10).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(world.try_lease(10).await, Err(StoreError::Unavailable(_))));
    in_keyring(&world, "ALTER TABLE away RENAME TO ring_keys").await;
    assert_eq!(world.lease(10).await.len(), 2, "at once, not when the lease would have ended");
    assert!(failures(&world).await.is_empty(), "a key that cannot be read now is not gone");
}

pub(crate) async fn who_died_over_entries_does_not_keep_them(world: World) {
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    assert_eq!(world.lease(10).await.len(), 1);
    world.clock.advance(Duration::from_secs(600));
    assert_eq!(world.lease(10).await.len(), 1);
}

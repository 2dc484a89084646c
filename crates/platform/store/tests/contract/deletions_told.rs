//! What the database knows of single deletions: all that it did, whoever waited for it, and nothing that it did not.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_model::{Access, actor, purpose, suppression::SuppressionKind};
use waxseal_store::{
    Engine,
    account::KeyScope,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    backups::{backed_up, restore},
    upgrading::change,
    users::empty_engine,
    world::{Sender, World},
};

const ACCESS: Access<purpose::Suppression> = Access::new(actor::System, purpose::Suppression);
const HOUR: Duration = Duration::from_secs(3_600);
const BOB: &str = "bob@one.example";
const KIND: SuppressionKind = SuppressionKind::Unsubscribe;

async fn unsubscribe(world: &World, sender: Sender, address: &str, tag: &str) {
    let entry = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: KIND,
        address: address.into(),
        details: SuppressionDetails { tags: vec![tag.into()], ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    world.store.suppress(vec![entry]).await.expect("suppressed");
}

async fn subscribe(world: &World, sender: Sender) -> bool {
    world.store.unsuppress(sender.account, sender.domain, KIND, BOB).await.expect("removed")
}

/// The tags that these addresses have unsubscribed from.
async fn tags(world: &World, sender: Sender, addresses: &[&str]) -> Vec<String> {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let found = world.store.suppressions_of(sender.account, sender.domain, &addresses).await.expect("read");
    found.iter().flat_map(|(_, entry)| entry.details.open(&ACCESS).tags.clone()).collect()
}

pub(crate) async fn what_the_database_refuses_is_done_at_the_next_start(mut world: World) {
    let sender = world.sender().await;
    let key = world.key(sender.account, KeyScope::Account);
    let (id, hash) = (key.id, key.secret_hash);
    world.store.create_api_key(key).await.expect("made");
    unsubscribe(&world, sender, BOB, "news").await;
    world.store.close().await;
    let (refuse, obey): (&[&str], &[&str]) = match &world.config.engine {
        Engine::Sqlite => (
            &["CREATE TRIGGER refuse BEFORE DELETE ON api_keys BEGIN SELECT RAISE(ABORT, 'no'); END"],
            &["DROP TRIGGER refuse"],
        ),
        Engine::Postgres(_) => (
            &[
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'",
                "CREATE TRIGGER refuse BEFORE DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
            &["DROP TRIGGER refuse ON api_keys"],
        ),
    };
    change(&world, refuse).await;
    world.reopen().await;
    world.store.delete_api_key(sender.account, id).await.expect_err("refused");
    assert!(subscribe(&world, sender).await, "what comes after it is done at once");
    assert!(world.store.api_key_by_hash(&hash).await.expect("read").is_some());
    world.store.close().await;
    change(&world, obey).await;
    world.reopen().await;
    assert!(world.store.api_key_by_hash(&hash).await.expect("read").is_none(), "it is revoked");
    assert_eq!(world.store.reapplied().deletions, 1, "and nothing is done again that was done");
}

pub(crate) async fn what_was_removed_before_a_backup_touches_nothing_in_it(world: World) {
    let sender = world.sender().await;
    unsubscribe(&world, sender, BOB, "news").await;
    assert!(subscribe(&world, sender).await);
    world.clock.jump_to(world.now() - HOUR);
    unsubscribe(&world, sender, BOB, "offers").await;
    let (path, _, _folder) = backed_up(&world).await;
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert_eq!(tags(&restored, sender, &[BOB]).await, ["offers"]);
    restored.end().await;
}

/// As a request ends whose connection was closed: at any point, and what was handed over is done all the same.
#[tokio::test]
async fn a_removal_that_nobody_waits_for_is_known_when_it_is_done() {
    let mut world = World::sqlite().await;
    let sender = world.sender().await;
    let mut left_alone = 0;
    for polls in (1..30).cycle().take(300) {
        unsubscribe(&world, sender, BOB, "news").await;
        let mut is_answered = false;
        {
            let mut removal = pin!(world.store.unsuppress(sender.account, sender.domain, KIND, BOB));
            for poll in 0..polls {
                if poll > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                is_answered = poll_fn(|task| Poll::Ready(removal.as_mut().poll(task).is_ready())).await;
                if is_answered {
                    break;
                }
            }
        }
        // What it left to the writer is done before this.
        world.store.ping().await.expect("the store answers");
        if tags(&world, sender, &[BOB]).await.is_empty() {
            // Nor does it hold back what the database knows of later ones.
            unsubscribe(&world, sender, BOB, "offers").await;
            assert!(subscribe(&world, sender).await);
            world.clock.jump_to(world.now() - HOUR);
            unsubscribe(&world, sender, BOB, "again").await;
            world.reopen().await;
            assert_eq!(tags(&world, sender, &[BOB]).await, ["again"], "after {polls} steps of it");
            left_alone += u32::from(!is_answered);
            world.clock.advance(2 * HOUR);
        } else {
            // It was not handed over. What is written down of it is done now.
            world.reopen().await;
        }
        if left_alone > 2 {
            return;
        }
    }
    panic!("it was never left alone after it was handed over");
}

/// Somebody who reads the file is as good as a disk without room: it cannot be written anew.
#[tokio::test]
async fn a_start_goes_on_where_the_database_cannot_be_compacted() {
    let mut world = World::sqlite().await;
    let sender = world.sender().await;
    unsubscribe(&world, sender, BOB, "news").await;
    world.store.close().await;
    let (file, older) = (world.config.data_dir.join("waxseal.db"), world.config.data_dir.join("older"));
    std::fs::copy(&file, &older).expect("put aside");
    world.reopen().await;
    assert!(subscribe(&world, sender).await);
    world.store.close().await;
    std::fs::rename(&older, &file).expect("put back");
    let mut reader = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file))
        .await
        .expect("the file opens");
    for sql in ["BEGIN", "SELECT * FROM suppressions"] {
        sqlx::query(sql).execute(&mut reader).await.expect(sql);
    }
    world.reopen().await;
    assert_eq!(world.store.reapplied().deletions, 1);
    reader.close().await.expect("closed");
    assert_eq!(tags(&world, sender, &[BOB]).await, [""; 0]);
}

pub(crate) async fn a_correction_loses_no_wish_that_is_told_meanwhile(world: World) {
    const WRONG: &str = "bbo@one.example";
    let sender = world.sender().await;
    for round in 0..30 {
        let (first, second) = (format!("first-{round}"), format!("second-{round}"));
        unsubscribe(&world, sender, WRONG, &first).await;
        let correction = world.store.correct_suppressions(sender.account, WRONG, Some(BOB), &[KIND]);
        let (corrected, ()) = tokio::join!(correction, unsubscribe(&world, sender, WRONG, &second));
        corrected.expect("corrected");
        let told = tags(&world, sender, &[WRONG, BOB]).await;
        assert!(told.contains(&second), "round {round}: {told:?}");
        world.store.correct_suppressions(sender.account, WRONG, None, &[KIND]).await.expect("removed");
    }
}

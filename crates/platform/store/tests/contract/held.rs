//! What is held is counted, and what should have gone is not hidden.

use std::time::Duration;

use sqlx::{Connection, Executor as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_store::{Engine, Store, retention::Holdings};

use crate::world::World;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);

async fn holdings(world: &World) -> Holdings {
    world.store.holdings(world.now(), world.now() - 30 * DAY, HOUR).await.expect("counted")
}

pub(crate) async fn what_is_past_its_limit_is_counted(world: World) {
    let sender = world.sender().await;
    assert_eq!(holdings(&world).await, Holdings::default());
    let start = world.now();
    let mut kept = world.message(&["a@one.example"]);
    kept.keep_until = start + DAY;
    world.store.accept(world.accept(sender, kept)).await.expect("accepted");
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    world.send(sender, &["b@one.example"]).await;
    let now = holdings(&world).await;
    assert_eq!((now.bodies.count, now.bodies.oldest, now.bodies.past), (2, Some(start.day().start()), 0));
    assert_eq!((now.queue.count, now.queue.oldest, now.queue.past), (1, Some(start), 0));
    assert_eq!((now.events.count, now.events.past), (3, 0));

    // An hour is what a round of retention may take to come.
    world.clock.advance(DAY + HOUR - Duration::from_secs(1));
    assert_eq!(holdings(&world).await.bodies.past, 0);
    world.clock.advance(Duration::from_secs(2));
    let late = holdings(&world).await;
    assert_eq!((late.bodies.count, late.bodies.past), (2, 1), "the kept one; the other still waits");
    world.store.purge_bodies(world.now(), 10).await.expect("purged");
    assert_eq!((holdings(&world).await.bodies.count, holdings(&world).await.bodies.past), (1, 0));
    world.clock.advance(30 * DAY);
    let late = holdings(&world).await;
    assert_eq!((late.events.past, late.queue.past), (3, 1));
}

pub(crate) async fn a_column_that_nobody_classified_shows_in_the_live_schema(world: World) {
    let unclassified = async || {
        let map = Store::data_map();
        let mut live = world.store.live_columns().await.expect("read");
        assert!(live.len() >= map.len(), "{live:?}");
        live.retain(|(table, column)| {
            !map.iter().any(|known| known.table == table && known.column == column)
        });
        live
    };
    assert_eq!(unclassified().await, []);
    const SQL: &str = "ALTER TABLE accounts ADD COLUMN shoe_size integer";
    match &world.config.engine {
        Engine::Sqlite => {
            let options = SqliteConnectOptions::new().filename(world.config.data_dir.join("waxseal.db"));
            let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
            connection.execute(SQL).await.expect("added");
        }
        Engine::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.expect("opens");
            connection.execute(SQL).await.expect("added");
        }
    }
    assert_eq!(unclassified().await, [("accounts".to_owned(), "shoe_size".to_owned())]);
}

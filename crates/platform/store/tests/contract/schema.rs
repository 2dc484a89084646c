//! The live schema and the data classes name the same columns, both ways, on both engines.

use std::{collections::BTreeSet, path::Path};

use sqlx::{Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_store::{Engine, Store};

use crate::world::World;

type Columns = BTreeSet<(String, String)>;

pub(crate) async fn every_live_column_has_a_class_and_every_class_a_column(world: World) {
    let mut live = match &world.config.engine {
        Engine::Sqlite => sqlite(&world.config.data_dir.join("waxseal.db"), "").await,
        Engine::Postgres(url) => postgres(url).await,
    };
    live.extend(sqlite(&world.config.data_dir.join("keys.db"), "keys.").await);
    let classified: Columns =
        Store::data_map().iter().map(|column| (column.table.to_owned(), column.column.to_owned())).collect();
    assert_eq!(live.difference(&classified).collect::<Vec<_>>(), Vec::<&_>::new(), "without a class");
    assert_eq!(classified.difference(&live).collect::<Vec<_>>(), Vec::<&_>::new(), "without a column");
    assert_eq!(Store::data_map().len(), classified.len(), "each is classified once");
}

async fn sqlite(path: &Path, prefix: &str) -> Columns {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("the file opens");
    let rows = sqlx::query(
        "SELECT t.name AS t, c.name AS c FROM sqlite_master t, pragma_table_xinfo(t.name) c \
         WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the schema is read");
    connection.close().await.expect("closed");
    rows.iter().map(|row| (format!("{prefix}{}", row.get::<String, _>("t")), row.get("c"))).collect()
}

async fn postgres(url: &str) -> Columns {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
    let rows = sqlx::query(
        "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns \
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the schema is read");
    connection.close().await.expect("closed");
    rows.iter().map(|row| (row.get("t"), row.get("c"))).collect()
}

//! A database of an older version: what rested in the clear is sealed before anybody comes in.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_model::{Access, AccountId, CredentialId, actor, purpose};
use waxseal_store::{Engine, credential::NewNetworkCredential, queue::LeaseRequest};

use crate::{at_rest::holds, cluster, world::World};

const AUTHENTICATION: Access<purpose::Authentication> = Access::new(actor::System, purpose::Authentication);
const CANARY: &str = "203.0.113.128/25";

/// Has the closed store's database carry out statements.
async fn change(world: &World, statements: &[&str]) {
    match &world.config.engine {
        Engine::Postgres(url) => {
            for sql in statements {
                cluster::execute(url, sql).await;
            }
        }
        Engine::Sqlite => {
            let options = SqliteConnectOptions::new().filename(world.config.data_dir.join("waxseal.db"));
            let mut connection = SqliteConnection::connect_with(&options).await.expect("the file opens");
            for sql in statements {
                sqlx::query(AssertSqlSafe((*sql).to_owned())).execute(&mut connection).await.expect(sql);
            }
            connection.close().await.expect("closed");
        }
    }
}

async fn network(world: &World, account: AccountId, network: &str) -> CredentialId {
    let id = CredentialId::new(world.clock(), world.random());
    let network = network.parse().expect("a network");
    let new = NewNetworkCredential { id, account, network, created_at: world.now() };
    world.store.create_network_credential(new).await.expect("made");
    id
}

async fn networks(world: &World) -> Vec<String> {
    let all = world.store.network_credentials().await.expect("read");
    let mut networks: Vec<String> =
        all.iter().map(|one| one.network.open(&AUTHENTICATION).to_string()).collect();
    networks.sort_unstable();
    networks
}

/// The id of a row as both engines write it.
fn literal(world: &World, id: CredentialId) -> String {
    match world.config.engine {
        Engine::Sqlite => format!("x'{:032x}'", id.as_u128()),
        Engine::Postgres(_) => format!("'\\x{:032x}'", id.as_u128()),
    }
}

/// Takes the table back to what it was before networks were sealed.
async fn make_older(world: &World, first: CredentialId) {
    let first = literal(world, first);
    change(
        world,
        &[
            "ALTER TABLE network_credentials DROP COLUMN network",
            "ALTER TABLE network_credentials ADD COLUMN network TEXT NOT NULL DEFAULT '10.2.0.0/16'",
            &format!("UPDATE network_credentials SET network = '{CANARY}' WHERE id = {first}"),
            "CREATE UNIQUE INDEX network_credentials_network ON network_credentials (network)",
            "DELETE FROM seaql_migrations WHERE version LIKE 'm0014%'",
        ],
    )
    .await;
}

pub(crate) async fn what_an_older_version_kept_in_the_clear_is_sealed_at_the_next_start(mut world: World) {
    let account = world.account().await;
    let first = network(&world, account, "10.1.0.0/16").await;
    network(&world, account, "10.3.0.0/16").await;
    world.store.close().await;
    make_older(&world, first).await;
    let sqlite = world.config.engine == Engine::Sqlite;
    assert!(!sqlite || holds(&world.config.data_dir, CANARY.as_bytes()), "the search works");
    world.reopen().await;
    assert_eq!(networks(&world).await, ["10.2.0.0/16", CANARY]);
    assert!(!holds(&world.config.data_dir, CANARY.as_bytes()));
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
    world.reopen().await;
    assert_eq!(networks(&world).await, ["10.2.0.0/16", CANARY]);
}

pub(crate) async fn a_sealing_that_was_interrupted_goes_on(mut world: World) {
    let account = world.account().await;
    let first = network(&world, account, "10.1.0.0/16").await;
    network(&world, account, "10.3.0.0/16").await;
    world.store.close().await;
    let (first, none) = (
        literal(&world, first),
        match world.config.engine {
            Engine::Sqlite => "x''",
            Engine::Postgres(_) => "''",
        },
    );
    let aside = "ALTER TABLE network_credentials ADD COLUMN network_clear TEXT NOT NULL DEFAULT ''";
    let still = format!(
        "UPDATE network_credentials SET network = {none}, network_clear = '{CANARY}' WHERE id = {first}"
    );
    change(&world, &[aside, &still]).await;
    world.reopen().await;
    assert_eq!(networks(&world).await, ["10.3.0.0/16", CANARY]);
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
    // All rows were sealed, and the old column was not gone yet.
    world.store.close().await;
    change(&world, &[aside]).await;
    world.reopen().await;
    assert_eq!(networks(&world).await, ["10.3.0.0/16", CANARY]);
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
}

pub(crate) async fn what_an_erased_account_left_in_the_clear_is_sealed_for_nobody(mut world: World) {
    let (account, other) = (world.account().await, world.account().await);
    let first = network(&world, account, "10.1.0.0/16").await;
    network(&world, other, "10.3.0.0/16").await;
    world.store.destroy_account_keys(account).await.expect("destroyed");
    world.store.close().await;
    make_older(&world, first).await;
    world.reopen().await;
    assert_eq!(networks(&world).await, ["10.2.0.0/16"]);
    assert!(!holds(&world.config.data_dir, CANARY.as_bytes()));
}

/// Takes the queue back to what it was before recipients' domains were hashed.
async fn make_queue_older(world: &World) {
    change(
        world,
        &[
            "DROP INDEX queue_entries_destinations",
            "ALTER TABLE queue_entries DROP COLUMN destination",
            "ALTER TABLE queue_entries ADD COLUMN recipient_domain TEXT NOT NULL DEFAULT ''",
            "UPDATE queue_entries SET recipient_domain = 'canary.example'",
            "CREATE INDEX queue_entries_recipients ON queue_entries (recipient_domain, ready_at)",
            "DELETE FROM seaql_migrations WHERE version LIKE 'm0017%'",
        ],
    )
    .await;
}

pub(crate) async fn what_waited_under_the_name_of_a_domain_still_waits_for_it_alone(mut world: World) {
    let sender = world.sender().await;
    world.send(sender, &["ann@canary.example", "bob@canary.example"]).await;
    world.store.close().await;
    make_queue_older(&world).await;
    let sqlite = world.config.engine == Engine::Sqlite;
    assert!(!sqlite || holds(&world.config.data_dir, b"canary.example"), "the search works");
    world.reopen().await;
    assert!(!holds(&world.config.data_dir, b"canary.example"));
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
    world.send(sender, &["eve@canary.example", "jim@free.example"]).await;
    let around = LeaseRequest {
        now: world.now(),
        limit: 10,
        hold_for: Duration::from_secs(600),
        skip_domains: vec!["canary.example".into()],
    };
    let free = world.store.lease(around).await.expect("leased");
    assert_eq!(
        free.iter().map(|entry| entry.recipient_domain.as_str()).collect::<Vec<_>>(),
        ["free.example"]
    );
    let all = world.lease(10).await;
    assert_eq!(all.len(), 3, "old and new entries of the domain are one destination");
    assert!(all.iter().all(|entry| entry.recipient_domain == "canary.example"));
}

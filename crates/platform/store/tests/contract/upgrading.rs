//! A database of an older version: what rested in the clear is sealed before anybody comes in.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_model::{Access, AccountId, CredentialId, DomainId, actor, purpose};
use waxseal_store::{Engine, StoreError, credential::NewNetworkCredential, queue::LeaseRequest};

use crate::{at_rest::holds, cluster, world::World};

const AUTHENTICATION: Access<purpose::Authentication> = Access::new(actor::System, purpose::Authentication);
const CANARY: &str = "203.0.113.128/25";

/// Has the closed store's database carry out statements.
pub(crate) async fn change(world: &World, statements: &[&str]) {
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
    bytes(world, &id.as_u128().to_be_bytes())
}

/// Bytes as both engines write them.
pub(crate) fn bytes(world: &World, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match world.config.engine {
        Engine::Sqlite => format!("x'{digits}'"),
        Engine::Postgres(_) => format!("'\\x{digits}'"),
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
    let (first, none) = (literal(&world, first), bytes(&world, b""));
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

const NAME: &str = "canary-name.example";
const SELECTOR: &str = "canary-selector";
const PUBLIC: &[u8] = b"canary-public-half";

/// Takes the tables back to what they were before names of domains were sealed.
async fn with_clear_names(world: &World, domain: DomainId, other: DomainId) {
    let kind = match world.config.engine {
        Engine::Sqlite => "BLOB",
        Engine::Postgres(_) => "BYTEA",
    };
    let id = |id: DomainId| bytes(world, &id.as_u128().to_be_bytes());
    let (first, second, none) = (id(domain), id(other), bytes(world, b"none"));
    let public = bytes(world, PUBLIC);
    change(
        world,
        &[
            "DROP INDEX domains_name_hash",
            "ALTER TABLE domains DROP COLUMN name_hash",
            "ALTER TABLE domains DROP COLUMN name",
            "ALTER TABLE domains ADD COLUMN name TEXT NOT NULL DEFAULT ''",
            &format!("UPDATE domains SET name = '{NAME}' WHERE id = {first}"),
            &format!("UPDATE domains SET name = 'other-name.example' WHERE id = {second}"),
            "CREATE UNIQUE INDEX domains_name ON domains (name)",
            "ALTER TABLE dkim_keys DROP COLUMN selector",
            "ALTER TABLE dkim_keys ADD COLUMN selector TEXT NOT NULL DEFAULT 's2'",
            &format!("UPDATE dkim_keys SET selector = '{SELECTOR}' WHERE domain = {first}"),
            "ALTER TABLE dkim_keys DROP COLUMN public_key",
            &format!("ALTER TABLE dkim_keys ADD COLUMN public_key {kind} NOT NULL DEFAULT {none}"),
            &format!("UPDATE dkim_keys SET public_key = {public} WHERE domain = {first}"),
            "DELETE FROM seaql_migrations WHERE version LIKE 'm0016%'",
        ],
    )
    .await;
}

/// Selector and public half of the domain's one key.
async fn dkim(world: &World, account: AccountId, domain: DomainId) -> (String, Vec<u8>) {
    let keys = world.store.dkim_keys(account, domain).await.expect("read");
    assert_eq!(keys.len(), 1);
    (keys[0].selector.clone(), keys[0].public_key.clone())
}

fn rests_nowhere(world: &World) -> bool {
    let folder = &world.config.data_dir;
    [NAME.as_bytes(), SELECTOR.as_bytes(), PUBLIC].into_iter().all(|word| !holds(folder, word))
}

pub(crate) async fn names_of_domains_that_stood_in_the_clear_are_sealed_and_found(mut world: World) {
    let (account, gone) = (world.account().await, world.account().await);
    let domain = world.domain(account, "first.example").await;
    let other = world.domain(gone, "second.example").await;
    world.store.destroy_account_keys(gone).await.expect("destroyed");
    world.store.close().await;
    with_clear_names(&world, domain, other).await;
    let sqlite = world.config.engine == Engine::Sqlite;
    assert!(!sqlite || !rests_nowhere(&world), "the search works");
    world.reopen().await;
    let found = world.store.domain_by_name(account, NAME).await.expect("read").expect("found by its hash");
    assert_eq!((found.id, found.name.as_str()), (domain, NAME));
    assert_eq!(dkim(&world, account, domain).await, (SELECTOR.to_owned(), PUBLIC.to_vec()));
    assert!(rests_nowhere(&world));
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
    let again = world.store.create_domain(world.new_domain(account, NAME)).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "domain" })));
    assert!(world.store.domain_of_instance("other-name.example").await.expect("read").is_none());
    world.domain(account, "other-name.example").await;
    world.reopen().await;
    assert!(world.store.domain_of_instance(NAME).await.expect("read").is_some());
}

pub(crate) async fn a_sealing_of_names_that_was_interrupted_goes_on(mut world: World) {
    let account = world.account().await;
    let (first, second) = (world.domain(account, "first.example").await, world.domain(account, NAME).await);
    world.store.close().await;
    // The second was not done yet: its hash is still its id.
    let (none, id) = (bytes(&world, b""), bytes(&world, &second.as_u128().to_be_bytes()));
    let aside = "ALTER TABLE domains ADD COLUMN name_clear TEXT NOT NULL DEFAULT ''";
    let still =
        format!("UPDATE domains SET name = {none}, name_hash = id, name_clear = '{NAME}' WHERE id = {id}");
    change(&world, &[aside, &still]).await;
    world.reopen().await;
    for (name, id) in [("first.example", first), (NAME, second)] {
        let found = world.store.domain_by_name(account, name).await.expect("read").expect("there");
        assert_eq!((found.id, found.name.as_str()), (id, name));
    }
    assert!(rests_nowhere(&world));
    crate::schema::every_live_column_has_a_class_and_every_class_a_column(world.clone()).await;
}

/// Takes the queue back to what it was before recipients' domains were hashed.
async fn make_queue_older(world: &World) {
    change(
        world,
        &[
            "DROP INDEX queue_entries_flows",
            "ALTER TABLE queue_entries DROP COLUMN destination",
            "ALTER TABLE queue_entries ADD COLUMN recipient_domain TEXT NOT NULL DEFAULT ''",
            "UPDATE queue_entries SET recipient_domain = 'canary.example'",
            "CREATE INDEX queue_entries_recipients ON queue_entries (recipient_domain, ready_at)",
            "DELETE FROM seaql_migrations WHERE version LIKE 'm0017%' OR version LIKE 'm0018%'",
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
        pass_over: crate::queue::one_flow(sender, "canary.example"),
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

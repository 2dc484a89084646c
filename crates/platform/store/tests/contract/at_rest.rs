//! What rests on disk: nothing personal in the clear, and nothing of a destroyed key.

use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use waxseal_model::{
    CredentialId,
    event::{EnvelopeInfo, EventKind},
    suppression::SuppressionKind,
};
use waxseal_store::{
    credential::{NewNetworkCredential, NewSmtpCredential},
    message::Idempotency,
    queue::{Outcome, Settlement},
    relay::RelayOwner,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    relays::server,
    world::{Sender, World},
};

/// Words that stand in everything personal.
const CANARIES: [&str; 20] = [
    "canary-name",
    "canary-selector",
    "canary-public-key",
    "canary-subject",
    "canary-body",
    "canary-rcpt",
    "canary-sender",
    "canary-login",
    "canary-relay",
    "canary-user",
    "canary-password",
    "canary-domain",
    "198.51.100.128/25",
    "canary-phc",
    "canary-label",
    "canary-reply",
    "canary-answer",
    "canary-listed",
    "ada@customer.example",
    "Ada Lovelace",
];

pub(crate) fn holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("the data folder").any(|entry| {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

fn nothing_personal_rests_in(folder: &Path) {
    for canary in CANARIES {
        assert!(!holds(folder, canary.as_bytes()), "{canary}");
    }
    // What may rest in the clear is found: the search works.
    assert!(holds(folder, b"CREATE TABLE"));
}

#[tokio::test]
async fn nothing_personal_rests_in_the_clear() {
    let world = World::sqlite().await;
    let account = world.account().await;
    let mut domain = world.new_domain(account, "canary-name.example");
    domain.dkim_keys[0].selector = "canary-selector".into();
    domain.dkim_keys[0].public_key = b"canary-public-key".to_vec();
    let sender = Sender { account, domain: domain.id };
    world.store.create_domain(domain).await.expect("a domain");
    let mut key = world.key(sender.account, waxseal_store::account::KeyScope::Account);
    key.label = "canary-label".into();
    world.store.create_api_key(key).await.expect("made");
    let credential = NewSmtpCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account: sender.account,
        domain: sender.domain,
        login: "canary-login@sender.example".into(),
        password_hash: "canary-phc".into(),
        created_at: world.now(),
    };
    world.store.create_smtp_credential(credential).await.expect("made");
    let network = NewNetworkCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account: sender.account,
        network: "198.51.100.128/25".parse().expect("a network"),
        created_at: world.now(),
    };
    world.store.create_network_credential(network).await.expect("made");
    let owner = RelayOwner { account: sender.account, domain: Some(sender.domain) };
    let relay = server("canary-relay.example", "canary-user", "canary-password");
    world.store.set_relay(owner, relay).await.expect("set");
    let suppression = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: "canary-listed@one.example".into(),
        details: SuppressionDetails { error: "canary-listed".into(), ..SuppressionDetails::default() },
        created_at: world.now(),
    };
    world.store.suppress(vec![suppression]).await.expect("kept");
    let mut message =
        world.message(&["canary-rcpt-a@canary-domain.example", "canary-rcpt-b@canary-domain.example"]);
    message.body = b"Subject: canary-subject\r\n\r\ncanary-body\r\n".repeat(200);
    message.template.message.subject = "canary-subject".into();
    for entry in &mut message.entries {
        entry.envelope.reverse_path = "canary-sender@sender.example".into();
    }
    let mut accept = world.accept(sender, message);
    accept.idempotency = Some(Idempotency {
        key_hash: [1; 32],
        request_hash: [2; 32],
        answer: "canary-answer".into(),
        expires_at: world.now(),
    });
    world.store.accept(accept).await.expect("accepted");
    nothing_personal_rests_in(&world.config.data_dir);
    settle_both(&world).await;
    nothing_personal_rests_in(&world.config.data_dir);
    world.store.checkpoint().await.expect("done");
    nothing_personal_rests_in(&world.config.data_dir);
}

async fn settle_both(world: &World) {
    let leased = world.lease(10).await;
    let event = |kind| {
        let sender = Sender { account: leased[0].account, domain: leased[0].domain };
        let mut event = world.event(sender, kind, Some(leased[0].message));
        event.details.envelope =
            Some(EnvelopeInfo { targets: "canary-rcpt@one.example".into(), ..EnvelopeInfo::default() });
        event.details.recipient = Some("canary-rcpt@one.example".into());
        event
    };
    let settlements = vec![
        Settlement {
            entry: leased[0].id,
            lease: Some(leased[0].lease),
            outcome: Outcome::Deferred {
                next_attempt_at: world.now(),
                first_attempt_at: world.now(),
                last_reply: "450 canary-reply".into(),
            },
            events: vec![event(EventKind::Failed)],
        },
        Settlement {
            entry: leased[1].id,
            lease: Some(leased[1].lease),
            outcome: Outcome::Captured { expires_at: world.now() },
            events: vec![event(EventKind::Delivered)],
        },
    ];
    world.store.settle(settlements).await.expect("settled");
}

#[tokio::test]
async fn a_deleted_body_leaves_not_even_its_sealed_bytes() {
    let world = World::sqlite().await;
    let sender = world.sender().await;
    let mut message = world.message(&["a@one.example"]);
    message.body = vec![b'x'; 20_000];
    world.store.accept(world.accept(sender, message)).await.expect("accepted");
    let sealed = column(&world.config.data_dir.join("waxseal.db"), "SELECT mime FROM bodies").await;
    let middle = &sealed[10_000..10_064];
    world.store.checkpoint().await.expect("done");
    assert!(holds(&world.config.data_dir, middle), "the search works");
    let leased = world.lease(1).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    world.store.checkpoint().await.expect("done");
    assert!(!holds(&world.config.data_dir, middle));
}

#[tokio::test]
async fn a_destroyed_key_leaves_nothing_on_disk() {
    let world = World::sqlite().await;
    let sender = world.sender().await;
    world.send(sender, &["a@one.example"]).await;
    let keys = world.config.data_dir.join("keys.db");
    let wrapped = column(&keys, "SELECT wrapped FROM ring_keys WHERE class = 'content'").await;
    assert!(holds(&world.config.data_dir, &wrapped), "the search works");
    world.store.destroy_content_keys_of(world.now().day()).await.expect("destroyed");
    assert!(!holds(&world.config.data_dir, &wrapped));
}

async fn column(path: &Path, sql: &'static str) -> Vec<u8> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("the file opens");
    let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("a row");
    connection.close().await.expect("closed");
    row.get(0)
}

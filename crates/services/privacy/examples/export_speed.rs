//! How long an export takes: `cargo run --release -p waxseal-privacy --example export_speed [EVENTS] [MESSAGES]`
//! (100,000 and 10,000 if not given; messages of 4 KiB; SQLite in a temporary folder).
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::{error::Error, sync::Arc, time::Duration};

use waxseal_model::{
    AccountId, Clock, DomainId, EventId, KeyId, MessageId, Random, RecipientId,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
};
use waxseal_privacy::export::{self, ExportOrder};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    export::ExportSubject,
    export_file::ExportKey,
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
};
use waxseal_system::{SystemClock, SystemRandom};

/// Messages accepted by one call.
const BATCH: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let events = numbers.next().transpose()?.unwrap_or(100_000);
    let messages = numbers.next().transpose()?.unwrap_or(10_000);
    let folder = tempfile::tempdir()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let data_dir = folder.path().join("data");
    let master_key = MasterKey::File(data_dir.join("master.key"));
    let config = StoreConfig { engine: Engine::Sqlite, data_dir, master_key };
    let store = Store::open(config, clock.clone(), random.clone()).await?;
    let account = fill(&store, &*clock, &*random, events, messages).await?;

    let path = folder.path().join("account.export");
    let key = ExportKey::make(&*random);
    let same = ExportKey::parse(&key.text()).ok_or("a key")?;
    let order = ExportOrder { subjects: vec![ExportSubject::Account(account)], path: path.clone(), key };
    let before = clock.monotonic();
    let made = export::make(&store, &*clock, &random, order).await?;
    let took = clock.monotonic() - before;
    println!(
        "export: {} rows ({} events) and {} messages in {:.1} s, {} bytes",
        made.total(),
        made.rows.get("events").copied().unwrap_or(0),
        made.messages,
        took.as_secs_f64(),
        made.bytes
    );
    store.close().await;

    let data_dir = folder.path().join("elsewhere");
    let master_key = MasterKey::File(data_dir.join("master.key"));
    let config = StoreConfig { engine: Engine::Sqlite, data_dir, master_key };
    let store = Store::open(config, clock.clone(), random).await?;
    let before = clock.monotonic();
    let imported = export::import(&store, path, Some(same), Arc::new(|_| None)).await?;
    let took = clock.monotonic() - before;
    println!(
        "import: {} rows and {} messages in {:.1} s",
        imported.rows,
        imported.messages,
        took.as_secs_f64()
    );
    store.close().await;
    Ok(())
}

async fn fill(
    store: &Store,
    clock: &dyn Clock,
    random: &dyn Random,
    events: usize,
    messages: usize,
) -> Result<AccountId, Box<dyn Error>> {
    let (account, domain) = (AccountId::new(clock, random), DomainId::new(clock, random));
    let created_at = clock.now();
    let profile = AccountProfile { name: "A".into(), email: "a@customer.example".into(), company: None };
    let mut secret_hash = [0; 32];
    random.fill(&mut secret_hash);
    let (id, scope, label) = (KeyId::new(clock, random), KeyScope::Account, String::new());
    let key = NewApiKey { id, account, scope, secret_hash, label, created_at };
    store.create_account(NewAccount { id: account, created_at, profile }, key).await?;
    let each = events.div_ceil(messages.max(1));
    let mut left = messages;
    while left > 0 {
        let some = left.min(BATCH);
        left -= some;
        let mut accept =
            Accept { account, domain, messages: Vec::new(), events: Vec::new(), idempotency: None };
        for _ in 0..some {
            let id = MessageId::new(clock, random);
            let details = details(id);
            for _ in 0..each {
                accept.events.push(NewEvent {
                    id: EventId::new(clock, random),
                    at: clock.now(),
                    kind: EventKind::Accepted,
                    severity: None,
                    account,
                    domain,
                    message: Some(id),
                    details: details.clone(),
                });
            }
            accept.messages.push(message(clock, random, id, details));
        }
        store.accept(accept).await?;
    }
    Ok(account)
}

fn details(id: MessageId) -> EventDetails {
    EventDetails {
        recipient: Some(format!("{id}@one.example")),
        tags: vec!["weekly".into()],
        message: MessageInfo {
            message_id: format!("{id}@sender.example"),
            from: "News <news@sender.example>".into(),
            to: format!("{id}@one.example"),
            subject: "What is new this week".into(),
            ..MessageInfo::default()
        },
        ..EventDetails::default()
    }
}

fn message(clock: &dyn Clock, random: &dyn Random, id: MessageId, template: EventDetails) -> NewMessage {
    let now = clock.now();
    let mut noise = [0; 1_900];
    random.fill(&mut noise);
    let body = format!("Subject: What is new this week\r\n\r\n{}\r\n", hex::encode(noise));
    let entry = NewQueueEntry {
        id: RecipientId::new(clock, random),
        envelope: Envelope {
            reverse_path: "b@sender.example".into(),
            recipient: format!("{id}@one.example"),
        },
        recipient_domain: "one.example".into(),
    };
    NewMessage {
        id,
        created_at: now,
        header_message_id: template.message.message_id.clone(),
        body: body.into_bytes(),
        template,
        options: DeliveryOptions::default(),
        schedule: Schedule { not_before: now, give_up_at: now + Duration::from_secs(432_000) },
        capture: false,
        keep_until: now,
        archive_to: None,
        entries: vec![entry],
    }
}

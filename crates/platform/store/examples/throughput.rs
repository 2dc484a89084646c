//! How many messages a second the store accepts and settles, fsync on:
//! `cargo run --release -p waxseal-store --example throughput [SECONDS] [CALLERS]`.
//!
//! Each message is 4.6 KB with one recipient. Callers accept one message at a time, as the doors do, and
//! settle sixteen at a time, as the delivery worker does. One `dot` of work is the same as in operation:
//! sealing, group commit, fsync.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use waxseal_model::{
    AccountId, Clock, DomainId, EventId, MessageId, Random, RecipientId,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
    queue::{LeaseRequest, Outcome, Settlement},
};
use waxseal_system::{SystemClock, SystemRandom};

const BODY: usize = 4600;

#[derive(Clone)]
struct Bench {
    store: Store,
    clock: SystemClock,
    account: AccountId,
    domain: DomainId,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let callers: u64 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let folder = tempfile::tempdir_in(".")?;
    let config = StoreConfig {
        engine: std::env::var("WAXSEAL_TEST_POSTGRES_URL").map_or(Engine::Sqlite, Engine::Postgres),
        data_dir: folder.path().to_owned(),
        master_key: MasterKey::File(folder.path().join("master.key")),
        keys_dir: None,
    };
    let clock = SystemClock::new();
    let store = Store::open(config, Arc::new(clock), Arc::new(SystemRandom)).await?;
    let account = AccountId::new(&clock, &SystemRandom);
    let domain = DomainId::new(&clock, &SystemRandom);
    let bench = Bench { store, clock, account, domain };
    for (what, settling) in [("accepts", false), ("settles", true)] {
        let (count, took) = bench.run(seconds, callers, settling).await?;
        println!(
            "{what}: {:.0}/s ({count} in {took:.2?}, {callers} callers)",
            count as f64 / took.as_secs_f64()
        );
    }
    bench.store.close().await;
    Ok(())
}

impl Bench {
    async fn run(
        &self,
        seconds: u64,
        callers: u64,
        settling: bool,
    ) -> Result<(u64, Duration), Box<dyn Error>> {
        let begin = self.clock.monotonic();
        let end = begin + Duration::from_secs(seconds);
        let count = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (bench, count) = (self.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    while bench.clock.monotonic() < end {
                        let done = if settling { bench.settle().await } else { bench.accept().await };
                        let done = done.map_err(|error| error.to_string())?;
                        if done == 0 {
                            break;
                        }
                        count.fetch_add(done, Ordering::Relaxed);
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok((count.load(Ordering::Relaxed), self.clock.monotonic() - begin))
    }

    async fn accept(&self) -> Result<u64, waxseal_store::StoreError> {
        let now = self.clock.now();
        let id = MessageId::new(&self.clock, &SystemRandom);
        let mut body = vec![0; BODY];
        SystemRandom.fill(&mut body);
        let header_message_id = format!("{id}@sender.example");
        let details = EventDetails {
            recipient: Some(format!("{id}@recipient.example")),
            message: MessageInfo {
                message_id: header_message_id.clone(),
                from: "Somebody <somebody@sender.example>".into(),
                to: format!("{id}@recipient.example"),
                subject: "A subject of middle length, as they are".into(),
                size: BODY as u64,
                ..MessageInfo::default()
            },
            ..EventDetails::default()
        };
        let entry = NewQueueEntry {
            id: RecipientId::new(&self.clock, &SystemRandom),
            envelope: Envelope {
                reverse_path: "bounces@sender.example".into(),
                recipient: format!("{id}@recipient.example"),
                source: None,
            },
        };
        let message = NewMessage {
            id,
            created_at: now,
            header_message_id,
            body,
            template: details.clone(),
            options: DeliveryOptions::default(),
            schedule: Schedule { not_before: now, give_up_at: now + Duration::from_secs(5 * 86_400) },
            capture: false,
            archive_to: None,
            keep_until: now,
            entries: vec![entry],
        };
        let events = vec![self.event(EventKind::Accepted, id, details)];
        let accept = Accept {
            account: self.account,
            domain: self.domain,
            messages: vec![message],
            events,
            idempotency: None,
        };
        self.store.accept(accept).await?;
        Ok(1)
    }

    async fn settle(&self) -> Result<u64, waxseal_store::StoreError> {
        let request = LeaseRequest {
            now: self.clock.now(),
            limit: 16,
            hold_for: Duration::from_secs(600),
            pass_over: waxseal_store::queue::PassedOver::default(),
        };
        let leased = self.store.lease(request).await?;
        let settlements: Vec<Settlement> = leased
            .iter()
            .map(|entry| Settlement {
                entry: entry.id,
                lease: Some(entry.lease),
                outcome: Outcome::Done { suppress: None },
                events: vec![self.event(EventKind::Delivered, entry.message, EventDetails::default())],
            })
            .collect();
        Ok(self.store.settle(settlements).await?.len() as u64)
    }

    fn event(&self, kind: EventKind, message: MessageId, details: EventDetails) -> NewEvent {
        NewEvent {
            id: EventId::new(&self.clock, &SystemRandom),
            at: self.clock.now(),
            kind,
            severity: None,
            account: self.account,
            domain: self.domain,
            message: Some(message),
            details,
        }
    }
}

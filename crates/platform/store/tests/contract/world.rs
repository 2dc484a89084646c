//! A store in a folder of its own, with a hand-moved clock and seeded chance.

use std::{path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use waxseal_model::{
    Access, AccountId, Clock, DomainId, EventId, KeyId, ManualClock, MessageId, Random, RecipientId,
    SeededRandom, Timestamp, actor,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
    purpose,
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig, StoreError,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    domain::{DkimAlgorithm, DomainKind, DomainSettings, DomainState, NewDkimKey, NewDomain},
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
    queue::{LeaseRequest, LeasedEntry, Outcome, Settlement},
};

use waxseal_system::{SystemClock, SystemRandom};

use crate::cluster;

/// Opens content in tests.
pub(crate) const WORKER: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);
/// Opens sealed values in tests.
pub(crate) const ACCESS: Access<purpose::CustomerAccess> =
    Access::new(actor::System, purpose::CustomerAccess);

/// A store under test. Clones share it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: StoreConfig,
    /// Deleted with everything in it at the end.
    pub(crate) _folder: Option<Arc<TempDir>>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::open(Engine::Sqlite).await
    }

    /// A world on PostgreSQL; `None` (with a message) where there is no PostgreSQL.
    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::open(Engine::Postgres(cluster::database().await?)).await)
    }

    /// Closes the store and clears up.
    pub(crate) async fn end(self) {
        self.store.close().await;
        if let Engine::Postgres(url) = &self.config.engine {
            cluster::drop_database(url).await;
        }
    }

    /// Another database with the same keys, as after the loss of this one; this store is closed. Nothing is opened yet.
    pub(crate) async fn elsewhere(&self, engine: Engine) -> (StoreConfig, TempDir) {
        self.store.close().await;
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["keys.db", "keys.epoch", "master.key"] {
            std::fs::copy(self.config.data_dir.join(name), folder.path().join(name)).expect("the keys");
        }
        let data_dir = folder.path().to_owned();
        (
            StoreConfig {
                engine,
                master_key: MasterKey::File(data_dir.join("master.key")),
                data_dir,
                keys_dir: None,
            },
            folder,
        )
    }

    /// The store of a configuration, with this world's clock and chance.
    pub(crate) async fn over(&self, config: StoreConfig) -> Self {
        let store = open(&config, &self.clock, &self.random).await;
        Self { store, config, clock: self.clock.clone(), random: self.random.clone(), _folder: None }
    }

    async fn open(engine: Engine) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let data_dir = folder.path().join("data");
        let config = StoreConfig {
            engine,
            master_key: MasterKey::File(data_dir.join("master.key")),
            data_dir,
            keys_dir: None,
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(7));
        let store = open(&config, &clock, &random).await;
        Self { store, clock, random, config, _folder: Some(folder) }
    }

    /// A world around a store that was opened with the machine's own clock and chance.
    pub(crate) fn around(store: Store, data_dir: &Path) -> Self {
        let master_key = MasterKey::File(data_dir.join("master.key"));
        let config =
            StoreConfig { engine: Engine::Sqlite, data_dir: data_dir.to_owned(), master_key, keys_dir: None };
        let clock = Arc::new(ManualClock::at(SystemClock::new().now()));
        Self { store, clock, random: Arc::new(SystemRandom), config, _folder: None }
    }

    /// Closes the store and opens it again, as a restart does.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.config, &self.clock, &self.random).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        self.random.as_ref()
    }

    /// An account with a key.
    pub(crate) async fn account(&self) -> AccountId {
        let id = AccountId::new(self.clock(), self.random());
        let key = self.key(id, KeyScope::Account);
        self.store.create_account(self.new_account(id), key).await.expect("an account");
        id
    }

    pub(crate) fn new_account(&self, id: AccountId) -> NewAccount {
        let profile = AccountProfile {
            name: "Ada Lovelace".into(),
            email: "ada@customer.example".into(),
            company: Some("Engines Ltd".into()),
        };
        NewAccount { id, created_at: self.now(), profile }
    }

    pub(crate) fn key(&self, account: AccountId, scope: KeyScope) -> NewApiKey {
        let mut secret_hash = [0; 32];
        self.random().fill(&mut secret_hash);
        let id = KeyId::new(self.clock(), self.random());
        NewApiKey { id, account, scope, secret_hash, label: "first key".into(), created_at: self.now() }
    }

    /// A domain of the account.
    pub(crate) async fn domain(&self, account: AccountId, name: &str) -> DomainId {
        let domain = self.new_domain(account, name);
        let id = domain.id;
        self.store.create_domain(domain).await.expect("a domain");
        id
    }

    pub(crate) fn new_domain(&self, account: AccountId, name: &str) -> NewDomain {
        let dkim = NewDkimKey {
            id: KeyId::new(self.clock(), self.random()),
            selector: "s1".into(),
            algorithm: DkimAlgorithm::Ed25519Sha256,
            private_key: b"the private half".to_vec(),
            public_key: vec![7; 32],
            active: true,
            created_at: self.now(),
        };
        NewDomain {
            id: DomainId::new(self.clock(), self.random()),
            account,
            name: name.into(),
            kind: DomainKind::Custom,
            state: DomainState::Active,
            settings: DomainSettings {
                require_tls: false,
                skip_verification: true,
                message_ttl_secs: 3600,
                ..DomainSettings::default()
            },
            return_path_key: vec![9; 32],
            created_at: self.now(),
            dkim_keys: vec![dkim],
            tend_at: None,
        }
    }

    /// An account and a domain that send.
    pub(crate) async fn sender(&self) -> Sender {
        let account = self.account().await;
        let domain = self.domain(account, &format!("{account}.example")).await;
        Sender { account, domain }
    }

    /// Another sending domain of the account.
    pub(crate) async fn domain_of(&self, sender: Sender) -> Sender {
        let name = format!("{}.example", MessageId::new(self.clock(), self.random()));
        Sender { domain: self.domain(sender.account, &name).await, ..sender }
    }

    /// A message to these recipients, due now, gone when settled.
    pub(crate) fn message(&self, recipients: &[&str]) -> NewMessage {
        let id = MessageId::new(self.clock(), self.random());
        let entries = recipients.iter().map(|recipient| NewQueueEntry {
            id: RecipientId::new(self.clock(), self.random()),
            envelope: Envelope {
                reverse_path: "bounce@sender.example".into(),
                recipient: (*recipient).to_owned(),
                source: None,
            },
        });
        let header_message_id = format!("{id}@sender.example");
        NewMessage {
            id,
            created_at: self.now(),
            body: b"Subject: secret plans\r\n\r\nthe body\r\n".to_vec(),
            template: details(&header_message_id, recipients.first().copied()),
            header_message_id,
            options: DeliveryOptions { require_tls: true, ..DeliveryOptions::default() },
            schedule: Schedule {
                not_before: self.now(),
                give_up_at: self.now() + Duration::from_secs(5 * 86_400),
            },
            capture: false,
            archive_to: None,
            keep_until: self.now(),
            entries: entries.collect(),
        }
    }

    /// Everything that a call with this message brings: with an `accepted` event for each recipient.
    pub(crate) fn accept(&self, sender: Sender, message: NewMessage) -> Accept {
        let events = message
            .entries
            .iter()
            .map(|entry| {
                let mut event = self.event(sender, EventKind::Accepted, Some(message.id));
                event.details = details(&message.header_message_id, Some(&entry.envelope.recipient));
                event
            })
            .collect();
        let Sender { account, domain } = sender;
        Accept { account, domain, messages: vec![message], events, idempotency: None }
    }

    /// Accepts a message to these recipients and tells its id.
    pub(crate) async fn send(&self, sender: Sender, recipients: &[&str]) -> MessageId {
        let message = self.message(recipients);
        let id = message.id;
        self.store.accept(self.accept(sender, message)).await.expect("accepted");
        id
    }

    pub(crate) fn event(&self, sender: Sender, kind: EventKind, message: Option<MessageId>) -> NewEvent {
        NewEvent {
            id: EventId::new(self.clock(), self.random()),
            at: self.now(),
            kind,
            severity: None,
            account: sender.account,
            domain: sender.domain,
            message,
            details: EventDetails::default(),
        }
    }

    /// Leases what is due now.
    pub(crate) async fn lease(&self, limit: u32) -> Vec<LeasedEntry> {
        self.try_lease(limit).await.expect("leased")
    }

    /// The same where it may fail.
    pub(crate) async fn try_lease(&self, limit: u32) -> Result<Vec<LeasedEntry>, StoreError> {
        let request = LeaseRequest {
            now: self.now(),
            limit,
            hold_for: Duration::from_secs(600),
            pass_over: waxseal_store::queue::PassedOver::default(),
        };
        self.store.lease(request).await
    }

    /// The settlement of a recipient that was not tried.
    pub(crate) fn released(&self, entry: &LeasedEntry) -> Settlement {
        Settlement { outcome: Outcome::Released, events: Vec::new(), ..self.delivered(entry) }
    }

    /// The settlement of a delivered recipient.
    pub(crate) fn delivered(&self, entry: &LeasedEntry) -> Settlement {
        let sender = Sender { account: entry.account, domain: entry.domain };
        Settlement {
            entry: entry.id,
            lease: Some(entry.lease),
            outcome: Outcome::Done { suppress: None },
            events: vec![self.event(sender, EventKind::Delivered, Some(entry.message))],
        }
    }
}

/// Who sends in a test.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) account: AccountId,
    pub(crate) domain: DomainId,
}

pub(crate) fn details(header_message_id: &str, recipient: Option<&str>) -> EventDetails {
    EventDetails {
        recipient: recipient.map(str::to_owned),
        message: MessageInfo {
            message_id: header_message_id.to_owned(),
            subject: "secret plans".into(),
            ..MessageInfo::default()
        },
        ..EventDetails::default()
    }
}

async fn open(config: &StoreConfig, clock: &Arc<ManualClock>, random: &Arc<dyn Random>) -> Store {
    Store::open(config.clone(), Arc::clone(clock) as _, Arc::clone(random)).await.expect("a store")
}

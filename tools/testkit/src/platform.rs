//! A whole platform in a test: every service on a real store, real doors on free ports, delivery to a scripted peer;
//! time stands still until it is moved by hand, chance is seeded.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waxseal_accounts::Accounts;
use waxseal_delivery::{Delivery, DeliveryConfig};
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_http_api::{HttpApi, HttpConfig};
use waxseal_insight::Insight;
use waxseal_model::{AccountId, Clock, ManualClock, Random, SeededRandom, Timestamp};
use waxseal_net::{HttpRules, Identity, Net, NetConfig, Published, server_tls};
use waxseal_privacy::{
    Eraser, Retention, RetentionConfig,
    audit::{AuditConfig, AuditLog},
    erasure::ErasureConfig,
    export::Exports,
};
use waxseal_sending::{Sending, SendingConfig};
use waxseal_smtp_door::{DoorConfig, SmtpDoor};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig, queue::QueueFilter};
use waxseal_suppression::Imports;

use crate::{
    binary::text,
    dns_zone::Zone,
    folder_witness::FolderWitness,
    http_call::Call,
    smtp_peer::{Certificate, Peer, Script},
};

/// The domain that sends.
pub const DOMAIN: &str = "sender.test";
/// The domain that captures.
pub const SANDBOX: &str = "sandbox.test";
/// The domain of the peer.
pub const RECIPIENT: &str = "recipient.test";

const HOSTNAME: &str = "mail.waxseal.test";

/// What a platform is set to.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `retention.events_days`.
    pub events_days: u32,
    /// `retention.request_days`.
    pub request_days: u32,
    /// `retention.stored_message_days`.
    pub stored_message_days: u32,
}

impl Default for Setting {
    fn default() -> Self {
        Self { events_days: 30, stored_message_days: 3, request_days: 365 }
    }
}

/// What outlives a process: the folder, the database, the machine's clock, the world around it.
pub struct Grounds {
    clock: Arc<ManualClock>,
    peer: Peer,
    zone: Zone,
    folder: TempDir,
    engine: Engine,
    setting: Setting,
    /// Account and API key, once they are made.
    made: Option<(AccountId, String)>,
    /// How many processes there were.
    lives: u64,
}

impl Grounds {
    /// New ones, in an empty folder. It is noon on the first of March 2026.
    pub async fn new(setting: Setting, engine: Engine, folder: TempDir) -> Result<Self> {
        let zone = Zone::start().await?;
        zone.mail_domain(RECIPIENT);
        let peer = Peer::start(Script::new().tls(Certificate::new(&[&format!("mx.{RECIPIENT}")]))).await?;
        Ok(Self {
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_772_366_400))),
            peer,
            zone,
            folder,
            engine,
            setting,
            made: None,
            lives: 0,
        })
    }
}

/// A running platform with one account and its two domains. Fields are what tests look into.
pub struct Platform {
    /// Time.
    pub clock: Arc<ManualClock>,
    /// The store.
    pub store: Store,
    /// Retention; rounds run when a test says so.
    pub retention: Arc<Retention>,
    /// Erases; rounds run when a test says so.
    pub eraser: Eraser,
    /// The recipients' server.
    pub peer: Peer,
    /// DNS.
    pub zone: Zone,
    /// The account.
    pub account: AccountId,
    /// Its API key.
    pub key: String,
    /// Folder of everything.
    pub folder: TempDir,
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Where submission listens.
    pub submission: SocketAddr,
    audit: AuditLog,
    delivery: Option<Delivery>,
    tasks: TaskTracker,
    stop: CancellationToken,
    engine: Engine,
    setting: Setting,
    lives: u64,
}

impl Platform {
    /// Starts one on SQLite. It is noon on the first of March 2026.
    pub async fn start(setting: Setting) -> Result<Self> {
        Self::open(Grounds::new(setting, Engine::Sqlite, TempDir::new()?).await?).await
    }

    /// Starts one where others may have run before.
    pub async fn open(grounds: Grounds) -> Result<Self> {
        let Grounds { clock: manual, peer, zone, folder, engine, setting, made, lives } = grounds;
        let clock: Arc<dyn Clock> = manual.clone();
        // No two of them may draw the same.
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(20_260_301 + lives));
        let store = Store::open(
            StoreConfig {
                engine: engine.clone(),
                data_dir: folder.path().to_path_buf(),
                master_key: MasterKey::File(folder.path().join("master.key")),
                keys_dir: None,
            },
            clock.clone(),
            random.clone(),
        )
        .await?;
        let audit = AuditConfig::in_folder(folder.path());
        let audit = AuditLog::open(store.clone(), clock.clone(), audit).await?;
        let config = RetentionConfig {
            events_days: setting.events_days,
            request_days: setting.request_days,
            ..RetentionConfig::default()
        };
        let retention = Arc::new(Retention::new(store.clone(), clock.clone(), config));
        let eraser = Eraser::open(
            store.clone(),
            clock.clone(),
            audit.clone(),
            retention.clone(),
            Arc::new(FolderWitness(folder.path().to_path_buf())),
            ErasureConfig::default(),
        )
        .await?;
        let accounts = Accounts::new(store.clone(), clock.clone(), random.clone());
        let domains_config = DomainsConfig {
            hostname: HOSTNAME.into(),
            message_ttl_secs: setting.stored_message_days * 86_400,
        };
        let reached = NetConfig {
            nameservers: vec![zone.nameserver()],
            allow_private_destinations: true,
            ..NetConfig::default()
        };
        let domains = Domains::new(store.clone(), clock.clone(), random.clone(), domains_config)
            .asking(Published::new(&reached)?);
        let rules = HttpRules { ports: Vec::new(), allow_private: true };
        let sending = Sending::new(
            store.clone(),
            domains.clone(),
            clock.clone(),
            random.clone(),
            SendingConfig { http_rules: rules.clone(), ..SendingConfig::new(HOSTNAME) },
        );
        let (account, key) = match made {
            Some(made) => made,
            None => {
                let made = accounts.create("Tester", "tester@waxseal.test", None).await?;
                domains.create(made.id, DOMAIN).await?;
                domains.create_sandbox(made.id, Some(SANDBOX)).await?;
                (made.id, made.key.secret)
            }
        };

        let net = Net::open(&reached)?;
        let config = DeliveryConfig { port: peer.port(), http_rules: rules, ..DeliveryConfig::new(HOSTNAME) };
        let delivery = Delivery::start(store.clone(), net, clock.clone(), random.clone(), config).await?;

        let any: SocketAddr = "127.0.0.1:0".parse()?;
        let imports = Imports::new(store.clone(), clock.clone(), random.clone());
        let services = waxseal_http_api::Services {
            store: store.clone(),
            accounts: accounts.clone(),
            domains: domains.clone(),
            sending: sending.clone(),
            insight: Insight::new(store.clone()),
            audit: audit.clone(),
            eraser: eraser.clone(),
            imports: imports.clone(),
            exports: Exports::new(
                store.clone(),
                clock.clone(),
                random.clone(),
                audit.clone(),
                Duration::from_secs(86_400),
            ),
            delivering: Some(delivery.view()),
            clock: clock.clone(),
            random: random.clone(),
        };
        let api = HttpApi::bind(HttpConfig::new(vec![any]), services).await?;
        let http = *api.addresses().first().context("the API listens")?;
        let identity =
            Identity::SelfSigned { data_dir: folder.path().into(), names: vec!["localhost".into()] };
        let services =
            waxseal_smtp_door::Services { accounts, domains, sending, clock: clock.clone(), random };
        let config = DoorConfig { submission: vec![any], ..DoorConfig::new(HOSTNAME.to_owned()) };
        let door = SmtpDoor::bind(config, services, Some(server_tls(&identity)?)).await?;
        let submission = *door.submission().first().context("submission listens")?;

        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let stopped = stop.clone();
        tasks.spawn(async move { imports.run(stopped.cancelled()).await });
        tasks.spawn(api.serve(stop.clone()));
        tasks.spawn(door.run(stop.clone()));
        Ok(Self {
            retention,
            eraser,
            audit,
            clock: manual,
            store,
            peer,
            zone,
            account,
            key,
            folder,
            http,
            submission,
            delivery: Some(delivery),
            tasks,
            stop,
            engine,
            setting,
            lives: lives + 1,
        })
    }

    /// What is left when the process dies here and now. The runtime that it ran on has to be shut down before: nothing
    /// of it is finished or closed.
    pub fn died(self) -> Grounds {
        Grounds {
            clock: self.clock,
            peer: self.peer,
            zone: self.zone,
            folder: self.folder,
            engine: self.engine,
            setting: self.setting,
            made: Some((self.account, self.key)),
            lives: self.lives,
        }
    }

    /// Sends by HTTP through `domain`, with more fields than sender, recipient and text; the answer's id.
    pub async fn send(
        &self,
        domain: &str,
        to: &str,
        text_part: &str,
        more: &[(&str, &str)],
    ) -> Result<String> {
        let from = format!("app@{domain}");
        let fields = [&[("from", from.as_str()), ("to", to), ("text", text_part)], more].concat();
        let path = format!("/v3/{domain}/messages");
        let answer = Call::post(self.http, &path, &fields).key(&self.key).send().await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        text(&answer.json(), "id")
    }

    /// Events of a domain, oldest first: kind with severity.
    pub async fn events(&self, domain: &str) -> Result<Vec<serde_json::Value>> {
        let path = format!("/v3/{domain}/events?ascending=yes&limit=300");
        let answer = Call::get(self.http, &path).key(&self.key).send().await?;
        Ok(answer.json()["items"].as_array().cloned().unwrap_or_default())
    }

    /// Entries in the queue.
    pub async fn queued(&self) -> Result<u64> {
        let counts = self.store.queue_counts(&QueueFilter::default()).await?;
        Ok(counts.waiting + counts.in_flight)
    }

    /// Waits, in real time, until `condition` holds; the clock of the platform does not move.
    pub async fn until<F: Future<Output = Result<bool>>>(&self, condition: impl Fn() -> F) -> Result<()> {
        let limit = Duration::from_secs(20);
        let waiting = async {
            while !condition().await? {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        };
        tokio::time::timeout(limit, waiting).await.context("the condition never held")?
    }

    /// Waits until the queue is empty.
    pub async fn until_drained(&self) -> Result<()> {
        self.until(|| async { Ok(self.queued().await? == 0) }).await
    }

    /// Ends everything in good order; the folder is left to look into.
    pub async fn stop(mut self) -> TempDir {
        self.stop.cancel();
        if let Some(delivery) = self.delivery.take() {
            delivery.shutdown().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.audit.close().await;
        self.store.close().await;
        self.folder
    }
}

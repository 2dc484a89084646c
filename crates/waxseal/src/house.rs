//! Opens the store and puts the services on it: what every command and role starts from.

mod restored;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use waxseal_accounts::Accounts;
use waxseal_delivery::{Shaper, View};
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_insight::Insight;
use waxseal_mail::Mailbox;
use waxseal_model::{Clock, Random};
use waxseal_net::Published;
use waxseal_privacy::{
    Backups, BackupsConfig, Eraser, KeyCopies, KeyCopiesConfig, Retention, RetentionConfig,
    access::BreakGlass,
    audit::{AuditConfig, AuditError, AuditLog},
    erasure::ErasureConfig,
    export::Exports,
    policy::Reports,
    requests::{Requests, RequestsConfig},
};
use waxseal_sending::{Sending, SendingConfig};
use waxseal_store::{Engine, MasterKey, OpenError, Store, StoreConfig};
use waxseal_suppression::Imports;
use waxseal_system::{Memory, SystemClock, SystemRandom};

use crate::{
    config::Config,
    control,
    memory::{self, Rooms},
    roles,
    witness::OwnProcess,
};

/// The store with the services on it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) domains: Domains,
    pub(crate) sending: Sending,
    pub(crate) memory: Arc<Memory>,
    pub(crate) insight: Insight,
    pub(crate) retention: Arc<Retention>,
    pub(crate) audit: AuditLog,
    pub(crate) reports: Reports,
    pub(crate) eraser: Eraser,
    pub(crate) exports: Exports,
    pub(crate) imports: Imports,
    pub(crate) backups: Backups,
    pub(crate) key_copies: KeyCopies,
    /// What changes limits of providers, once delivery runs in this process.
    pub(crate) shaper: Arc<OnceLock<Shaper>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// What is delivered here, once it is.
    pub(crate) delivering: Arc<OnceLock<View>>,
}

/// How long somebody else may have the data folder before that is an error: commands are short.
const PATIENCE: Duration = Duration::from_secs(5);

impl House {
    /// Opens the store as soon as nobody else has it; gives up on a server, which keeps it.
    pub(crate) async fn open_in_turn(config: &Config) -> Result<Self, OpenError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match Self::open(config).await {
                Err(OpenError::InUse { .. })
                    if tokio::time::Instant::now() < deadline
                        && !control::answers(&config.control_socket).await =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Operators' access to content.
    pub(crate) fn break_glass(&self) -> BreakGlass {
        let (store, audit) = (self.store.clone(), self.audit.clone());
        BreakGlass::new(store, self.clock.clone(), audit, self.config.access)
    }

    /// What is delivered here, if anything is.
    pub(crate) fn view(&self) -> Option<View> {
        self.delivering.get().filter(|view| view.is_running()).cloned()
    }

    /// What people ask about their data.
    pub(crate) fn requests(&self) -> Requests {
        let (store, audit) = (self.store.clone(), self.audit.clone());
        let config = RequestsConfig { answer_days: self.config.answer_days };
        Requests::new(store, self.clock.clone(), audit, config)
    }

    /// Writes what is counted and closes everything.
    pub(crate) async fn close(&self) {
        self.audit.close().await;
        self.store.close().await;
    }

    /// Opens the store of this configuration.
    pub(crate) async fn open(config: &Config) -> Result<Self, OpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = Store::open(store_config(config), clock.clone(), random.clone()).await?;
        let audit = match AuditLog::open(store.clone(), clock.clone(), audit_config(config)).await {
            Ok(audit) => audit,
            Err(error) => {
                store.close().await;
                return Err(unopened(error));
            }
        };
        let domains_config = DomainsConfig {
            hostname: config.hostname.clone(),
            message_ttl_secs: config.stored_message_days.saturating_mul(86_400),
        };
        let domains = Domains::new(store.clone(), clock.clone(), random.clone(), domains_config);
        let domains = match Published::new(&roles::net_config(config)) {
            Ok(published) => domains.asking(published),
            // `check` and the delivery role say what is wrong with the network.
            Err(_) => domains,
        };
        let memory = Arc::new(Memory::with_limit(memory::limit(config.memory_limit_mb)));
        let rooms = Rooms::of(memory.limit());
        let sending_config = SendingConfig {
            http_rules: config.http_rules.clone(),
            hourly: config.hourly,
            sending_ips: config.source_addresses.clone(),
            shared_return_paths: config.recipients_per_transaction > 1,
            max_bytes_in_flight: rooms.sending,
            max_batch_bytes: rooms.batch,
            memory: memory.clone(),
            ..SendingConfig::new(config.hostname.clone())
        };
        let retention = RetentionConfig {
            events_days: config.events_days,
            request_days: config.request_days,
            backup_days: config.backup_keep_days,
            ..RetentionConfig::default()
        };
        let retention =
            Arc::new(Retention::new(store.clone(), clock.clone(), retention).recorded_in(audit.clone()));
        let grace = Duration::from_secs(u64::from(config.grace_days) * 86_400);
        let notices = config.access_notice_from.as_deref().and_then(|from| Mailbox::parse(from).ok());
        let notices_from = notices.map(|from| from.address.domain().to_owned());
        let erasing = ErasureConfig { grace, notices_from, ..ErasureConfig::default() };
        let witness = Arc::new(OwnProcess::of(config));
        let (kept, trail) = (store.clone(), audit.clone());
        let eraser = Eraser::open(kept, clock.clone(), trail, retention.clone(), witness, erasing).await;
        let eraser = match eraser {
            Ok(eraser) => eraser,
            Err(error) => {
                audit.close().await;
                store.close().await;
                return Err(OpenError::Database(error.to_string()));
            }
        };
        let house = Self {
            config: Arc::new(config.clone()),
            accounts: Accounts::new(store.clone(), clock.clone(), random.clone()),
            sending: Sending::new(
                store.clone(),
                domains.clone(),
                clock.clone(),
                random.clone(),
                sending_config,
            ),
            memory,
            insight: Insight::new(store.clone()),
            retention,
            backups: Backups::new(
                store.clone(),
                audit.clone(),
                clock.clone(),
                random.clone(),
                backups_config(config),
            ),
            key_copies: KeyCopies::new(
                store.clone(),
                audit.clone(),
                clock.clone(),
                random.clone(),
                key_copies_config(config),
            ),
            reports: Reports::new(store.clone(), config.data_dir.join("reports"), config.report_days),
            eraser,
            imports: Imports::new(store.clone(), clock.clone(), random.clone()),
            exports: Exports::new(
                store.clone(),
                clock.clone(),
                random.clone(),
                audit.clone(),
                Duration::from_secs(u64::from(config.export_hours) * 3_600),
            ),
            audit,
            domains,
            store,
            shaper: Arc::default(),
            clock,
            random,
            delivering: Arc::default(),
        };
        match restored::see_to(&house).await {
            Ok(()) => Ok(house),
            Err(error) => {
                house.close().await;
                Err(OpenError::Database(format!("the restored database: {error:#}")))
            }
        }
    }
}

/// Where backups of this configuration go, and their key.
pub(crate) fn backups_config(config: &Config) -> BackupsConfig {
    let hours = u64::from(config.backup_every_hours);
    BackupsConfig {
        folder: config.backup_folder.clone(),
        key: match (&config.backup_key, &config.backup_key_command) {
            (Some(key), _) => MasterKey::Hex(key.expose().to_owned()),
            (None, Some(command)) => MasterKey::Command(command.expose().to_owned()),
            (None, None) => MasterKey::File(config.backup_key_file.clone()),
        },
        keep: Duration::from_secs(u64::from(config.backup_keep_days) * 86_400),
        every: (hours > 0).then(|| Duration::from_secs(hours * 3600)),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Where copies of the keys of this configuration go.
pub(crate) fn key_copies_config(config: &Config) -> KeyCopiesConfig {
    let BackupsConfig { key, version, .. } = backups_config(config);
    let hours = u64::from(config.keys_every_hours);
    KeyCopiesConfig {
        folder: config.keys_folder.clone(),
        key,
        keep: Duration::from_secs(u64::from(config.keys_keep_days) * 86_400),
        every: (hours > 0).then(|| Duration::from_secs(hours * 3600)),
        version,
    }
}

/// Where the audit trail of this configuration lies.
pub(crate) fn audit_config(config: &Config) -> AuditConfig {
    AuditConfig { anchor_file: config.anchor_file.clone(), ..AuditConfig::in_folder(&config.data_dir) }
}

/// Without its trail the house does not open: what is done has to be recorded.
fn unopened(error: AuditError) -> OpenError {
    match error {
        AuditError::File { path, source } => OpenError::File { path, source },
        AuditError::Store(_) | AuditError::Closed | AuditError::Unnamed => {
            OpenError::Database(error.to_string())
        }
    }
}

/// How the store of this configuration is opened.
pub(crate) fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        engine: match config.store_url.expose() {
            "sqlite" => Engine::Sqlite,
            url => Engine::Postgres(url.to_owned()),
        },
        data_dir: config.data_dir.clone(),
        keys_dir: config.keys_dir.clone(),
        master_key: match (&config.master_key, &config.master_key_command) {
            (Some(key), _) => MasterKey::Hex(key.expose().to_owned()),
            (None, Some(command)) => MasterKey::Command(command.expose().to_owned()),
            (None, None) => MasterKey::File(config.master_key_file.clone()),
        },
    }
}

//! A door over a store in a folder of its own, with an account that has a domain and a credential.

use std::{net::SocketAddr, sync::Arc};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use waxseal_accounts::account::Accounts;
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_model::{Access, AccountId, Clock, MessageId, Random, actor, event::EventKind, purpose};
use waxseal_net::{Identity, server_tls};
use waxseal_sending::{config::SendingConfig, send::Sending};
use waxseal_smtp_door::{DoorConfig, Services, SmtpDoor};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig};
use waxseal_system::{clock::SystemClock, random::SystemRandom};

use crate::line::Line;

pub(crate) const DOMAIN: &str = "mg.example.org";
pub(crate) const LOGIN: &str = "app@mg.example.org";

const WORKER: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);
const ACCESS: Access<purpose::CustomerAccess> = Access::new(actor::System, purpose::CustomerAccess);

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) domains: Domains,
    pub(crate) account: AccountId,
    pub(crate) password: String,
    pub(crate) submission: SocketAddr,
    pub(crate) implicit_tls: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) running: JoinHandle<()>,
}

/// A message that was taken.
pub(crate) struct Taken {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) mime: String,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut DoorConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let config = StoreConfig {
            engine: Engine::Sqlite,
            master_key: MasterKey::File(data_dir.join("master.key")),
            data_dir: data_dir.clone(),
            keys_dir: None,
        };
        let store = Store::open(config, Arc::clone(&clock), Arc::clone(&random)).await.expect("a store");
        let accounts = Accounts::new(store.clone(), Arc::clone(&clock), Arc::clone(&random));
        let settings = DomainsConfig { hostname: "mail.example.org".into(), message_ttl_secs: 3_600 };
        let domains = Domains::new(store.clone(), Arc::clone(&clock), Arc::clone(&random), settings);
        let limits = SendingConfig::new("mail.example.org");
        let sending =
            Sending::new(store.clone(), domains.clone(), Arc::clone(&clock), Arc::clone(&random), limits);

        let account = accounts.create("Shop", "shop@example.org", None).await.expect("an account").id;
        domains.create(account, DOMAIN).await.expect("a domain");
        let credential = accounts.create_smtp_credential(account, LOGIN, None).await.expect("a credential");

        let identity = Identity::SelfSigned { data_dir, names: vec!["localhost".into()] };
        let tls = server_tls(&identity).expect("a certificate");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let mut config = DoorConfig::new("mail.example.org");
        config.submission = vec![any];
        config.implicit_tls = vec![any];
        change(&mut config);
        let services =
            Services { accounts: accounts.clone(), domains: domains.clone(), sending, clock, random };
        let door = SmtpDoor::bind(config, services, Some(tls)).await.expect("a door");
        let (submission, implicit_tls) = (door.submission()[0], door.implicit_tls()[0]);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(door.run(shutdown.clone()));
        let password = credential.password;
        Self {
            folder,
            store,
            accounts,
            domains,
            account,
            password,
            submission,
            implicit_tls,
            shutdown,
            running,
        }
    }

    /// A connection that has said EHLO.
    pub(crate) async fn greeted(&self) -> Line {
        let mut line = Line::connect(self.submission).await;
        line.expect("EHLO client.example", "250").await;
        line
    }

    /// A connection that is logged in.
    pub(crate) async fn inside(&self) -> Line {
        let mut line = self.greeted().await;
        line.login(LOGIN, &self.password).await;
        line
    }

    /// All messages that were taken, in order.
    pub(crate) async fn taken(&self) -> Vec<Taken> {
        let mut messages: Vec<(MessageId, AccountId, Taken)> = Vec::new();
        for event in self.store.read_log(0, 100_000).await.expect("the log") {
            let (EventKind::Accepted, Some(id)) = (event.kind, event.message) else { continue };
            let details = event.details.into_open(&ACCESS);
            let recipient = details.recipient.unwrap_or_default();
            match messages.iter_mut().find(|(known, _, _)| *known == id) {
                Some((_, _, taken)) => taken.recipients.push(recipient),
                None => {
                    let sender = details.envelope.map(|envelope| envelope.sender).unwrap_or_default();
                    let taken = Taken { sender, recipients: vec![recipient], mime: String::new() };
                    messages.push((id, event.account, taken));
                }
            }
        }
        let mut all = Vec::new();
        for (id, account, mut taken) in messages {
            let body = self.store.body(account, id).await.expect("the store").expect("a body");
            taken.mime = String::from_utf8_lossy(body.open(&WORKER)).into_owned();
            all.push(taken);
        }
        all
    }
}

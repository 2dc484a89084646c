//! Starts the roles of a configuration and knows how to stop them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waxseal_delivery::{Delivery, DeliveryConfig, Limits};
use waxseal_http_api::{HttpApi, HttpConfig, Services};
use waxseal_model::{AddressMarks, NoMarks};
use waxseal_net::{Identity, Net, NetConfig, server_tls};
use waxseal_privacy::{
    audit::{AuditActor, AuditEntry, AuditEvent, AuditPurpose},
    policy::{ReportError, nightly},
};
use waxseal_smtp_door::{DoorConfig, SmtpDoor};

use crate::{
    access_notice,
    config::{Config, Role},
    control::Control,
    house::House,
    logging,
    memory::{self, Rooms},
    metrics::Metrics,
    policy, tls_reports,
};

/// How long captured mail stays in the inbox of a sandbox domain.
const INBOX_KEEP: Duration = Duration::from_secs(3 * 86_400);

/// How often openings of content are written to the audit trail.
const RECORD_OPENINGS: Duration = Duration::from_secs(300);

/// Everything that runs.
pub(crate) struct Running {
    house: House,
    tasks: TaskTracker,
    stop: CancellationToken,
    control_stop: CancellationToken,
    addresses: Addresses,
    delivery: Option<Delivery>,
}

/// Where it listens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) submission: Vec<SocketAddr>,
    pub(crate) submission_tls: Vec<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
}

impl Running {
    /// Starts everything; when it answers, everything listens. If something cannot start, what has is stopped
    /// again and the house is as it was.
    pub(crate) async fn start(config: &Config, house: House, metrics: Option<Metrics>) -> Result<Self> {
        let mut running = Self {
            house,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            control_stop: CancellationToken::new(),
            addresses: Addresses::default(),
            delivery: None,
        };
        match running.roles(config, metrics).await {
            Ok(()) => Ok(running),
            Err(error) => {
                running.halt().await;
                Err(error)
            }
        }
    }

    async fn roles(&mut self, config: &Config, metrics: Option<Metrics>) -> Result<()> {
        self.control(config)?;
        self.memory();
        if config.has(Role::Delivery) {
            let delivery = self.delivery(config).await?;
            // One delivery for a house.
            let _ = self.house.delivering.set(delivery.view());
            // A house has one delivery.
            let _ = self.house.shaper.set(delivery.shaper());
            self.delivery = Some(delivery);
        }
        if config.has(Role::Api) {
            self.api(config).await?;
        }
        if config.has(Role::Submission) {
            self.submission(config).await?;
        }
        if let (Some(address), Some(metrics)) = (config.metrics_listen, metrics) {
            let (bound, serving) = metrics.bind(address, self.stop.clone()).await?;
            self.addresses.metrics = Some(bound);
            self.tasks.spawn(serving);
        }
        self.retention();
        self.erasing();
        self.domains();
        self.importing();
        self.openings();
        self.log_marks();
        self.promises();
        self.tasks.spawn(access_notice::run(self.house.clone(), self.stop.clone()));
        self.requests();
        self.backups();
        record(&self.house, AuditEvent::Started).await;
        Ok(())
    }

    /// Drops the key of the log's marks at the end of each day.
    fn log_marks(&self) {
        if let Some(marks) = logging::marks() {
            let stop = self.stop.clone();
            self.tasks.spawn(async move { marks.run(stop.cancelled()).await });
        }
    }

    /// Watches how much memory the process takes.
    fn memory(&self) {
        let (memory, stop) = (self.house.memory.clone(), self.stop.clone());
        self.tasks.spawn(async move { stop.run_until_cancelled(memory::watch(&memory)).await });
    }

    fn rooms(&self) -> Rooms {
        Rooms::of(self.house.memory.limit())
    }

    /// Records every few minutes how often content was opened, by whom and what for.
    fn openings(&self) {
        let (house, stop) = (self.house.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = house.clock.sleep_until(house.clock.now() + RECORD_OPENINGS) => {}
                }
                if let Err(error) = house.audit.record_openings().await {
                    tracing::warn!(%error, "openings of content could not be recorded; they are kept");
                }
            }
        });
    }

    /// Reminds of what people asked that is due soon or overdue.
    fn requests(&self) {
        let (requests, stop) = (self.house.requests(), self.stop.clone());
        self.tasks.spawn(async move { requests.run(stop.cancelled()).await });
    }

    /// Makes backups and copies of the keys if that is configured, and deletes those whose days are over.
    fn backups(&self) {
        let (backups, stop) = (self.house.backups.clone(), self.stop.clone());
        self.tasks.spawn(async move { backups.run(stop.cancelled()).await });
        let (copies, stop) = (self.house.key_copies.clone(), self.stop.clone());
        self.tasks.spawn(async move { copies.run(stop.cancelled()).await });
    }

    /// Checks every promise once a day and keeps the report.
    fn promises(&self) {
        let (house, stop) = (self.house.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let check = || async {
                let report = policy::report(&house, AuditActor::System).await;
                report.map_err(|error| ReportError::File(std::io::Error::other(error)))
            };
            let minute = house.config.verify_at;
            nightly::run(house.clock.as_ref(), &house.reports, minute, check, stop.cancelled()).await;
        });
    }

    fn control(&self, config: &Config) -> Result<()> {
        let control = Control::bind(&config.control_socket, config.control_group)
            .with_context(|| format!("control socket {}", config.control_socket.display()))?;
        self.tasks.spawn(control.serve(self.house.clone(), self.control_stop.clone()));
        Ok(())
    }

    async fn api(&mut self, config: &Config) -> Result<()> {
        let mut http = HttpConfig::new(config.http_listen.clone());
        http.public_url.clone_from(&config.public_url);
        http.limits.connections_per_peer = config.http_connections_per_peer;
        http.limits.bodies_in_flight = self.rooms().http;
        http.limits.connections = in_bounds(http.limits.connections);
        if config.http_tls {
            http.tls = Some(server_tls(&identity(config)).context("certificate")?);
        }
        let house = self.house.clone();
        let services = Services {
            store: house.store,
            accounts: house.accounts,
            domains: house.domains,
            sending: house.sending,
            insight: house.insight,
            audit: house.audit,
            eraser: house.eraser,
            exports: house.exports,
            imports: house.imports,
            delivering: house.delivering.get().cloned(),
            clock: house.clock,
            random: house.random,
        };
        let api = HttpApi::bind(http, services).await?;
        self.addresses.http = api.addresses().to_vec();
        self.tasks.spawn(api.serve(self.stop.clone()));
        Ok(())
    }

    async fn delivery(&self, config: &Config) -> Result<Delivery> {
        let delivery = DeliveryConfig {
            port: config.delivery_port,
            relay: config.relay.clone(),
            relay_share: config.relay_share,
            limits: Limits {
                per_relay: config.relay_connections,
                recipients_per_transaction: config.recipients_per_transaction as usize,
                bytes_in_flight: self.rooms().delivery,
                ..Limits::default()
            },
            http_rules: config.http_rules.clone(),
            mta_sts: config.mta_sts,
            tls_reports: tls_reports::reporting(config, &self.house),
            after_crash: config.after_crash,
            bounces: Arc::clone(&config.bounce_rules),
            shaping: Arc::clone(&config.shaping),
            marks: marks(),
            inbox_keep: INBOX_KEEP,
            ..DeliveryConfig::new(config.hostname.clone())
        };
        let net = Net::open(&net_config(config))?;
        let house = &self.house;
        let (clock, random) = (house.clock.clone(), house.random.clone());
        Delivery::start(house.store.clone(), net, clock, random, delivery).await.context("delivery")
    }

    /// Runs whatever the roles: promises about data do not depend on them.
    fn retention(&self) {
        let (retention, stop) = (self.house.retention.clone(), self.stop.clone());
        self.tasks.spawn(async move { retention.run(stop.cancelled()).await });
    }

    /// Erases what was asked for, and goes on with what a stop or a crash interrupted.
    fn erasing(&self) {
        let (eraser, stop) = (self.house.eraser.clone(), self.stop.clone());
        self.tasks.spawn(async move { eraser.run(stop.cancelled()).await });
    }

    /// Looks after domains: their records, keys that take the place of others, and what is left of deleted ones.
    fn domains(&self) {
        let (domains, stop) = (self.house.domains.clone(), self.stop.clone());
        self.tasks.spawn(async move { domains.tend_until(stop.cancelled()).await });
    }

    /// Goes on with files of suppressions that were taken, whatever the roles.
    fn importing(&self) {
        let (imports, stop) = (self.house.imports.clone(), self.stop.clone());
        self.tasks.spawn(async move { imports.run(stop.cancelled()).await });
    }

    async fn submission(&mut self, config: &Config) -> Result<()> {
        let tls = server_tls(&identity(config)).context("certificate")?;
        let mut door = DoorConfig {
            submission: config.submission_listen.clone(),
            implicit_tls: config.submission_implicit_tls.clone(),
            ..DoorConfig::new(config.hostname.clone())
        };
        door.crowd.per_peer = config.submission_connections_per_peer;
        door.crowd.content_bytes = self.rooms().smtp;
        door.crowd.total = in_bounds(door.crowd.total);
        let house = self.house.clone();
        let services = waxseal_smtp_door::Services {
            accounts: house.accounts,
            domains: house.domains,
            sending: house.sending,
            clock: house.clock,
            random: house.random,
        };
        let door = SmtpDoor::bind(door, services, Some(tls)).await?;
        self.addresses.submission = door.submission().to_vec();
        self.addresses.submission_tls = door.implicit_tls().to_vec();
        self.tasks.spawn(door.run(self.stop.clone()));
        Ok(())
    }

    /// Where it listens.
    pub(crate) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The one line that says that everything listens.
    pub(crate) fn ready_line(&self) -> String {
        let texts = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "ready": true,
            "http": texts(&self.addresses.http),
            "submission": texts(&self.addresses.submission),
            "submission_tls": texts(&self.addresses.submission_tls),
            "mx": [],
            "metrics": self.addresses.metrics.map(|address| address.to_string()),
        })
        .to_string()
    }

    /// Takes no more calls, finishes what is in flight, closes the store. May take as long as the slowest peer;
    /// the caller sets the limit.
    pub(crate) async fn stop(self) {
        let house = self.house.clone();
        self.halt().await;
        record(&house, AuditEvent::Stopped).await;
        house.close().await;
    }

    async fn halt(self) {
        self.stop.cancel();
        self.control_stop.cancel();
        self.tasks.close();
        let delivery = async {
            if let Some(delivery) = self.delivery {
                delivery.shutdown().await;
            }
        };
        tokio::join!(delivery, self.tasks.wait());
    }
}

/// Records what the server did by itself.
async fn record(house: &House, what: AuditEvent) {
    let (actor, purpose) = (AuditActor::System, AuditPurpose::Operation);
    let entry = AuditEntry { actor, purpose, what, account: None, count: 1 };
    if let Err(error) = house.audit.record(entry).await {
        tracing::warn!(%error, "not recorded");
    }
}

/// So many connections at most, or what the system has descriptors for: both doors together leave some for the rest.
fn in_bounds(connections: usize) -> usize {
    waxseal_system::descriptors::connections_for(2).map_or(connections, |most| most.min(connections))
}

/// What is logged in addresses' place: marks, if the process runs for days.
fn marks() -> Arc<dyn AddressMarks> {
    match logging::marks() {
        Some(marks) => marks,
        None => Arc::new(NoMarks),
    }
}

/// How the network is reached.
pub(crate) fn net_config(config: &Config) -> NetConfig {
    NetConfig {
        nameservers: config.nameservers.iter().map(ToString::to_string).collect(),
        dnssec: config.dnssec,
        trust_anchor: config.trust_anchor.clone(),
        allow_private_destinations: config.allow_private_destinations,
        source_addresses: config.source_addresses.clone(),
        extra_ca: config.extra_ca.clone(),
        ..NetConfig::default()
    }
}

/// The listeners' certificate.
pub(crate) fn identity(config: &Config) -> Identity {
    match &config.certificate {
        Some((certificate, key)) => Identity::Files { certificate: certificate.clone(), key: key.clone() },
        None => Identity::SelfSigned {
            data_dir: config.data_dir.clone(),
            names: vec![config.hostname.clone(), "localhost".into(), "127.0.0.1".into()],
        },
    }
}

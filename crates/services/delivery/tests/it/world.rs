//! A store, a DNS zone, a hand-moved clock and delivery on top of them.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use waxseal_delivery::{Delivery, DeliveryConfig, Shaper, View};
use waxseal_model::{
    Access, AccountId, Clock, DomainId, ManualClock, MessageId, Random as _, RecipientId, SeededRandom,
    Timestamp, actor,
    event::{DeliveryStatus, EnvelopeInfo, EventDetails, EventKind, MessageInfo, Severity},
    options::{DeliveryOptions, Schedule},
    purpose,
};
use waxseal_net::{Net, NetConfig};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    domain::{DomainKind, DomainSettings, DomainState, NewDomain},
    message::{Accept, Envelope, NewMessage, NewQueueEntry},
    queue::{QueueCounts, QueueFilter},
};
use waxseal_testkit::{
    dns_zone::Zone,
    smtp_peer::{Peer, Script},
};

pub(crate) const ACCESS: Access<purpose::CustomerAccess> =
    Access::new(actor::System, purpose::CustomerAccess);
/// What messages say, unless a test says otherwise.
pub(crate) const CONTENT: &str = "From: a@ours.example\r\nSubject: hello\r\n\r\n.dot\r\nbye\r\n";
const FIVE_DAYS: Duration = Duration::from_secs(5 * 86_400);
/// A test that waits longer than this for something waits for what will not come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) zone: Zone,
    pub(crate) net: NetConfig,
    pub(crate) config: DeliveryConfig,
    pub(crate) account: AccountId,
    pub(crate) domain: DomainId,
    pub(crate) folder: TempDir,
    delivery: Option<Delivery>,
}

/// A message to be sent.
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) options: DeliveryOptions,
    pub(crate) give_up_after: Duration,
    pub(crate) capture: bool,
    pub(crate) archive_to: Option<String>,
}

pub(crate) fn mail(to: &[&str]) -> Mail {
    Mail {
        to: to.iter().map(|address| (*address).into()).collect(),
        content: CONTENT.into(),
        options: DeliveryOptions::default(),
        give_up_after: FIVE_DAYS,
        capture: false,
        archive_to: None,
    }
}

/// An event with its details open.
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) severity: Option<Severity>,
    pub(crate) at: Timestamp,
    pub(crate) message: Option<MessageId>,
    pub(crate) details: EventDetails,
}

impl Event {
    pub(crate) fn status(&self) -> &DeliveryStatus {
        self.details.delivery_status.as_ref().expect("an event of an attempt")
    }

    pub(crate) fn recipient(&self) -> &str {
        self.details.recipient.as_deref().expect("an event of a recipient")
    }

    /// `delivered`, `temporary` or `permanent`, with the code.
    pub(crate) fn short(&self) -> String {
        let word = self.severity.map_or(self.kind.as_str(), Severity::as_str);
        format!("{word} {}", self.status().code)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_000_000)));
        let random = Arc::new(SeededRandom::new(11));
        let data_dir = folder.path().join("data");
        let config = StoreConfig {
            engine: Engine::Sqlite,
            master_key: MasterKey::File(data_dir.join("master.key")),
            data_dir,
            keys_dir: None,
        };
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("a store");
        let zone = Zone::start().await.expect("a zone");
        zone.mail_domain("b.example").mail_domain("c.example");
        let net = NetConfig {
            nameservers: vec![zone.nameserver()],
            dns_timeout: Duration::from_millis(500),
            dns_budget: Duration::from_secs(2),
            allow_private_destinations: true,
            connect_timeout: Duration::from_secs(2),
            ..NetConfig::default()
        };
        let config = DeliveryConfig::new("mail.ours.example");
        let account = new_account(&store, &clock, &random).await;
        let domain = new_domain(&store, (&clock, &random), account, "ours.example").await;
        Self { store, clock, random, zone, net, config, account, domain, folder, delivery: None }
    }

    /// Another account, with a domain of this name: what is sent from now on is sent by it.
    pub(crate) async fn be_another(&mut self, name: &str) {
        self.account = new_account(&self.store, &self.clock, &self.random).await;
        self.use_domain(name).await;
    }

    /// Another domain of the account: what is sent from now on is sent by it.
    pub(crate) async fn use_domain(&mut self, name: &str) {
        self.domain = new_domain(&self.store, (&self.clock, &self.random), self.account, name).await;
    }

    /// Another account with a sending domain of this name.
    pub(crate) async fn another(&self, name: &str) -> (AccountId, DomainId) {
        let account = new_account(&self.store, &self.clock, &self.random).await;
        (account, new_domain(&self.store, (&self.clock, &self.random), account, name).await)
    }

    /// A peer that serves every domain of the zone.
    pub(crate) async fn peer(&mut self, script: Script) -> Peer {
        let peer = Peer::start(script).await.expect("a peer");
        self.config.port = peer.port();
        peer
    }

    /// A peer on another loopback address, same port.
    pub(crate) async fn peer_at(&self, ip: &str, script: Script) -> Peer {
        Peer::start_at(&format!("{ip}:{}", self.config.port), script).await.expect("a peer")
    }

    /// No wait of an SMTP dialogue takes longer than this.
    pub(crate) fn impatient(&mut self, wait: Duration) {
        self.config.timeouts.longest_wait = wait;
    }

    pub(crate) async fn start(&mut self) {
        let net = Net::open(&self.net).expect("a network");
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let delivery = Delivery::start(self.store.clone(), net, clock, random, self.config.clone()).await;
        self.delivery = Some(delivery.expect("delivery"));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.shutdown().await;
        }
    }

    /// Delivery is gone from one moment to the next.
    pub(crate) fn kill(&mut self) {
        self.delivery = None;
    }

    /// The same, and the peer has noticed: what was on its way to it has been read, or never will be.
    pub(crate) async fn kill_seen_by(&mut self, peer: &Peer) {
        self.kill();
        peer.wait_for(|seen| seen.open == 0).await;
    }

    pub(crate) fn shaper(&self) -> Shaper {
        self.delivery.as_ref().expect("running").shaper()
    }

    pub(crate) fn load(&self) -> (usize, usize) {
        self.delivery.as_ref().expect("running").load()
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.delivery.is_some()
    }

    pub(crate) fn view(&self) -> View {
        self.delivery.as_ref().expect("running").view()
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Accepts a message into the queue, as sending does.
    pub(crate) async fn send(&self, mail: Mail) -> MessageId {
        self.send_later(mail, Duration::ZERO).await
    }

    /// Accepts a message that is due later.
    pub(crate) async fn send_later(&self, mail: Mail, later: Duration) -> MessageId {
        self.accept((self.account, self.domain), mail, later).await
    }

    /// Accepts a message of another account.
    pub(crate) async fn send_as(&self, sender: (AccountId, DomainId), mail: Mail) -> MessageId {
        self.accept(sender, mail, Duration::ZERO).await
    }

    async fn accept(
        &self,
        (account, domain): (AccountId, DomainId),
        mail: Mail,
        later: Duration,
    ) -> MessageId {
        let now = self.clock.now();
        let due = now + later;
        let id = MessageId::new(&*self.clock, &*self.random);
        let entry = |address: &String| NewQueueEntry {
            id: RecipientId::new(&*self.clock, &*self.random),
            envelope: Envelope {
                reverse_path: "bounce@ours.example".into(),
                recipient: address.clone(),
                source: mail.options.source(),
            },
        };
        let message = NewMessage {
            id,
            created_at: now,
            header_message_id: format!("{id}@ours.example"),
            template: EventDetails {
                tags: vec!["welcome".into()],
                message: MessageInfo { message_id: format!("{id}@ours.example"), ..MessageInfo::default() },
                envelope: Some(EnvelopeInfo { sender: "a@ours.example".into(), ..EnvelopeInfo::default() }),
                ..EventDetails::default()
            },
            entries: mail.to.iter().map(entry).collect(),
            body: mail.content,
            options: mail.options,
            schedule: Schedule { not_before: due, give_up_at: due + mail.give_up_after },
            capture: mail.capture,
            archive_to: mail.archive_to,
            keep_until: now,
        };
        let accept =
            Accept { account, domain, messages: vec![message], events: Vec::new(), idempotency: None };
        let lists = self.store.lists_as_of_now();
        self.store.accept_as_of(accept, Some(lists)).await.expect("accepted");
        id
    }

    /// All events, oldest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let stored = self.store.read_log(0, 100_000).await.expect("events");
        let open = |event: waxseal_store::event_log::StoredEvent| Event {
            kind: event.kind,
            severity: event.severity,
            at: event.at,
            message: event.message,
            details: event.details.into_open(&ACCESS),
        };
        stored.into_iter().map(open).collect()
    }

    /// All events, once there are this many.
    pub(crate) async fn wait_for_events(&self, count: usize) -> Vec<Event> {
        let mut changes = self.store.log_changes();
        let found = async {
            loop {
                let events = self.events().await;
                if events.len() >= count {
                    return events;
                }
                changes.changed().await.expect("the store is open");
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(events) => events,
            Err(_) => panic!("{} of {count} events came", self.events().await.len()),
        }
    }

    pub(crate) async fn queue(&self) -> QueueCounts {
        self.store.queue_counts(&QueueFilter::default()).await.expect("counts")
    }

    /// Waits until nothing is in anybody's hands.
    pub(crate) async fn wait_until_idle(&self) {
        let idle = async {
            while self.queue().await.in_flight > 0 || self.load().1 > 0 {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, idle).await;
        assert!(ended.is_ok(), "stuck: {:?}, {:?} in memory", self.queue().await, self.load());
    }

    /// Waits until so many recipients are in memory.
    pub(crate) async fn wait_until_held(&self, count: usize) {
        let held = async {
            while self.load().1 != count {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, held).await;
        assert!(ended.is_ok(), "{} in memory instead of {count}", self.load().1);
    }

    /// Waits until delivery has nothing to do before `due`.
    pub(crate) async fn wait_until_asleep(&self, due: Timestamp) {
        let asleep = async {
            while self.clock.next_sleeper() != Some(due) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asleep).await.expect("delivery sleeps until the next attempt is due");
    }

    /// Waits until every connection is gone.
    pub(crate) async fn wait_until_hung_up(&self) {
        let hung_up = async {
            while self.load().0 > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, hung_up).await.expect("no connection is stuck");
    }
}

async fn new_account(store: &Store, clock: &ManualClock, random: &SeededRandom) -> AccountId {
    let account = AccountId::new(clock, random);
    let mut secret_hash = [0; 32];
    random.fill(&mut secret_hash);
    let profile = AccountProfile { name: "Ada".into(), email: "ada@ours.example".into(), company: None };
    let key = NewApiKey {
        id: waxseal_model::KeyId::new(clock, random),
        account,
        scope: KeyScope::Account,
        secret_hash,
        label: "key".into(),
        created_at: clock.now(),
    };
    let new = NewAccount { id: account, created_at: clock.now(), profile };
    store.create_account(new, key).await.expect("an account");
    account
}

async fn new_domain(
    store: &Store,
    (clock, random): (&ManualClock, &SeededRandom),
    account: AccountId,
    name: &str,
) -> DomainId {
    let domain = DomainId::new(clock, random);
    let new = NewDomain {
        id: domain,
        account,
        name: name.into(),
        kind: DomainKind::Custom,
        state: DomainState::Active,
        settings: DomainSettings {
            require_tls: false,
            skip_verification: false,
            message_ttl_secs: 0,
            ..DomainSettings::default()
        },
        return_path_key: vec![9; 32],
        created_at: clock.now(),
        dkim_keys: Vec::new(),
        tend_at: None,
    };
    store.create_domain(new).await.expect("a domain");
    domain
}

//! A whole API without sockets: hand-moved clock, seeded chance, a store in a folder of its own.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use waxseal_accounts::Accounts;
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_http_api::{ApiService, HttpConfig, Services, service};
use waxseal_insight::Insight;
use waxseal_mail::dkim;
use waxseal_model::{
    Access, AccountId, Clock as _, DomainId, EventId, KeyId, ManualClock, Random as _, SeededRandom,
    Timestamp, actor,
    event::{DeliveryStatus, EventKind, Severity},
    purpose,
};
use waxseal_privacy::{
    Eraser, Retention, RetentionConfig,
    audit::{AuditConfig, AuditLog},
    erasure::{ErasureConfig, LookedFor, Seen, Sighting, Witness},
    export::Exports,
};
use waxseal_sending::{Sending, SendingConfig};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::KeyScope,
    domain::{DkimAlgorithm, DomainKind, DomainSettings, DomainState, NewDkimKey, NewDomain},
    message::NewEvent,
    queue::{LeaseRequest, LeasedEntry, Outcome, Settlement},
};
use waxseal_suppression::Imports;

pub(crate) const ACCESS: Access<purpose::Delivery> = Access::new(actor::System, purpose::Delivery);
/// 2027-01-15T08:00:00Z
pub(crate) const START: i64 = 1_800_000_000;

pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) api: ApiService,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) store: Store,
    /// Account with domain `mg.example.org` and sandbox `sandbox.example.org`.
    pub(crate) mine: Customer,
    pub(crate) folder: TempDir,
}

pub(crate) struct Customer {
    pub(crate) account: AccountId,
    pub(crate) key: String,
    pub(crate) domain: DomainId,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// Looks nowhere: what is left in files is not the door's matter.
struct Nowhere;

impl Witness for Nowhere {
    fn look(&self, _: LookedFor) -> Sighting<'_> {
        Box::pin(async { Ok(Seen::default()) })
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HttpConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().to_owned();
        let master_key = MasterKey::File(data_dir.join("master.key"));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
        let random = Arc::new(SeededRandom::new(7));
        let store = StoreConfig { engine: Engine::Sqlite, data_dir, master_key, keys_dir: None };
        let store = Store::open(store, clock.clone(), random.clone()).await.expect("a store");
        let audit = AuditLog::open(store.clone(), clock.clone(), AuditConfig::in_folder(folder.path()));
        let audit = audit.await.expect("a trail");
        let retention = Retention::new(store.clone(), clock.clone(), RetentionConfig::default());
        let (trail, retention) = (audit.clone(), Arc::new(retention));
        let config = ErasureConfig::default();
        let eraser = Eraser::open(store.clone(), clock.clone(), trail, retention, Arc::new(Nowhere), config);
        let eraser = eraser.await.expect("an eraser");
        let accounts = Accounts::new(store.clone(), clock.clone(), random.clone());
        let hostname = "mail.example.org".to_owned();
        let domains = DomainsConfig { hostname: hostname.clone(), message_ttl_secs: 259_200 };
        let domains = Domains::new(store.clone(), clock.clone(), random.clone(), domains);
        let sending = SendingConfig::new(hostname);
        let sending = Sending::new(store.clone(), domains.clone(), clock.clone(), random.clone(), sending);
        let services = Services {
            store: store.clone(),
            accounts,
            domains,
            sending,
            insight: Insight::new(store.clone()),
            audit: audit.clone(),
            eraser,
            imports: Imports::new(store.clone(), clock.clone(), random.clone()),
            exports: Exports::new(
                store.clone(),
                clock.clone(),
                random.clone(),
                audit,
                Duration::from_secs(86_400),
            ),
            delivering: None,
            clock: clock.clone(),
            random: random.clone(),
        };
        let mut config = HttpConfig::new(vec!["127.0.0.1:0".parse().expect("address")]);
        config.public_url = Some("https://api.example.org/".into());
        change(&mut config);
        let api = service(&config, services.clone());
        let mine = customer(&services, &clock, &random, "mg.example.org", "sandbox.example.org").await;
        Self { services, api, clock, random, store, mine, folder }
    }

    pub(crate) async fn stranger(&self) -> Customer {
        customer(&self.services, &self.clock, &self.random, "their.example", "sandbox.their.example").await
    }

    /// A request with the account's key.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, basic(&self.mine.key))
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("api.test"));
        Answer::read(self.api.answer(request).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).expect("request")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).expect("request")).await
    }

    /// A urlencoded form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = urlencoded(fields);
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        self.send(request.expect("request")).await
    }

    /// A urlencoded form, by PUT.
    pub(crate) async fn put(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .request(Method::PUT, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(urlencoded(fields)));
        self.send(request.expect("request")).await
    }

    /// A multipart form; parts are their headers and content.
    pub(crate) async fn post_parts(&self, path: &str, parts: &[(&str, &[u8])]) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz")
            .body(Body::from(multipart(parts)));
        self.send(request.expect("request")).await
    }

    /// Sends a small message from `mg.example.org`; its Message-ID without brackets.
    pub(crate) async fn message(&self, more: &[(&str, &str)]) -> String {
        self.message_of("mg.example.org", more).await
    }

    pub(crate) async fn message_of(&self, domain: &str, more: &[(&str, &str)]) -> String {
        let from = format!("Ann <ann@{domain}>");
        let mut fields = vec![
            ("from", from.as_str()),
            ("to", "bob@rcpt.example"),
            ("subject", "Hello"),
            ("text", "Hi there"),
        ];
        fields.retain(|(name, _)| !more.iter().any(|(given, _)| given == name));
        fields.extend_from_slice(more);
        let answer = self.post(&format!("/v3/{domain}/messages"), &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.json()["id"].as_str().expect("id").to_owned();
        self.clock.advance(Duration::from_secs(1));
        id.trim_matches(['<', '>']).to_owned()
    }

    /// What is due now, as the delivery worker takes it.
    pub(crate) async fn lease(&self) -> Vec<LeasedEntry> {
        let request = LeaseRequest {
            now: self.clock.now(),
            limit: 100,
            hold_for: Duration::from_secs(600),
            pass_over: waxseal_store::queue::PassedOver::default(),
        };
        self.store.lease(request).await.expect("lease")
    }

    /// Ends an entry with an event.
    pub(crate) async fn settle(
        &self,
        entry: LeasedEntry,
        kind: EventKind,
        severity: Option<Severity>,
        status: DeliveryStatus,
        outcome: Outcome,
    ) {
        let message = self.store.message(entry.account, entry.message).await.expect("ok").expect("message");
        let mut details = message.template.open(&ACCESS).clone();
        let envelope = entry.envelope.open(&ACCESS);
        details.recipient = Some(envelope.recipient.clone());
        details.message.recipients.clear();
        if let Some(block) = &mut details.envelope {
            block.targets.clone_from(&envelope.recipient);
            block.sending_ip = Some("192.0.2.7".into());
        }
        details.reason = (kind == EventKind::Failed).then(|| "generic".into());
        details.delivery_status = Some(status);
        let event = NewEvent {
            id: EventId::new(&*self.clock, &*self.random),
            at: self.clock.now(),
            kind,
            severity,
            account: entry.account,
            domain: entry.domain,
            message: Some(entry.message),
            details,
        };
        let settlement =
            Settlement { entry: entry.id, lease: Some(entry.lease), outcome, events: vec![event] };
        self.store.settle(vec![settlement]).await.expect("settle");
        self.clock.advance(Duration::from_secs(1));
    }

    /// Captures everything that is due, as a sandbox does.
    pub(crate) async fn capture_all(&self) {
        for entry in self.lease().await {
            let expires_at = self.clock.now() + Duration::from_secs(86_400);
            let status = DeliveryStatus { code: 250, ..DeliveryStatus::default() };
            self.settle(entry, EventKind::Delivered, None, status, Outcome::Captured { expires_at }).await;
        }
    }

    /// A key that only sends, for this domain.
    pub(crate) async fn sending_key(&self, domain: DomainId) -> String {
        let key =
            self.services.accounts.create_key(self.mine.account, KeyScope::DomainSending(domain), "k").await;
        key.expect("key").secret
    }
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("body").to_bytes().to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and body in one line, for snapshots.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.text())
    }
}

pub(crate) fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("api:{key}")))
}

pub(crate) fn urlencoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

pub(crate) fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        body.extend_from_slice(b"--xyz\r\nContent-Disposition: form-data; ");
        body.extend_from_slice(disposition.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xyz--\r\n");
    body
}

async fn customer(
    services: &Services,
    clock: &ManualClock,
    random: &SeededRandom,
    domain: &str,
    sandbox: &str,
) -> Customer {
    let account = services.accounts.create("Ann", "ops@example.org", None).await.expect("account");
    make_domain(services, clock, random, account.id, sandbox, DomainKind::Sandbox).await;
    Customer {
        account: account.id,
        key: account.key.secret,
        domain: make_domain(services, clock, random, account.id, domain, DomainKind::Custom).await,
    }
}

/// A domain with an Ed25519 key alone: RSA keys take long to make.
async fn make_domain(
    services: &Services,
    clock: &ManualClock,
    random: &SeededRandom,
    account: AccountId,
    name: &str,
    kind: DomainKind,
) -> DomainId {
    let id = DomainId::new(clock, random);
    let pair = dkim::generate(dkim::Algorithm::Ed25519).expect("a key");
    let key = NewDkimKey {
        id: KeyId::new(clock, random),
        selector: "s1".into(),
        algorithm: DkimAlgorithm::Ed25519Sha256,
        private_key: pair.private_pkcs8.to_vec(),
        public_key: STANDARD.decode(&pair.public).expect("base64"),
        active: true,
        created_at: clock.now(),
    };
    let mut return_path_key = vec![0; 32];
    random.fill(&mut return_path_key);
    let settings = DomainSettings {
        require_tls: false,
        skip_verification: false,
        message_ttl_secs: 259_200,
        ..DomainSettings::default()
    };
    let domain = NewDomain {
        id,
        account,
        name: name.into(),
        kind,
        state: DomainState::Active,
        settings,
        return_path_key,
        created_at: clock.now(),
        dkim_keys: vec![key],
        tend_at: None,
    };
    services.store.create_domain(domain).await.expect("domain");
    id
}

//! A store in a temporary folder, a hand-moved clock, an account with a domain, and ways to look at what
//! was accepted.

use std::sync::Arc;

use mail_parser::{Message, MessageParser};
use waxseal_accounts::{
    Accounts,
    caller::{Caller, Proof},
};
use waxseal_domains::{Domains, DomainsConfig};
use waxseal_model::{
    Access, KeyId, ManualClock, MessageId, SeededRandom, Timestamp, actor,
    event::{EventDetails, EventKind, Severity},
    purpose,
};
use waxseal_sending::{
    SendError, Sending, SendingConfig, Sent,
    request::{Content, Parts, SendRequest, Via},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    domain::{Domain, DomainState},
    event_log::EventQuery,
    queue::{QueueEntry, QueueFilter},
};

/// Tuesday, 10 February 2026, 12:34:56 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);
pub(crate) const DOMAIN: &str = "mg.example.org";
pub(crate) const ACCESS: Access<purpose::CustomerAccess> =
    Access::new(actor::System, purpose::CustomerAccess);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) domains: Domains,
    pub(crate) sending: Sending,
    pub(crate) caller: Caller,
    pub(crate) domain: Domain,
    _folder: tempfile::TempDir,
}

/// An event, opened.
pub(crate) struct Told {
    pub(crate) kind: EventKind,
    pub(crate) severity: Option<Severity>,
    pub(crate) message: Option<MessageId>,
    pub(crate) details: EventDetails,
}

/// What is queued for one recipient.
pub(crate) struct Queued {
    pub(crate) entry: QueueEntry,
    pub(crate) recipient: String,
    pub(crate) reverse_path: String,
    pub(crate) body: Vec<u8>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(NOW, SendingConfig::new("mail.example.org")).await
    }

    pub(crate) async fn at(now: Timestamp, config: SendingConfig) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::new(ManualClock::at(now));
        let random = Arc::new(SeededRandom::new(42));
        let store = StoreConfig {
            engine: Engine::Sqlite,
            data_dir: folder.path().to_owned(),
            master_key: MasterKey::Hex("07".repeat(32)),
            keys_dir: None,
        };
        let store = Store::open(store, clock.clone(), random.clone()).await.expect("store");
        let accounts = Accounts::new(store.clone(), clock.clone(), random.clone());
        let domains_config = DomainsConfig { hostname: "mail.example.org".into(), message_ttl_secs: 259_200 };
        let domains = Domains::new(store.clone(), clock.clone(), random.clone(), domains_config);
        let sending = Sending::new(store.clone(), domains.clone(), clock.clone(), random, config);
        let account = accounts.create("Ada", "ada@example.org", None).await.expect("account").id;
        let domain = domains.create(account, DOMAIN).await.expect("domain").domain;
        let proof = Proof::ApiKey(KeyId::from_u128(0x0001_0000_0002));
        let peer = Some("198.51.100.77".parse().expect("address"));
        let caller = Caller { account, only_domain: None, proof, peer };
        Self { store, clock, domains, sending, caller, domain, _folder: folder }
    }

    /// A request with these parts and nothing else.
    pub(crate) fn request(&self, parts: Parts) -> SendRequest {
        self.request_of(Content::Parts(parts))
    }

    /// A request through `.mime`.
    pub(crate) fn mime_request(&self, mime: &str, to: &[&str]) -> SendRequest {
        let (mime, to) = (mime.replace('\n', "\r\n").into_bytes(), strings(to));
        self.request_of(Content::Mime { mime, to, headers: Vec::new(), mail_from: None })
    }

    fn request_of(&self, content: Content) -> SendRequest {
        SendRequest {
            caller: self.caller.clone(),
            domain: self.domain.clone(),
            via: Via::Http,
            content,
            options: Vec::new(),
            variables: Vec::new(),
            recipient_variables: None,
            template: Vec::new(),
            idempotency: None,
            tls_report: false,
        }
    }

    pub(crate) async fn send(&self, request: SendRequest) -> Result<Sent, SendError> {
        self.sending.send(request).await
    }

    /// Everything in the queue, by recipient.
    pub(crate) async fn queued(&self) -> Vec<Queued> {
        let entries = self.store.queue_entries(&QueueFilter::default(), 20_000).await.expect("queue");
        let mut queued = Vec::new();
        for entry in entries {
            let envelope = entry.envelope.open(&ACCESS);
            let (recipient, reverse_path) = (envelope.recipient.clone(), envelope.reverse_path.clone());
            let body = self.body(entry.message).await;
            queued.push(Queued { entry, recipient, reverse_path, body });
        }
        queued.sort_by(|a, b| a.recipient.cmp(&b.recipient));
        queued
    }

    /// The only thing in the queue.
    pub(crate) async fn only(&self) -> Queued {
        let mut queued = self.queued().await;
        assert_eq!(queued.len(), 1);
        queued.remove(0)
    }

    pub(crate) async fn body(&self, message: MessageId) -> Vec<u8> {
        let body = self.store.body(self.caller.account, message).await.expect("store");
        body.expect("body").into_open(&Access::new(actor::System, purpose::Delivery))
    }

    /// All events, oldest first.
    pub(crate) async fn events(&self) -> Vec<Told> {
        let query = EventQuery {
            account: self.caller.account,
            domain: None,
            from: None,
            until: None,
            beyond: None,
            after_seq: None,
            until_seq: None,
            ascending: true,
            kinds: Vec::new(),
            ending: false,
            recipient: None,
            header_message_id: None,
            limit: 20_000,
        };
        let events = self.store.events(&query).await.expect("events");
        let told = |event: waxseal_store::event_log::StoredEvent| Told {
            kind: event.kind,
            severity: event.severity,
            message: event.message,
            details: event.details.into_open(&ACCESS),
        };
        events.into_iter().map(told).collect()
    }

    /// Puts the domain into another state; requests made from then on carry it.
    pub(crate) async fn set_state(&mut self, state: DomainState) {
        let (account, id) = (self.domain.account, self.domain.id);
        let changed = self.store.change_domain(account, id, |change| change.state = state);
        assert!(changed.await.expect("store").is_some());
        self.domain.state = state;
    }
}

/// A short message to one person.
pub(crate) fn letter() -> Parts {
    Parts {
        from: strings(&["Ada <ada@mg.example.org>"]),
        to: strings(&["bob@example.net"]),
        subject: Some("Hello".into()),
        text: Some("Hi Bob".into()),
        ..Parts::default()
    }
}

pub(crate) fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The message as another program reads it.
pub(crate) fn parsed(body: &[u8]) -> Message<'_> {
    MessageParser::new().parse(body).expect("a message")
}

/// The unfolded value of a header.
pub(crate) fn header(body: &[u8], name: &str) -> Option<String> {
    headers(body, name).into_iter().next()
}

/// The unfolded values of all headers of this name.
pub(crate) fn headers(body: &[u8], name: &str) -> Vec<String> {
    let end = body.windows(4).position(|window| window == b"\r\n\r\n").expect("end of headers");
    let block =
        String::from_utf8(body[..end].to_vec()).expect("text").replace("\r\n ", " ").replace("\r\n\t", " ");
    let field = |line: &str| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    block.split("\r\n").filter_map(field).collect()
}

//! An event log in a folder of its own, with a hand-moved clock.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use waxseal_insight::{
    Insight, Search,
    range::{AskedRange, Range},
    search::{Place, filter},
};
use waxseal_model::{
    Access, AccountId, Clock as _, DomainId, EventId, KeyId, ManualClock, SeededRandom, Timestamp, actor,
    event::{EventDetails, EventKind, MessageInfo, Severity},
    purpose,
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    domain::{DomainKind, DomainSettings, DomainState, NewDomain},
    message::NewEvent,
};

pub(crate) const ACCESS: Access<purpose::CustomerAccess> =
    Access::new(actor::Customer, purpose::CustomerAccess);

pub(crate) struct World {
    pub(crate) insight: Insight,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) account: AccountId,
    pub(crate) domain: DomainId,
    random: Arc<SeededRandom>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().to_owned();
        let master_key = MasterKey::File(data_dir.join("master.key"));
        let config = StoreConfig { engine: Engine::Sqlite, data_dir, master_key, keys_dir: None };
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(7));
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("a store");
        let account = AccountId::new(&*clock, &*random);
        let domain = DomainId::new(&*clock, &*random);
        let world = Self {
            insight: Insight::new(store.clone()),
            store,
            clock,
            account,
            domain,
            random,
            _folder: folder,
        };
        world.make_account(account, domain, "a.example").await;
        world
    }

    pub(crate) async fn other_account(&self) -> (AccountId, DomainId) {
        let (account, domain) =
            (AccountId::new(&*self.clock, &*self.random), DomainId::new(&*self.clock, &*self.random));
        self.make_account(account, domain, "b.example").await;
        (account, domain)
    }

    async fn make_account(&self, account: AccountId, domain: DomainId, name: &str) {
        let created_at = self.clock.now();
        let profile = AccountProfile { name: "n".into(), email: "o@p.example".into(), company: None };
        let key = NewApiKey {
            id: KeyId::new(&*self.clock, &*self.random),
            account,
            scope: KeyScope::Account,
            secret_hash: [name.len() as u8 ^ name.as_bytes()[0]; 32],
            label: "k".into(),
            created_at,
        };
        self.store
            .create_account(NewAccount { id: account, created_at, profile }, key)
            .await
            .expect("account");
        let settings = DomainSettings {
            require_tls: false,
            skip_verification: false,
            message_ttl_secs: 0,
            ..DomainSettings::default()
        };
        let domain = NewDomain {
            id: domain,
            account,
            name: name.into(),
            kind: DomainKind::Custom,
            state: DomainState::Active,
            settings,
            return_path_key: vec![1; 32],
            created_at,
            dkim_keys: Vec::new(),
            tend_at: None,
        };
        self.store.create_domain(domain).await.expect("domain");
    }

    /// Appends an event now and lets a second pass.
    pub(crate) async fn tell(&self, kind: EventKind, recipient: &str, subject: &str) {
        self.tell_of(self.account, self.domain, kind, recipient, subject).await;
    }

    pub(crate) async fn tell_of(
        &self,
        account: AccountId,
        domain: DomainId,
        kind: EventKind,
        recipient: &str,
        subject: &str,
    ) {
        let message = MessageInfo {
            message_id: format!("{subject}.Id@a.example"),
            subject: subject.into(),
            size: 1_000,
            ..MessageInfo::default()
        };
        let event = NewEvent {
            id: EventId::new(&*self.clock, &*self.random),
            at: self.clock.now(),
            kind,
            severity: (kind == EventKind::Failed).then_some(Severity::Permanent),
            account,
            domain,
            message: None,
            details: EventDetails { recipient: Some(recipient.into()), message, ..EventDetails::default() },
        };
        self.store.append_events(vec![event]).await.expect("append");
        self.clock.advance(Duration::from_secs(1));
    }

    pub(crate) fn question(&self, filters: &[(&str, &str)]) -> Search {
        Search {
            account: self.account,
            domain: Some(self.domain),
            range: self.range(AskedRange { ascending: Some(true), ..AskedRange::default() }),
            filters: filters.iter().map(|(name, text)| filter(name, text).expect("a filter")).collect(),
            place: Place::First,
            limit: 3,
        }
    }

    pub(crate) fn range(&self, asked: AskedRange) -> Range {
        asked.settle(self.clock.now()).expect("a range")
    }

    /// The subjects of a page.
    pub(crate) async fn ask(&self, search: &Search) -> (Vec<String>, Place, Place) {
        let page = self.insight.search(search, &ACCESS).await.expect("a page");
        let subjects =
            page.events.iter().map(|event| event.details.open(&ACCESS).message.subject.clone()).collect();
        (subjects, page.next, page.previous)
    }
}

//! Domains on a real store.

mod fuzzed;
mod keys;
mod verifying;

use std::{sync::Arc, time::Duration};

use waxseal_domains::{
    CreateDomainError, Domains, DomainsConfig,
    dns::{DnsPurpose, DnsRecord},
    name, return_path,
};
use waxseal_model::{AccountId, Clock as _, KeyId, ManualClock, RecipientId, SeededRandom, Timestamp};
use waxseal_net::{NetConfig, Published};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    domain::{DomainKind, DomainState},
};
use waxseal_testkit::dns_zone::Zone;

const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);

struct World {
    domains: Domains,
    account: AccountId,
    clock: Arc<ManualClock>,
    zone: Zone,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let (clock, random) = (Arc::new(ManualClock::at(NOW)), Arc::new(SeededRandom::new(5)));
        let config = StoreConfig {
            engine: Engine::Sqlite,
            data_dir: folder.path().to_owned(),
            master_key: MasterKey::Hex("07".repeat(32)),
            keys_dir: None,
        };
        let store = Store::open(config, clock.clone(), random.clone()).await.expect("store");
        let account = AccountId::new(&*clock, &*random);
        let profile = AccountProfile { name: "Ada".into(), email: "ada@example.org".into(), company: None };
        let key = NewApiKey {
            id: KeyId::new(&*clock, &*random),
            account,
            scope: KeyScope::Account,
            secret_hash: [0; 32],
            label: "key".into(),
            created_at: NOW,
        };
        store
            .create_account(NewAccount { id: account, created_at: NOW, profile }, key)
            .await
            .expect("account");
        let config = DomainsConfig { hostname: "mail.example.org".into(), message_ttl_secs: 259_200 };
        let zone = Zone::start().await.expect("a nameserver");
        let net = NetConfig { nameservers: vec![zone.nameserver()], ..NetConfig::default() };
        let domains = Domains::new(store, clock.clone(), random, config);
        let domains = domains.asking(Published::new(&net).expect("a resolver"));
        Self { domains, account, clock, zone, _folder: folder }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }
}

fn of(records: &[DnsRecord], purpose: DnsPurpose) -> Vec<&DnsRecord> {
    records.iter().filter(|record| record.purpose == purpose).collect()
}

#[tokio::test]
async fn a_domain_comes_with_its_keys_and_the_records_to_publish() {
    let world = World::new().await;
    let made = world.domains.create(world.account, "MG.Example.ORG").await.expect("domain");
    assert_eq!(made.domain.name, "mg.example.org");
    assert_eq!((made.domain.kind, made.domain.state), (DomainKind::Custom, DomainState::Active));
    let dkim = of(&made.dns, DnsPurpose::Dkim);
    assert_eq!(dkim.len(), 2);
    assert!(dkim.iter().all(|record| record.record_type == "TXT"));
    assert!(dkim.iter().all(|record| record.name.ends_with("._domainkey.mg.example.org")));
    assert!(dkim[0].value.contains("k=rsa;") && dkim[0].value.len() > 350, "{}", dkim[0].value);
    assert!(dkim[1].value.contains("k=ed25519;"), "{}", dkim[1].value);
    let spf = of(&made.dns, DnsPurpose::Spf)[0];
    assert_eq!((spf.name.as_str(), spf.value.as_str()), ("mg.example.org", "v=spf1 a:mail.example.org ~all"));
    let mx = of(&made.dns, DnsPurpose::ReturnPath)[0];
    assert_eq!((mx.record_type, mx.value.as_str(), mx.priority), ("MX", "mail.example.org", Some(10)));
    assert_eq!(of(&made.dns, DnsPurpose::Dmarc)[0].name, "_dmarc.mg.example.org");
    let found = world.domains.by_name(world.account, "mg.EXAMPLE.org.").await.expect("store").expect("found");
    assert_eq!(found.id, made.domain.id);
    assert_eq!(world.domains.dns_records(&found).await.expect("records"), made.dns);
}

#[tokio::test]
async fn a_name_is_taken_once_and_only_by_an_account() {
    let world = World::new().await;
    world.domains.create(world.account, "mg.example.org").await.expect("domain");
    let again = world.domains.create(world.account, "mg.example.org").await;
    assert_eq!(
        again.err().map(|error| error.to_string()).as_deref(),
        Some("This domain name is already taken")
    );
    let nobody = AccountId::from_u128(1);
    let made = world.domains.create(nobody, "other.example.org").await;
    assert!(matches!(made, Err(CreateDomainError::UnknownAccount(_))));
    let made = world.domains.create(world.account, "localhost").await;
    assert!(matches!(made, Err(CreateDomainError::Name(_))));
    assert!(world.domains.by_name(nobody, "mg.example.org").await.expect("store").is_none());
}

#[tokio::test]
async fn a_sandbox_is_named_or_gets_a_name_and_needs_no_routes() {
    let world = World::new().await;
    let made = world.domains.create_sandbox(world.account, None).await.expect("sandbox");
    let (label, host) = made.domain.name.split_once('.').expect("name");
    assert!(label.len() == "sandbox".len() + 32 && label.starts_with("sandbox"), "{label}");
    assert_eq!(host, "mail.example.org");
    assert_eq!(made.domain.kind, DomainKind::Sandbox);
    assert!(made.dns.iter().all(|record| record.purpose == DnsPurpose::Dkim));
    let named = world.domains.create_sandbox(world.account, Some("localhost")).await.expect("sandbox");
    assert_eq!(named.domain.name, "localhost");
}

#[tokio::test]
async fn return_paths_lead_back_to_their_recipient_and_forged_ones_nowhere() {
    let world = World::new().await;
    let domain = world.domains.create(world.account, "mg.example.org").await.expect("domain").domain;
    let other = world.domains.create(world.account, "other.example.org").await.expect("domain").domain;
    let keys = world.domains.keys(&domain).await.expect("keys");
    assert_eq!(keys.signers.len(), 2);
    let recipient = RecipientId::from_u128(77);
    let address = keys.return_path.address(recipient);
    let found = world.domains.parse_return_path(&address).await.expect("keys").expect("ours");
    assert_eq!((found.account, found.domain, found.recipient), (world.account, domain.id, recipient));
    let moved = address.replace("mg.example.org", &other.name);
    let unknown = address.replace("mg.example.org", "elsewhere.example");
    for forged in [moved.as_str(), unknown.as_str(), "bounce+x@mg.example.org", "bounce", "@", ""] {
        assert_eq!(world.domains.parse_return_path(forged).await.expect("keys"), None, "{forged}");
    }
}

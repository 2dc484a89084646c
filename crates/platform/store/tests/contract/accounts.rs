//! Accounts, keys, domains and credentials come back as they were given, and to their owners alone.

use waxseal_model::{Access, AccountId, CredentialId, KeyId, actor, purpose};
use waxseal_store::{
    Engine, StoreError,
    account::KeyScope,
    credential::{NewNetworkCredential, NewSmtpCredential},
    domain::{DomainSettings, DomainState},
};

use crate::world::{ACCESS, World};

const SIGNING: Access<purpose::Signing> = Access::new(actor::System, purpose::Signing);
const AUTHENTICATION: Access<purpose::Authentication> = Access::new(actor::System, purpose::Authentication);

/// What the tests' own PostgreSQL has logged so far; nothing where there is none.
fn server_log(world: &World) -> String {
    let Engine::Postgres(url) = &world.config.engine else { return String::new() };
    let host = url.split_once('@').and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    std::fs::read_to_string(format!("{}/log", host.replace("%2F", "/"))).unwrap_or_default()
}

pub(crate) async fn an_account_comes_back_with_its_profile_and_key(mut world: World) {
    let id = AccountId::new(world.clock(), world.random());
    let key = world.key(id, KeyScope::Account);
    let hash = key.secret_hash;
    world.store.create_account(world.new_account(id), key).await.expect("made");
    world.reopen().await;
    let account = world.store.account(id).await.expect("read").expect("there");
    assert_eq!(account.id, id);
    assert_eq!(account.created_at, world.now());
    assert_eq!(account.profile.open(&ACCESS).email, "ada@customer.example");
    assert!(!account.disabled);
    let key = world.store.api_key_by_hash(&hash).await.expect("read").expect("there");
    assert_eq!((key.account, key.scope, key.label.as_str()), (id, KeyScope::Account, "first key"));
    assert!(world.store.account(AccountId::from_u128(1)).await.expect("read").is_none());
    let other = world.account().await;
    let all = world.store.accounts(None, 10).await.expect("read");
    assert_eq!(all.len(), 2);
    let (first, second) = if id < other { (id, other) } else { (other, id) };
    let rest = world.store.accounts(Some(first), 10).await.expect("read");
    assert_eq!(rest.iter().map(|account| account.id).collect::<Vec<_>>(), [second]);
    let again = world.store.create_account(world.new_account(id), world.key(id, KeyScope::Account)).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "account" })));
}

pub(crate) async fn keys_are_found_by_hash_and_deleted_by_their_owner_alone(world: World) {
    let (owner, stranger) = (world.account().await, world.account().await);
    let domain = world.domain(owner, "owner.example").await;
    let key = world.key(owner, KeyScope::DomainSending(domain));
    let (id, hash) = (key.id, key.secret_hash);
    world.store.create_api_key(key).await.expect("made");
    let found = world.store.api_key_by_hash(&hash).await.expect("read").expect("there");
    assert_eq!(found.scope, KeyScope::DomainSending(domain));
    assert_eq!(world.store.api_keys(owner).await.expect("read").len(), 2);
    assert!(!world.store.delete_api_key(stranger, id).await.expect("asked"));
    assert!(world.store.delete_api_key(owner, id).await.expect("asked"));
    assert!(!world.store.delete_api_key(owner, id).await.expect("asked"));
    assert!(world.store.api_key_by_hash(&hash).await.expect("read").is_none());
}

pub(crate) async fn a_domain_comes_back_with_its_sealed_keys(mut world: World) {
    let account = world.account().await;
    let id = world.domain(account, "mail.example").await;
    world.reopen().await;
    let domain = world.store.domain_by_name(account, "mail.example").await.expect("read").expect("there");
    assert_eq!((domain.id, domain.settings.message_ttl_secs), (id, 3600));
    let keys = world.store.dkim_keys(account, id).await.expect("read");
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].private_key.open(&SIGNING), b"the private half");
    assert_eq!((keys[0].selector.as_str(), keys[0].public_key.as_slice()), ("s1", [7; 32].as_slice()));
    let key = world.store.return_path_key(account, id).await.expect("read").expect("there");
    assert_eq!(key.open(&SIGNING), &[9; 32]);
    let settings = DomainSettings {
        require_tls: true,
        skip_verification: false,
        message_ttl_secs: 0,
        ..DomainSettings::default()
    };
    let changed = world.store.change_domain(account, id, |change| {
        (change.state, change.settings) = (DomainState::Disabled, settings.clone());
    });
    assert!(changed.await.expect("asked").is_some());
    let domain = world.store.domain(account, id).await.expect("read").expect("there");
    assert_eq!((domain.state, &domain.settings), (DomainState::Disabled, &settings));
    let stranger = world.account().await;
    assert!(world.store.domain(stranger, id).await.expect("read").is_none());
    assert!(world.store.domain_by_name(stranger, "mail.example").await.expect("read").is_none());
    assert!(world.store.domain_of_instance("mail.example").await.expect("read").is_some());
    assert!(world.store.return_path_key(stranger, id).await.expect("read").is_none());
    assert!(world.store.dkim_keys(stranger, id).await.expect("read").is_empty());
    let changed = world.store.change_domain(stranger, id, |change| {
        (change.state, change.settings) = (DomainState::Active, settings.clone());
    });
    assert!(changed.await.expect("asked").is_none());
}

pub(crate) async fn a_domain_name_is_taken_once_in_the_instance(world: World) {
    let (one, other) = (world.account().await, world.account().await);
    world.domain(one, "taken.example").await;
    let again = world.store.create_domain(world.new_domain(other, "taken.example")).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "domain" })));
    let log = server_log(&world);
    assert!(!log.contains("taken.example"), "PostgreSQL quotes what it refuses: {log}");
    assert_eq!(world.store.domains(other, 0, 10).await.expect("read").0, 0);
}

pub(crate) async fn what_is_left_of_an_erased_accounts_domain_keeps_nobody_from_its_name(mut world: World) {
    let (gone, other) = (world.account().await, world.account().await);
    let id = world.domain(gone, "free.example").await;
    world.domain(gone, "second.example").await;
    world.store.destroy_account_keys(gone).await.expect("destroyed");
    world.reopen().await;
    assert!(world.store.domain_of_instance("free.example").await.expect("read").is_none());
    assert!(world.store.domain_by_name(gone, "free.example").await.expect("read").is_none());
    assert!(world.store.domain(gone, id).await.expect("read").is_none());
    let (count, page) = world.store.domains(gone, 0, 10).await.expect("no error in a list");
    assert_eq!((count, page.len()), (0, 0));
    let new = world.domain(other, "free.example").await;
    let found = world.store.domain_of_instance("free.example").await.expect("read").expect("there");
    assert_eq!((found.account, found.id, found.name.as_str()), (other, new, "free.example"));
    assert_eq!(world.store.dkim_keys(other, new).await.expect("read").len(), 1);
    let again = world.store.create_domain(world.new_domain(other, "Free.example")).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "domain" })), "taken, whatever the case");
}

pub(crate) async fn domains_are_listed_newest_first_with_their_count(world: World) {
    let account = world.account().await;
    let mut names = Vec::new();
    for name in ["a.example", "b.example", "c.example"] {
        world.clock.advance(std::time::Duration::from_millis(1));
        world.domain(account, name).await;
        names.insert(0, name.to_owned());
    }
    let (count, page) = world.store.domains(account, 1, 1).await.expect("read");
    assert_eq!(count, 3);
    assert_eq!(page.into_iter().map(|domain| domain.name).collect::<Vec<_>>(), names[1..2]);
}

pub(crate) async fn a_login_is_found_whatever_its_case_and_taken_once(world: World) {
    let account = world.account().await;
    let domain = world.domain(account, "mail.example").await;
    let new = |login: &str| NewSmtpCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account,
        domain,
        login: login.into(),
        password_hash: "$argon2id$1".into(),
        created_at: world.now(),
    };
    let credential = new("postmaster@mail.example");
    let id = credential.id;
    world.store.create_smtp_credential(credential).await.expect("made");
    let again = world.store.create_smtp_credential(new("PostMaster@mail.example")).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "credential" })));
    assert!(
        world.store.change_smtp_password(account, id, "$argon2id$2".into()).await.expect("asked"),
        "the credential exists"
    );
    let found = world.store.smtp_credential("POSTMASTER@mail.example").await.expect("read").expect("there");
    assert_eq!((found.account, found.domain), (account, domain));
    assert_eq!(found.login.open(&ACCESS), "postmaster@mail.example");
    assert_eq!(found.password_hash.open(&AUTHENTICATION), "$argon2id$2");
    assert_eq!(world.store.smtp_credentials(account, domain).await.expect("read").len(), 1);
    assert!(!world.store.delete_smtp_credential(world.account().await, id).await.expect("asked"));
    assert!(world.store.delete_smtp_credential(account, id).await.expect("asked"));
    assert!(world.store.smtp_credential("postmaster@mail.example").await.expect("read").is_none());
    let gone = CredentialId::from_u128(KeyId::new(world.clock(), world.random()).as_u128());
    assert!(!world.store.change_smtp_password(account, gone, String::new()).await.expect("asked"));
}

pub(crate) async fn networks_are_taken_once(mut world: World) {
    let (account, other) = (world.account().await, world.account().await);
    let new = |account: AccountId, network: &str| NewNetworkCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account,
        network: network.parse().expect("a network"),
        created_at: world.now(),
    };
    let credential = new(account, "10.1.0.0/16");
    let id = credential.id;
    world.store.create_network_credential(credential).await.expect("made");
    for account in [account, other] {
        let again = world.store.create_network_credential(new(account, "10.1.0.0/16")).await;
        assert!(matches!(again, Err(StoreError::Conflict { what: "network" })));
    }
    assert!(!server_log(&world).contains("10.1.0.0"), "PostgreSQL quotes what it refuses");
    world.store.create_network_credential(new(other, "10.1.2.0/24")).await.expect("made");
    let (one, two) = tokio::join!(
        world.store.create_network_credential(new(account, "10.9.0.0/16")),
        world.store.create_network_credential(new(other, "10.9.0.0/16")),
    );
    assert!(one.is_ok() != two.is_ok(), "two who ask at once: one of them has it");
    world.reopen().await;
    let all = world.store.network_credentials().await.expect("read");
    let mut networks: Vec<String> =
        all.iter().map(|one| one.network.open(&AUTHENTICATION).to_string()).collect();
    networks.sort_unstable();
    assert_eq!(networks, ["10.1.0.0/16", "10.1.2.0/24", "10.9.0.0/16"]);
    let first = all.iter().find(|one| one.id == id).expect("there");
    assert_eq!((first.account, first.network.open(&AUTHENTICATION).prefix()), (account, 16));
    assert!(!world.store.delete_network_credential(other, id).await.expect("asked"));
    assert!(world.store.delete_network_credential(account, id).await.expect("asked"));
    assert!(!world.store.delete_network_credential(account, id).await.expect("asked"));
}

//! API keys.

use std::time::Duration;

use waxseal_accounts::{CreateAccountError, api_key::KeyHolder, caller::Proof};
use waxseal_model::{Clock as _, DomainId};
use waxseal_store::account::KeyScope;

use crate::world::World;

#[tokio::test]
async fn a_key_opens_its_account_and_no_other_text_does() {
    let world = World::new().await;
    let fresh = world.accounts.create("Ada", "ada@example.org", Some("Acme")).await.expect("account");
    let caller = world.accounts.by_api_key(&fresh.key.secret, None).await.expect("store").expect("caller");
    assert_eq!(caller.account, fresh.id);
    assert_eq!(caller.only_domain, None);
    assert_eq!(caller.proof, Proof::ApiKey(fresh.key.id));
    let other = world.accounts.create("Bob", "bob@example.org", None).await.expect("account");
    assert_ne!(other.key.secret, fresh.key.secret);
    let mut wrong = fresh.key.secret.clone();
    wrong.replace_range(4..5, if wrong.as_bytes()[4] == b'0' { "1" } else { "0" });
    for text in ["", "key-", wrong.as_str(), &fresh.key.secret[1..], &fresh.key.secret.to_uppercase()] {
        assert!(world.accounts.by_api_key(text, None).await.expect("store").is_none(), "{text}");
    }
}

#[tokio::test]
async fn a_sending_key_is_bound_to_its_domain() {
    let world = World::new().await;
    let account = world.account().await;
    let domain: DomainId = world.domain(account, "mg.example.org").await;
    world.clock.advance(Duration::from_secs(1));
    let key = world.accounts.create_key(account, KeyScope::DomainSending(domain), "app").await.expect("key");
    let caller = world.accounts.by_api_key(&key.secret, None).await.expect("store").expect("caller");
    assert_eq!((caller.account, caller.only_domain), (account, Some(domain)));
    let labels: Vec<_> =
        world.accounts.keys(account).await.expect("keys").into_iter().map(|key| key.label).collect();
    assert_eq!(labels, ["first key", "app"]);
}

#[tokio::test]
async fn a_deleted_key_opens_nothing_here_at_once_and_elsewhere_soon() {
    let world = World::new().await;
    let account = world.account().await;
    let key = world.accounts.create_key(account, KeyScope::Account, "old").await.expect("key");
    let elsewhere = world.another_process();
    for accounts in [&world.accounts, &elsewhere] {
        assert!(accounts.by_api_key(&key.secret, None).await.expect("store").is_some());
    }
    assert!(world.accounts.delete_key(account, key.id).await.expect("store"));
    assert!(!world.accounts.delete_key(account, key.id).await.expect("store"));
    assert!(world.accounts.by_api_key(&key.secret, None).await.expect("store").is_none());
    world.clock.advance(Duration::from_secs(5));
    assert!(elsewhere.by_api_key(&key.secret, None).await.expect("store").is_none());
}

#[tokio::test]
async fn an_account_needs_a_name_and_an_address() {
    let world = World::new().await;
    let long = "x".repeat(201);
    for (name, email, company) in [
        ("", "ada@example.org", None),
        (long.as_str(), "ada@example.org", None),
        ("a\nb", "ada@example.org", None),
        ("Ada", "ada", None),
        ("Ada", "ada@", None),
        ("Ada", "ada@example.org\r\nBcc: x@y", None),
        ("Ada", "ada@example.org", Some(long.as_str())),
    ] {
        let refused = world.accounts.create(name, email, company).await;
        assert!(!matches!(refused, Ok(_) | Err(CreateAccountError::Store(_))), "{name} {email}");
    }
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in_until_it_is_opened_again() {
    let world = World::new().await;
    let (accounts, store) = (&world.accounts, &world.store);
    let account = world.account().await;
    world.domain(account, "mg.example.org").await;
    let key = accounts.create_key(account, KeyScope::Account, "app").await.expect("key").secret;
    let login = accounts.create_smtp_credential(account, "app@mg.example.org", None).await.expect("login");
    accounts
        .create_network_credential(account, "10.1.0.0/16".parse().expect("a network"))
        .await
        .expect("one");
    let peer = "10.1.2.3".parse().expect("address");
    let ways_in = async || {
        let by_login = accounts.by_smtp_login(&login.login, &login.password, peer).await.expect("store");
        [
            accounts.by_api_key(&key, None).await.expect("store").is_some(),
            by_login.is_some(),
            accounts.by_network(peer).await.expect("store").is_some(),
        ]
    };
    assert_eq!(ways_in().await, [true; 3]);
    let until = world.clock.now() + Duration::from_secs(60);
    store.ask_account_erasure(account, until).await.expect("asked");
    assert_eq!(ways_in().await, [false; 3], "at once, whatever is remembered");
    let holder = accounts.key_holder(&key, None).await.expect("store");
    assert!(matches!(holder, Some(KeyHolder::Closed { erased_from, .. }) if erased_from == until));
    assert!(store.take_back_erasure(account).await.expect("taken back"));
    assert_eq!(ways_in().await, [true; 3]);

    let asked = store.ask_account_erasure(account, until).await.expect("asked");
    let begun = store.begin_erasure(&asked).await.expect("begun").expect("not taken back");
    while store.erase_batch(&begun, 100).await.expect("a batch") > 0 {}
    assert_eq!(ways_in().await, [false; 3]);
    store.finish_erasure(&begun, "{}".into()).await.expect("finished");
    assert_eq!(ways_in().await, [false; 3], "nothing is remembered of an erased account");
}

//! API keys.

use std::time::Duration;

use waxseal_accounts::{CreateAccountError, caller::Proof};
use waxseal_model::DomainId;
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

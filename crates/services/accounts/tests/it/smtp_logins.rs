//! SMTP credentials and networks.

use std::net::IpAddr;

use waxseal_accounts::{caller::Proof, smtp::CreateCredentialError};

use crate::world::World;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

#[tokio::test]
async fn a_credential_opens_its_domain_until_it_is_changed_or_deleted() {
    let world = World::new().await;
    let account = world.account().await;
    let domain = world.domain(account, "mg.example.org").await;
    let made =
        world.accounts.create_smtp_credential(account, "App@MG.example.org", None).await.expect("made");
    assert_eq!(made.login, "app@mg.example.org");
    assert_eq!(made.password.len(), 32);
    let accounts = &world.accounts;
    // The second time the check of the first is remembered.
    for login in ["app@mg.example.org", "APP@mg.example.org"] {
        let caller =
            accounts.by_smtp_login(login, &made.password, PEER).await.expect("store").expect("caller");
        assert_eq!((caller.account, caller.only_domain, caller.peer), (account, Some(domain), Some(PEER)));
        assert!(matches!(caller.proof, Proof::SmtpCredential(_)));
    }
    for (login, password) in [("app@mg.example.org", "wrong"), ("no@mg.example.org", made.password.as_str())]
    {
        assert!(accounts.by_smtp_login(login, password, PEER).await.expect("store").is_none());
    }

    let elsewhere = world.another_process();
    let changed = elsewhere.change_smtp_password(account, &made.login, Some("new secret")).await;
    let changed = changed.expect("changed").expect("known");
    assert!(accounts.by_smtp_login(&made.login, &made.password, PEER).await.expect("store").is_none());
    assert!(accounts.by_smtp_login(&made.login, &changed.password, PEER).await.expect("store").is_some());
    assert!(elsewhere.delete_smtp_credential(account, &made.login).await.expect("deleted"));
    assert!(accounts.by_smtp_login(&made.login, &changed.password, PEER).await.expect("store").is_none());
    assert!(!elsewhere.delete_smtp_credential(account, &made.login).await.expect("deleted"));
}

#[tokio::test]
async fn credentials_are_of_a_domain_of_the_account() {
    let world = World::new().await;
    let (ada, bob) = (world.account().await, world.account().await);
    world.domain(ada, "mg.example.org").await;
    let make = |account, login: &'static str, password| {
        world.accounts.create_smtp_credential(account, login, password)
    };
    assert!(matches!(make(ada, "postmaster", None).await, Err(CreateCredentialError::NotAnAddress(_))));
    assert!(matches!(
        make(bob, "a@mg.example.org", None).await,
        Err(CreateCredentialError::UnknownDomain(_))
    ));
    let short = make(ada, "a@mg.example.org", Some("1234")).await.err().map(|error| error.to_string());
    assert_eq!(short.as_deref(), Some("Password is too short. It must be between 5 and 32 characters."));
    make(ada, "a@mg.example.org", Some("12345")).await.expect("made");
    assert!(matches!(make(ada, "A@mg.example.org", None).await, Err(CreateCredentialError::Taken(_))));
    assert!(
        world.accounts.change_smtp_password(bob, "a@mg.example.org", None).await.expect("store").is_none()
    );
    assert!(!world.accounts.delete_smtp_credential(bob, "a@mg.example.org").await.expect("store"));
}

#[tokio::test]
async fn the_narrowest_network_submits_until_it_is_deleted() {
    let world = World::new().await;
    let (ada, bob) = (world.account().await, world.account().await);
    let accounts = &world.accounts;
    let create = |account, network: &str| {
        accounts.create_network_credential(account, network.parse().expect("network"))
    };
    assert!(accounts.by_network("10.1.2.3".parse().expect("address")).await.expect("store").is_none());
    create(ada, "10.0.0.0/8").await.expect("made");
    create(bob, "10.1.0.0/16").await.expect("made");
    assert!(matches!(create(ada, "10.1.0.0/16").await, Err(CreateCredentialError::Taken(_))));
    for everybody in ["0.0.0.0/0", "::/0", "0.0.0.0/1"] {
        assert!(
            matches!(create(ada, everybody).await, Err(CreateCredentialError::TooWide(_))),
            "{everybody}"
        );
    }
    let whose = async |address: &str| {
        let caller = accounts.by_network(address.parse().expect("address")).await.expect("store");
        caller.map(|caller| caller.account)
    };
    assert_eq!(whose("10.1.2.3").await, Some(bob));
    assert_eq!(whose("::ffff:10.2.2.3").await, Some(ada));
    assert_eq!(whose("192.0.2.1").await, None);
    let networks = accounts.network_credentials(bob).await.expect("networks");
    assert_eq!(networks.len(), 1);
    assert!(!accounts.delete_network_credential(ada, networks[0].id).await.expect("store"));
    assert!(accounts.delete_network_credential(bob, networks[0].id).await.expect("store"));
    assert_eq!(whose("10.1.2.3").await, Some(ada));
}

//! Domains that are changed and deleted, with their keys.

use std::time::Duration;

use waxseal_model::{CredentialId, KeyId, suppression::SuppressionKind};
use waxseal_store::{
    account::KeyScope,
    credential::NewSmtpCredential,
    domain::{Changed, DkimAlgorithm, DomainChange, DomainState, NewDkimKey, SpamAction, ToTend},
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    backups::{backed_up, restore},
    suppression_imports::begun,
    users::empty_engine,
    world::{Sender, World},
};

impl World {
    fn dkim_key(&self, selector: &str, active: bool) -> NewDkimKey {
        NewDkimKey {
            id: KeyId::new(self.clock(), self.random()),
            selector: selector.into(),
            algorithm: DkimAlgorithm::RsaSha256,
            private_key: b"private".to_vec(),
            public_key: vec![8; 32],
            active,
            created_at: self.now(),
        }
    }

    async fn selectors(&self, sender: Sender) -> Vec<(String, bool)> {
        let keys = self.store.dkim_keys(sender.account, sender.domain).await.expect("read");
        keys.into_iter().map(|key| (key.selector, key.active)).collect()
    }

    async fn login_of(&self, sender: Sender, login: &str) {
        let credential = NewSmtpCredential {
            id: CredentialId::new(self.clock(), self.random()),
            account: sender.account,
            domain: sender.domain,
            login: login.into(),
            password_hash: "hash".into(),
            created_at: self.now(),
        };
        self.store.create_smtp_credential(credential).await.expect("made");
    }
}

pub(crate) async fn details_come_back_as_they_were_set(mut world: World) {
    let sender = world.sender().await;
    let later = world.now() + Duration::from_secs(60);
    let changed = world.store.change_domain(sender.account, sender.domain, |change| {
        let details = &mut change.settings.details;
        (details.spam_action, details.wildcard) = (SpamAction::Tag, true);
        details.tracking.html_footer = Some("<p>Bye</p>".into());
        details.rotation.successor = Some(u128::MAX);
        change.tend_at = Some(later);
    });
    let changed = changed.await.expect("changed").expect("there");
    world.reopen().await;
    let found = world.store.domain(sender.account, sender.domain).await.expect("read").expect("there");
    assert_eq!(found.settings, changed.settings);
    assert!(world.store.domains_to_tend(world.now(), 9).await.expect("read").is_empty());
    let due = world.store.domains_to_tend(later, 9).await.expect("read");
    let expected = ToTend { account: sender.account, id: sender.domain, is_deleted: false };
    assert_eq!(due, [expected]);
}

pub(crate) async fn changes_at_the_same_time_are_all_made(world: World) {
    let sender = world.sender().await;
    let change = |at: usize| {
        world.store.change_domain(sender.account, sender.domain, move |change| {
            change.settings.details.web_prefix.push(char::from(b'a' + u8::try_from(at).expect("small")));
        })
    };
    let (a, b, c, d) = tokio::join!(change(0), change(1), change(2), change(3));
    assert!([a, b, c, d].into_iter().all(|changed| changed.expect("changed").is_some()));
    let found = world.store.domain(sender.account, sender.domain).await.expect("read").expect("there");
    let mut added: Vec<char> =
        found.settings.details.web_prefix.trim_start_matches("email").chars().collect();
    added.sort_unstable();
    assert_eq!(added, ['a', 'b', 'c', 'd']);
}

pub(crate) async fn keys_change_together_with_their_domain_or_not_at_all(mut world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let add = async |selector: &str, goes_on: bool| {
        world.clock.advance(Duration::from_secs(1));
        let key = world.dkim_key(selector, false);
        let change = |change: &mut DomainChange| {
            change.settings.details.web_prefix = selector.to_owned();
            goes_on
        };
        world.store.change_domain_if(sender.account, sender.domain, Some(key), change).await.expect("asked")
    };
    assert!(matches!(add("k2", true).await, Changed::Done(_)));
    assert!(matches!(add("k3", true).await, Changed::Done(_)));
    assert!(matches!(add("k4", false).await, Changed::Refused));
    let none = [("s1".to_owned(), true), ("k2".to_owned(), false), ("k3".to_owned(), false)];
    assert_eq!(world.selectors(sender).await, none);
    let found = world.store.domain(sender.account, sender.domain).await.expect("read").expect("there");
    assert_eq!(found.settings.details.web_prefix, "k3");

    let changed = world.store.change_domain(sender.account, sender.domain, |change| {
        for key in &mut change.keys {
            match key.selector.as_str() {
                "s1" => key.active = false,
                "k2" => (key.active, key.selector) = (true, "n2".into()),
                _ => key.is_deleted = true,
            }
        }
    });
    assert!(changed.await.expect("changed").is_some());
    let foreign = world.store.change_domain(other.account, sender.domain, |change| change.keys.clear());
    assert!(foreign.await.expect("asked").is_none());
    world.reopen().await;
    let left = [("s1".to_owned(), false), ("n2".to_owned(), true)];
    assert_eq!(world.selectors(sender).await, left);
}

pub(crate) async fn no_change_is_made_from_what_another_one_changed(world: World) {
    let sender = world.sender().await;
    let change = |of: usize| {
        world.store.change_domain(sender.account, sender.domain, move |change| match of {
            0 => change.settings.require_tls = true,
            1 => change.settings.message_ttl_secs = 7,
            2 => change.state = DomainState::Disabled,
            _ => change.keys.iter_mut().for_each(|key| key.active = false),
        })
    };
    let (a, b, c, d) = tokio::join!(change(0), change(1), change(2), change(3));
    assert!([a, b, c, d].into_iter().all(|changed| changed.expect("changed").is_some()));
    let found = world.store.domain(sender.account, sender.domain).await.expect("read").expect("there");
    assert!(found.settings.require_tls && found.settings.message_ttl_secs == 7);
    assert_eq!(found.state, DomainState::Disabled);
    assert_eq!(world.selectors(sender).await, [("s1".to_owned(), false)]);
}

pub(crate) async fn what_belonged_to_a_deleted_domain_goes_after_it(mut world: World) {
    let sender = world.sender().await;
    let kept = world.domain_of(sender).await;
    for (of, login) in [(sender, "ann@gone.example"), (kept, "ann@kept.example")] {
        world.login_of(of, login).await;
        let key = world.key(of.account, KeyScope::DomainSending(of.domain));
        world.store.create_api_key(key).await.expect("made");
        let entry = NewSuppression {
            account: of.account,
            domain: of.domain,
            kind: SuppressionKind::Bounce,
            address: "bob@one.example".into(),
            details: SuppressionDetails::default(),
            created_at: world.now(),
        };
        world.store.suppress(vec![entry]).await.expect("suppressed");
        let message = world.message(&["bob@one.example", "eve@two.example"]);
        world.store.accept(world.accept(of, message)).await.expect("accepted");
    }
    let (_, file) = begun(&world, sender, SuppressionKind::Bounce).await;
    let name = world.store.domain(sender.account, sender.domain).await.expect("read").expect("there").name;
    assert!(world.store.delete_domain(sender.account, sender.domain).await.expect("deleted"));
    assert!(!world.store.delete_domain(sender.account, sender.domain).await.expect("asked"));
    world.reopen().await;
    assert!(world.store.domain(sender.account, sender.domain).await.expect("read").is_none());
    assert!(world.store.domain_of_instance(&name).await.expect("read").is_none());
    assert!(world.selectors(sender).await.is_empty());
    assert_eq!(world.store.domains(sender.account, 0, 9).await.expect("read").0, 1);
    let again = world.domain(kept.account, &name).await;
    let due = world.store.domains_to_tend(world.now(), 9).await.expect("read");
    assert_eq!(due, [ToTend { account: sender.account, id: sender.domain, is_deleted: true }]);

    world.store.remove_what_is_left(sender.account, sender.domain).await.expect("removed");
    assert!(world.store.domains_to_tend(world.now(), 9).await.expect("read").is_empty());
    let late = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind: SuppressionKind::Bounce,
        address: "bob@one.example".into(),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    world.store.suppress(vec![late]).await.expect("what was on its way");
    world.clock.advance(Duration::from_secs(3_600));
    let due = world.store.domains_to_tend(world.now(), 9).await.expect("read");
    assert_eq!(due, [ToTend { account: sender.account, id: sender.domain, is_deleted: true }]);
    world.store.remove_what_is_left(sender.account, sender.domain).await.expect("removed");
    world.clock.advance(Duration::from_secs(7_200));
    assert!(world.store.domains_to_tend(world.now(), 9).await.expect("read").is_empty());
    assert!(!file.exists() && world.store.open_imports(None, 9).await.expect("read").is_empty());
    assert!(world.store.smtp_credential("ann@gone.example").await.expect("read").is_none());
    assert!(world.store.smtp_credential("ann@kept.example").await.expect("read").is_some());
    assert_eq!(world.store.api_keys(sender.account).await.expect("read").len(), 2, "the account's and one");
    let suppressed = async |of: Sender| {
        let found = world.store.suppressions_of(of.account, of.domain, &["bob@one.example".to_owned()]).await;
        found.expect("read").len()
    };
    assert_eq!((suppressed(sender).await, suppressed(kept).await), (0, 1));
    assert!(world.store.domain(kept.account, again).await.expect("read").is_some());
}

pub(crate) async fn a_deleted_domain_does_not_come_back_with_an_older_database(world: World) {
    let sender = world.sender().await;
    let kept = world.domain_of(sender).await;
    let lone = world.domain_of(sender).await;
    let key = world.dkim_key("k2", false);
    world.store.change_domain_if(kept.account, kept.domain, Some(key), |_| true).await.expect("added");
    let (path, _, _folder) = backed_up(&world).await;
    assert!(world.store.delete_domain(sender.account, sender.domain).await.expect("deleted"));
    let delete = |of: Sender, selector: &'static str| {
        world.store.change_domain(of.account, of.domain, move |change| {
            change.keys.iter_mut().for_each(|key| key.is_deleted |= key.selector == selector);
        })
    };
    delete(kept, "k2").await.expect("deleted");
    // One that took its place since, which the database knows nothing of.
    let next = world.dkim_key("next", true);
    world.store.change_domain_if(lone.account, lone.domain, Some(next), |_| true).await.expect("added");
    delete(lone, "s1").await.expect("deleted");
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let world = world.over(config).await;
    assert!(world.store.domain(sender.account, sender.domain).await.expect("read").is_none());
    assert_eq!(world.selectors(kept).await, [("s1".to_owned(), true)]);
    assert_eq!(world.selectors(lone).await, [("s1".to_owned(), true)], "nothing else would sign");
    let due = world.store.domains_to_tend(world.now(), 9).await.expect("read");
    assert_eq!(due.iter().map(|tended| tended.id).collect::<Vec<_>>(), [sender.domain]);
    assert_eq!(due.first().map(|tended| tended.is_deleted), Some(true), "the rest goes once it is tended");
    assert!(matches!(
        world
            .store
            .change_domain(sender.account, sender.domain, |change| change.state = DomainState::Active)
            .await,
        Ok(None)
    ));
    world.end().await;
}

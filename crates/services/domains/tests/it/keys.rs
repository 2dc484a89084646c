//! Keys that are added, switched and rotated.

use waxseal_domains::{
    Wanted,
    dns::DnsPurpose,
    signing_keys::{AddKeyError, ChangeKeyError, KeySource, MOST_KEYS},
};
use waxseal_store::domain::{DkimAuthority, Domain};

use crate::{World, of};

const NAME: &str = "mg.example.org";
const DAY: u64 = 60 * 24;

impl World {
    async fn domain(&self) -> Domain {
        self.domains.create(self.account, NAME).await.expect("made").domain
    }

    /// Domain and selector of each signature that mail of the domain gets.
    async fn signs_as(&self, domain: &Domain) -> Vec<String> {
        let domain = self.domains.by_name(self.account, &domain.name).await.expect("read").expect("there");
        let keys = self.domains.keys(&domain).await.expect("keys");
        keys.signers.iter().map(|signer| format!("{}/{}", signer.selector(), signer.domain())).collect()
    }

    async fn fresh(&self, domain: &Domain) -> Domain {
        self.domains.by_name(self.account, &domain.name).await.expect("read").expect("there")
    }
}

#[tokio::test]
async fn a_successor_signs_once_its_record_is_seen_and_the_old_record_is_needed_a_week_longer() {
    let world = World::new().await;
    let domain = world.domain().await;
    let before = world.signs_as(&domain).await;
    let next = world.domains.rotate(&domain).await.expect("made");
    let again = world.domains.rotate(&world.fresh(&domain).await).await.expect("the same");
    assert_eq!(again.key.id, next.key.id, "asking twice makes one");
    let records = world.domains.dns_records(&world.fresh(&domain).await).await.expect("records");
    assert!(of(&records, DnsPurpose::Dkim).contains(&&next.record), "it is to be published");

    assert_eq!(world.domains.tend().await.expect("round"), 1);
    world.pass_minutes(DAY);
    assert_eq!(world.domains.tend().await.expect("round"), 1);
    assert_eq!(world.signs_as(&domain).await, before, "nobody could look it up");

    world.zone.txt(&next.record.name, &next.record.value);
    world.pass_minutes(10);
    assert_eq!(world.domains.tend().await.expect("round"), 1);
    let after = world.signs_as(&domain).await;
    assert_eq!(after, [format!("{}/{NAME}", next.key.selector), before[1].clone()]);
    let kept = || async { world.domains.signing_keys(&domain).await.expect("keys").len() };
    world.pass_minutes(6 * DAY);
    world.domains.tend().await.expect("round");
    assert_eq!(kept().await, 3, "mail that is under way is checked with the old key");
    world.pass_minutes(DAY);
    world.domains.tend().await.expect("round");
    assert_eq!(kept().await, 2);
    assert_eq!(world.signs_as(&domain).await, after);
}

#[tokio::test]
async fn keys_get_successors_by_themselves_where_that_is_wanted() {
    let world = World::new().await;
    let domain = world.domain().await;
    let now = world.now();
    let changed = world.domains.change(&domain, |change| {
        let rotation = &mut change.settings.details.rotation;
        (rotation.every_days, rotation.since) = (Some(30), now.as_micros());
        change.tend_at = Some(now);
    });
    changed.await.expect("changed");
    world.domains.tend().await.expect("round");
    world.pass_minutes(30 * DAY - 1);
    assert_eq!(world.domains.tend().await.expect("round"), 0);
    world.pass_minutes(1);
    assert_eq!(world.domains.tend().await.expect("round"), 1);
    let rotation = world.fresh(&domain).await.settings.details.rotation;
    let next = rotation.successor().expect("a successor");
    let keys = world.domains.signing_keys(&domain).await.expect("keys");
    let next = keys.iter().find(|kept| kept.key.id == next).expect("kept");
    world.zone.txt(&next.record.name, &next.record.value);
    world.pass_minutes(10);
    world.domains.tend().await.expect("round");
    assert!(world.signs_as(&domain).await[0].starts_with(&next.key.selector));
    // The next one comes a month after that.
    world.pass_minutes(30 * DAY);
    world.domains.tend().await.expect("round");
    assert!(world.fresh(&domain).await.settings.details.rotation.successor().is_some());
}

#[tokio::test]
async fn an_added_key_signs_when_it_is_switched_on_and_the_last_one_stays() {
    let world = World::new().await;
    let domain = world.domain().await;
    let (rsa, ed25519) = match world.signs_as(&domain).await.as_slice() {
        [rsa, ed25519] => (rsa.clone(), ed25519.clone()),
        other => panic!("{other:?}"),
    };
    let selector = |name: &str| name.split('/').next().expect("selector").to_owned();
    let added = world.domains.add_key(&domain, "K2", KeySource::Fresh).await.expect("added");
    assert_eq!((added.key.selector.as_str(), added.key.active), ("k2", false));
    assert_eq!(world.signs_as(&domain).await, [rsa.clone(), ed25519.clone()]);
    let waits = world.domains.switch_key(&domain, "K2", true).await.expect("on");
    assert!(!waits.key.active);
    assert_eq!(world.signs_as(&domain).await, [rsa.clone(), ed25519.clone()], "nobody could look it up");
    world.zone.txt(&added.record.name, &added.record.value);
    world.domains.tend().await.expect("round");
    assert_eq!(world.signs_as(&domain).await.len(), 3);
    let on = world.domains.switch_key(&domain, "k2", true).await.expect("it does");
    assert!(on.key.active);
    world.domains.switch_key(&domain, &selector(&rsa), false).await.expect("off");
    world.domains.switch_key(&domain, &selector(&ed25519), false).await.expect("off");
    assert_eq!(world.signs_as(&domain).await, [format!("k2/{NAME}")]);
    let last = world.domains.switch_key(&domain, "k2", false).await;
    assert!(matches!(last, Err(ChangeKeyError::LastActive(_))));
    let last = world.domains.delete_key(&domain, "k2").await;
    let said = last.err().map(|error| error.to_string());
    assert_eq!(said.as_deref(), Some("cannot delete domain key: must have at least one active domain key"));
    world.domains.delete_key(&domain, &selector(&rsa)).await.expect("deleted");
    let missing = world.domains.delete_key(&domain, &selector(&rsa)).await;
    assert!(matches!(missing, Err(ChangeKeyError::NotFound)));
    let taken = world.domains.rename_selector(&domain, &selector(&ed25519)).await;
    assert!(matches!(taken, Err(ChangeKeyError::Taken)));
}

#[tokio::test]
async fn a_key_that_was_replaced_and_is_wanted_again_stays() {
    let world = World::new().await;
    let domain = world.domain().await;
    let keys = world.domains.signing_keys(&domain).await.expect("keys");
    for kept in &keys {
        world.zone.txt(&kept.record.name, &kept.record.value);
    }
    let before = world.signs_as(&domain).await;
    let next = world.domains.rotate(&domain).await.expect("made");
    world.zone.txt(&next.record.name, &next.record.value);
    world.domains.tend().await.expect("round");
    let old = before[0].split('/').next().expect("selector").to_owned();
    let domain = world.fresh(&domain).await;
    assert!(world.domains.switch_key(&domain, &old, true).await.expect("on").key.active);
    world.domains.switch_key(&domain, &next.key.selector, false).await.expect("off");
    world.pass_minutes(8 * DAY);
    world.domains.tend().await.expect("round");
    assert_eq!(world.signs_as(&domain).await, before);
}

#[tokio::test]
async fn a_key_is_looked_for_however_old_its_domain_is() {
    let world = World::new().await;
    let domain = world.domain().await;
    world.pass_minutes(100 * DAY);
    let added = world.domains.add_key(&domain, "k2", KeySource::Fresh).await.expect("added");
    world.domains.switch_key(&domain, "k2", true).await.expect("it waits");
    world.domains.tend().await.expect("round");
    world.zone.txt(&added.record.name, &added.record.value);
    world.pass_minutes(6 * 60);
    assert_eq!(world.domains.tend().await.expect("round"), 1);
    assert_eq!(world.signs_as(&domain).await.len(), 3);
}

#[tokio::test]
async fn two_that_switch_keys_off_at_the_same_time_leave_one() {
    let world = World::new().await;
    let domain = world.domain().await;
    let before = world.signs_as(&domain).await;
    let selector = |at: usize| before[at].split('/').next().expect("selector").to_owned();
    let (one, other) = (selector(0), selector(1));
    let (a, b) = tokio::join!(
        world.domains.switch_key(&domain, &one, false),
        world.domains.delete_key(&domain, &other)
    );
    assert!(a.is_ok() != b.is_ok(), "{:?} {:?}", a.is_ok(), b.is_ok());
    assert_eq!(world.signs_as(&domain).await.len(), 1);
}

#[tokio::test]
async fn a_key_gets_another_selector_once_its_record_is_seen() {
    let world = World::new().await;
    let domain = world.domain().await;
    let before = world.signs_as(&domain).await;
    world.domains.rotate(&domain).await.expect("a successor that nobody will see");
    let domain = world.fresh(&domain).await;
    let moved = world.domains.rename_selector(&domain, "S3").await.expect("kept").expect("it waits");
    assert_eq!(moved.record.name, "s3._domainkey.mg.example.org");
    world.domains.tend().await.expect("round");
    assert_eq!(world.signs_as(&domain).await, before, "nobody could look it up");
    world.zone.txt(&moved.record.name, &moved.record.value);
    world.pass_minutes(10);
    world.domains.tend().await.expect("round");
    assert_eq!(world.signs_as(&domain).await[0], format!("s3/{NAME}"));
    assert!(world.domains.rename_selector(&world.fresh(&domain).await, "s3").await.expect("it is").is_none());
}

#[tokio::test]
async fn a_domain_has_a_few_keys_and_each_selector_once() {
    let world = World::new().await;
    let domain = world.domain().await;
    for number in 1..MOST_KEYS {
        world.domains.add_key(&domain, &format!("k{number}"), KeySource::Fresh).await.expect("room");
    }
    let twice = world.domains.add_key(&domain, "K1", KeySource::Fresh).await;
    assert!(matches!(twice, Err(AddKeyError::Duplicate)));
    let more = world.domains.add_key(&domain, "k9", KeySource::Fresh).await;
    assert!(matches!(more, Err(AddKeyError::TooMany)));
    let unreadable = world.domains.add_key(&domain, "k1", KeySource::Pem(b"no".to_vec())).await;
    assert!(matches!(unreadable, Err(AddKeyError::Duplicate)));
    world.domains.delete_key(&domain, "k1").await.expect("deleted");
    let unreadable = world.domains.add_key(&domain, "k1", KeySource::Pem(b"no".to_vec())).await;
    assert!(matches!(unreadable, Err(AddKeyError::Pem)));
}

#[tokio::test]
async fn a_domain_below_another_of_its_account_is_signed_by_that_one_unless_it_says_otherwise() {
    let world = World::new().await;
    let above = world.domain().await;
    let below = |own_keys| {
        let settings = world.domains.usual_settings();
        let name = if own_keys { "own.mg.example.org" } else { "news.eu.mg.example.org" };
        Wanted { name: name.into(), settings, selector: Some("S9".into()), own_keys }
    };
    let made = world.domains.create_as(world.account, below(false)).await.expect("made");
    assert_eq!(world.signs_as(&made.domain).await, world.signs_as(&above).await);
    let shown = of(&made.dns, DnsPurpose::Dkim)[0].name.clone();
    assert!(shown.ends_with("._domainkey.mg.example.org"), "{shown}");
    let changed = world.domains.change(&made.domain, |change| {
        change.settings.details.dkim_authority = DkimAuthority::Own;
    });
    let domain = changed.await.expect("changed").expect("there");
    let records = world.domains.dns_records(&domain).await.expect("records");
    let shown = of(&records, DnsPurpose::Dkim);
    assert_eq!(shown[0].name, "s9._domainkey.news.eu.mg.example.org");
    assert_eq!(world.signs_as(&domain).await, world.signs_as(&above).await, "nobody could look its own up");
    world.zone.txt(&shown[0].name, &shown[0].value);
    world.domains.verify(&domain).await.expect("asked");
    assert_eq!(world.signs_as(&domain).await, ["s9/news.eu.mg.example.org"]);
    let own = world.domains.create_as(world.account, below(true)).await.expect("made");
    assert_eq!(of(&own.dns, DnsPurpose::Dkim)[0].name, "s9._domainkey.own.mg.example.org");
    assert!(world.domains.delete(&world.fresh(&domain).await).await.expect("deleted"));
    assert!(world.domains.delete(&above).await.expect("deleted"));
    assert!(world.signs_as(&own.domain).await.is_empty(), "none of its own was seen, and nobody is above it");
}

#[tokio::test]
async fn bounces_come_back_to_a_host_of_their_own_and_those_under_way_to_the_domain() {
    let world = World::new().await;
    let domain = world.domain().await;
    let recipient = waxseal_model::RecipientId::from_u128(3);
    let before = world.domains.keys(&domain).await.expect("keys").return_path.address(recipient);
    assert!(world.domains.mail_from_host(NAME, "bounce.example.org").is_err(), "not below it");
    let host = world.domains.mail_from_host(NAME, "Bounce.MG.example.org").expect("below");
    let changed = world.domains.change(&domain, |change| {
        change.settings.details.mailfrom_host = Some(host.clone());
    });
    let domain = changed.await.expect("changed").expect("there");
    let after = world.domains.keys(&domain).await.expect("keys").return_path.address(recipient);
    assert!(after.ends_with("@bounce.mg.example.org"), "{after}");
    for address in [before, after.clone()] {
        let found = world.domains.parse_return_path(&address).await.expect("read").expect("ours");
        assert_eq!((found.domain, found.recipient), (domain.id, recipient));
    }
    let elsewhere = after.replace("@bounce.", "@other.");
    assert_eq!(world.domains.parse_return_path(&elsewhere).await.expect("read"), None);
    let records = world.domains.dns_records(&domain).await.expect("records");
    assert_eq!(of(&records, DnsPurpose::Spf)[0].name, "bounce.mg.example.org");
    assert_eq!(of(&records, DnsPurpose::Receiving)[0].name, NAME);
}

#[tokio::test]
async fn a_deleted_domain_is_gone_at_once_and_its_name_is_free() {
    let world = World::new().await;
    let domain = world.domain().await;
    assert!(world.domains.delete(&domain).await.expect("deleted"));
    assert!(!world.domains.delete(&domain).await.expect("asked"));
    assert!(world.domains.by_name(world.account, NAME).await.expect("read").is_none());
    let again = world.domains.create(world.account, NAME).await.expect("free");
    assert_ne!(again.domain.id, domain.id);
    assert_eq!(world.domains.tend().await.expect("round"), 1, "what was left");
    assert_eq!(world.domains.tend().await.expect("round"), 0);
    world.pass_minutes(60);
    assert_eq!(world.domains.tend().await.expect("round"), 1, "and what came late");
    world.pass_minutes(DAY);
    assert_eq!(world.domains.tend().await.expect("round"), 0);
    assert!(world.domains.by_name(world.account, NAME).await.expect("read").is_some());
    assert!(world.domains.change(&domain, |_| {}).await.expect("asked").is_none());
}

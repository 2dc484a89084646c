//! A user who is erased or deleted is read from no copy, nobody else is, and who comes after them stays.

use waxseal_model::{Access, CredentialId, actor, purpose};
use waxseal_store::{
    Engine,
    account::AccountProfile,
    credential::NewSmtpCredential,
    domain::{DomainSettings, DomainState},
    erasure::ErasureState,
    proof::SealedObject,
};

use crate::{
    backups::{backed_up, restore},
    cluster,
    erasing::{customer, erase, rows},
    world::{ACCESS, Sender, World},
};

const AUTHENTICATION: Access<purpose::Authentication> = Access::new(actor::System, purpose::Authentication);
const GONE: &str = "gone.for.good@sender.example";
const STAYS: &str = "stays@sender.example";

pub(crate) async fn login(world: &World, sender: Sender, login: &str, password_hash: &str) -> CredentialId {
    let id = CredentialId::new(world.clock(), world.random());
    let credential = NewSmtpCredential {
        id,
        account: sender.account,
        domain: sender.domain,
        login: login.into(),
        password_hash: password_hash.into(),
        created_at: world.now(),
    };
    world.store.create_smtp_credential(credential).await.expect("made");
    id
}

/// The password hash behind a login.
pub(crate) async fn password(world: &World, login: &str) -> Option<String> {
    let found = world.store.smtp_credential(login).await.expect("read");
    found.map(|found| found.password_hash.open(&AUTHENTICATION).clone())
}

pub(crate) async fn name(world: &World, sender: Sender) -> String {
    let account = world.store.account(sender.account).await.expect("read").expect("the account stays");
    account.profile.open(&ACCESS).name.clone()
}

/// An empty database of the same engine.
pub(crate) async fn empty_engine(world: &World) -> Engine {
    match &world.config.engine {
        Engine::Sqlite => Engine::Sqlite,
        Engine::Postgres(_) => Engine::Postgres(cluster::database().await.expect("PostgreSQL is there")),
    }
}

/// How many of what was sealed any key opens.
async fn opened(world: &World, sealed: &[SealedObject]) -> u64 {
    world.store.try_every_key(sealed).await.expect("tried").opened
}

pub(crate) fn somebody(name: &str) -> AccountProfile {
    AccountProfile { name: name.into(), email: format!("{name}@owner.example"), company: None }
}

pub(crate) async fn an_erased_login_lets_nobody_in_and_no_copy_of_it_is_read(world: World) {
    let (sender, other) = (customer(&world).await, customer(&world).await);
    login(&world, sender, GONE, "first").await;
    login(&world, sender, STAYS, "second").await;
    let sealed = world.store.sealed_objects(sender.account).await.expect("read");
    let all = sealed.len() as u64;
    assert_eq!(opened(&world, &sealed).await, all);
    let asked = world.store.ask_login_erasure(other.account, GONE).await.expect("asked");
    let done = erase(&world, &asked).await;
    assert!(done.keys.is_empty() && password(&world, GONE).await.is_some(), "another account's is its own");

    let asked = world.store.ask_login_erasure(sender.account, "Gone.For.Good@sender.example").await;
    let asked = asked.expect("asked");
    let shown = world.store.login_to_erase(&asked).await.expect("read").expect("it is there");
    assert_eq!(shown.open(&ACCESS), GONE, "what the files are searched for afterwards");
    let done = erase(&world, &asked).await;
    assert_eq!((done.state, done.keys.len()), (ErasureState::Done, 1));
    assert_eq!(password(&world, GONE).await, None);
    assert_eq!(password(&world, STAYS).await.as_deref(), Some("second"));
    assert_eq!(opened(&world, &sealed).await, all - 2, "login and password, and nothing else");
    assert_eq!(world.store.recipient_rows(sender.account, "bob@one.example").await.expect("read"), 5);

    login(&world, sender, GONE, "third").await;
    assert_eq!(password(&world, GONE).await.as_deref(), Some("third"), "somebody else may have it");
    assert_eq!(opened(&world, &sealed).await, all - 2);
    let names = world.store.keys().await.expect("keys");
    assert_eq!(names.iter().filter(|key| key.class == "login").count(), 2);
}

pub(crate) async fn who_sends_on_finds_no_login_and_no_domain_as_it_was_before_a_change(world: World) {
    let sender = customer(&world).await;
    let (deleted, erased) =
        (login(&world, sender, STAYS, "one").await, login(&world, sender, GONE, "two").await);
    let has = async |login| world.store.has_smtp_credential(sender.account, login).await.expect("read");
    let domain = async || world.store.domain(sender.account, sender.domain).await.expect("read");
    let name = domain().await.expect("it is there").name;
    let named = async || world.store.domain_of_instance(&name).await.expect("read");
    assert!(has(deleted).await && has(erased).await && named().await.is_some(), "asked once, and remembered");

    assert!(world.store.delete_smtp_credential(sender.account, deleted).await.expect("deleted"));
    assert!(!has(deleted).await && has(erased).await);
    let asked = world.store.ask_login_erasure(sender.account, GONE).await.expect("asked");
    erase(&world, &asked).await;
    assert!(!has(erased).await);
    let settings = DomainSettings {
        require_tls: true,
        skip_verification: false,
        message_ttl_secs: 7,
        ..DomainSettings::default()
    };
    let state = DomainState::Disabled;
    let changed = world.store.change_domain(sender.account, sender.domain, |change| {
        (change.state, change.settings) = (state, settings.clone());
    });
    assert!(changed.await.expect("changed").is_some());
    for found in [domain().await, named().await] {
        let found = found.expect("it is there");
        assert!(found.state == state && found.settings == settings);
    }
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    assert!(domain().await.is_none() && named().await.is_none());
}

pub(crate) async fn a_deleted_login_is_read_from_no_backup_and_can_be_made_again(world: World) {
    let sender = customer(&world).await;
    let id = login(&world, sender, GONE, "first").await;
    let sealed = world.store.sealed_objects(sender.account).await.expect("read");
    let (path, _, _folder) = backed_up(&world).await;
    assert!(world.store.delete_smtp_credential(sender.account, id).await.expect("deleted"));
    assert_eq!(opened(&world, &sealed).await, sealed.len() as u64 - 2);
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert_eq!(rows(&restored, sender).await.get("smtp_credentials"), Some(&1), "the backup had it");
    assert_eq!(password(&restored, GONE).await, None);
    let listed = restored.store.smtp_credentials(sender.account, sender.domain).await.expect("listed");
    assert!(listed.is_empty());
    login(&restored, sender, GONE, "second").await;
    assert_eq!(password(&restored, GONE).await.as_deref(), Some("second"));
    restored.end().await;
}

pub(crate) async fn an_erased_owner_is_read_from_no_copy_and_the_next_one_is(world: World) {
    let sender = customer(&world).await;
    let sealed = world.store.sealed_objects(sender.account).await.expect("read");
    let asked = world.store.ask_owner_erasure(sender.account).await.expect("asked");
    let done = erase(&world, &asked).await;
    assert_eq!(done.keys.len(), 1, "the key of the profile");
    assert_eq!(name(&world, sender).await, "");
    assert_eq!(opened(&world, &sealed).await, sealed.len() as u64 - 1);
    world.store.replace_profile(sender.account, &somebody("next")).await.expect("corrected");
    assert_eq!(name(&world, sender).await, "next");
    assert_eq!(world.lease(100).await.len(), 3, "it goes on sending");
}

pub(crate) async fn who_was_erased_since_a_backup_is_erased_again_and_who_came_after_is_not(world: World) {
    let sender = customer(&world).await;
    login(&world, sender, GONE, "first").await;
    login(&world, sender, STAYS, "second").await;
    let (before, _, _one) = backed_up(&world).await;
    let asked = world.store.ask_login_erasure(sender.account, GONE).await.expect("asked");
    erase(&world, &asked).await;
    let asked = world.store.ask_owner_erasure(sender.account).await.expect("asked");
    erase(&world, &asked).await;
    world.store.replace_profile(sender.account, &somebody("next")).await.expect("corrected");
    let (after, _, _other) = backed_up(&world).await;

    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &before, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert_eq!(rows(&restored, sender).await.get("smtp_credentials"), Some(&1), "one went again");
    assert_eq!(password(&restored, STAYS).await.as_deref(), Some("second"));
    assert_eq!(name(&restored, sender).await, "next", "who came after is told by the keys");

    // With the keys that are left by that, and the newer backup: it has not lost who came after.
    let (config, _keys) = restored.elsewhere(empty_engine(&world).await).await;
    restored.end().await;
    restore(&world, &after, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert_eq!(name(&restored, sender).await, "next");
    assert_eq!(password(&restored, GONE).await, None);
    restored.end().await;
}

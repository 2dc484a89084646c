//! What somebody deleted, ended or replaced since a backup stays so when the backup is restored.

use std::time::Duration;

use waxseal_model::{AccountId, CredentialId, KeyId, MessageId, suppression::SuppressionKind};
use waxseal_store::{
    account::KeyScope,
    credential::NewNetworkCredential,
    grant::NewGrant,
    queue::QueueFilter,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    backups::{backed_up, restore},
    erasing::erase,
    inbox::capture,
    key_copies::copied,
    relays::{of_account, server},
    users::{empty_engine, login, name, password, somebody},
    world::{Sender, World},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const BOB: &str = "bob@one.example";

/// What somebody has that they may want to be rid of.
struct Belongings {
    sender: Sender,
    stored: MessageId,
    waiting: MessageId,
    captured: MessageId,
    key: KeyId,
    secret_hash: [u8; 32],
    network: CredentialId,
    grant: u64,
}

impl Belongings {
    async fn of(world: &World, network: &str) -> Self {
        let sender = world.sender().await;
        let captured = capture(world, sender, &["c@one.example"]).await;
        let mut kept = world.message(&["a@one.example"]);
        kept.keep_until = world.now() + 3 * DAY;
        let stored = kept.id;
        world.store.accept(world.accept(sender, kept)).await.expect("accepted");
        let leased = world.lease(10).await;
        world
            .store
            .settle(leased.iter().map(|entry| world.delivered(entry)).collect())
            .await
            .expect("settled");
        let key = world.key(sender.account, KeyScope::Account);
        let (key_id, secret_hash) = (key.id, key.secret_hash);
        world.store.create_api_key(key).await.expect("made");
        let credential = NewNetworkCredential {
            id: CredentialId::new(world.clock(), world.random()),
            account: sender.account,
            network: network.parse().expect("a network"),
            created_at: world.now(),
        };
        let network = credential.id;
        world.store.create_network_credential(credential).await.expect("made");
        world.store.set_relay(of_account(sender), server("relay.example", "me", "p")).await.expect("set");
        for kind in [SuppressionKind::Bounce, SuppressionKind::Complaint] {
            suppress(world, sender, kind).await;
        }
        let new = NewGrant {
            account: sender.account,
            reason: "Ticket 7".into(),
            expires_at: world.now() + 5 * HOUR,
            second_operator: false,
            needs_consent: false,
        };
        let grant = world.store.add_grant(new).await.expect("granted").number;
        let waiting = MessageId::from_u128(0);
        Self { sender, stored, waiting, captured, key: key_id, secret_hash, network, grant }
    }

    /// With a message that waits: made last, because whoever leases takes everybody's.
    async fn with_mail(mut self, world: &World) -> Self {
        self.waiting = world.send(self.sender, &[BOB]).await;
        self
    }

    async fn is_rid_of_all(&self, world: &World) {
        let (store, Sender { account, domain }) = (&world.store, self.sender);
        assert!(store.delete_message(account, domain, self.stored).await.expect("deleted"));
        assert_eq!(store.clear_inbox(account, None).await.expect("cleared"), 1);
        assert_eq!(store.clear_queue(account, domain).await.expect("cleared"), 1);
        assert!(store.delete_api_key(account, self.key).await.expect("deleted"));
        assert!(store.delete_network_credential(account, self.network).await.expect("deleted"));
        assert!(store.remove_relay(of_account(self.sender)).await.expect("removed"));
        assert!(store.unsuppress(account, domain, SuppressionKind::Bounce, BOB).await.expect("removed"));
        let corrected = store.correct_suppressions(account, BOB, None, &[SuppressionKind::Complaint]);
        assert_eq!(corrected.await.expect("corrected"), 1);
        assert!(store.close_grant(self.grant).await.expect("ended"));
    }

    /// Which of it is there.
    async fn there(&self, world: &World) -> [bool; 10] {
        let (store, Sender { account, domain }) = (&world.store, self.sender);
        let waits = QueueFilter { message: Some(self.waiting), ..QueueFilter::default() };
        let networks = store.network_credentials().await.expect("read");
        let suppressed = store.suppressions_of(account, domain, &[BOB.to_owned()]).await.expect("read");
        [
            store.message(account, self.stored).await.expect("read").expect("a message").has_body,
            store.body(account, self.stored).await.expect("read").is_some(),
            !store.inbox(account, None, None, None, 10).await.expect("read").is_empty(),
            store.body(account, self.captured).await.expect("read").is_some(),
            !store.queue_entries(&waits, 10).await.expect("read").is_empty(),
            store.api_key_by_hash(&self.secret_hash).await.expect("read").is_some(),
            networks.iter().any(|network| network.id == self.network),
            !suppressed.is_empty(),
            store.use_grant(self.grant).await.expect("asked").is_some(),
            store.relay(of_account(self.sender)).await.expect("read").is_some(),
        ]
    }
}

async fn suppress(world: &World, sender: Sender, kind: SuppressionKind) {
    let entry = NewSuppression {
        account: sender.account,
        domain: sender.domain,
        kind,
        address: BOB.into(),
        details: SuppressionDetails::default(),
        created_at: world.now(),
    };
    world.store.suppress(vec![entry]).await.expect("suppressed");
}

async fn is_suppressed(world: &World, sender: Sender) -> bool {
    is_listed(world, sender, BOB).await
}

async fn is_listed(world: &World, sender: Sender, address: &str) -> bool {
    let found = world.store.suppressions_of(sender.account, sender.domain, &[address.to_owned()]).await;
    !found.expect("read").is_empty()
}

pub(crate) async fn what_was_deleted_since_a_backup_stays_deleted_and_nobody_else_loses_anything(
    world: World,
) {
    let own = Belongings::of(&world, "10.1.0.0/16").await;
    let others = Belongings::of(&world, "10.2.0.0/16").await;
    let (own, others) = (own.with_mail(&world).await, others.with_mail(&world).await);
    let (path, _, _folder) = backed_up(&world).await;
    assert_eq!(own.there(&world).await, [true; 10]);
    own.is_rid_of_all(&world).await;
    assert_eq!(own.there(&world).await, [false; 10]);
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let mut restored = world.over(config).await;
    // As the server does before it delivers.
    restored.store.free_leases().await.expect("freed");
    assert_eq!(own.there(&restored).await, [false; 10]);
    assert_eq!(others.there(&restored).await, [true; 10]);
    assert_eq!(restored.store.reapplied().deletions, 9, "each of them once");
    restored.reopen().await;
    assert_eq!(restored.store.reapplied().deletions, 0, "it has been told");
    assert_eq!(others.there(&restored).await, [true; 10]);
    restored.end().await;
}

pub(crate) async fn what_was_replaced_since_a_backup_stays_replaced(world: World) {
    let (sender, other) = (world.sender().await, world.sender().await);
    let id = login(&world, sender, "app@sender.example", "first").await;
    login(&world, other, "app@other.example", "first").await;
    let (path, _, _folder) = backed_up(&world).await;
    for password in ["second", "third"] {
        let changed = world.store.change_smtp_password(sender.account, id, password.into()).await;
        assert!(changed.expect("changed"));
    }
    for name in ["second", "third"] {
        assert!(world.store.replace_profile(sender.account, &somebody(name)).await.expect("corrected"));
    }
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert_eq!(restored.store.reapplied().deletions, 2);
    assert_eq!(password(&restored, "app@sender.example").await.as_deref(), Some("third"));
    assert_eq!(password(&restored, "app@other.example").await.as_deref(), Some("first"));
    assert_eq!(name(&restored, sender).await, "third");
    assert_eq!(name(&restored, other).await, "Ada Lovelace");
    restored.end().await;
}

/// The file that is put back is also that of a process that died when it had written down what to delete.
#[tokio::test]
async fn an_older_file_that_is_put_back_by_hand_is_told_what_was_deleted_since() {
    let mut world = World::sqlite().await;
    let own = Belongings::of(&world, "10.1.0.0/16").await.with_mail(&world).await;
    world.store.close().await;
    let (file, older) = (world.config.data_dir.join("waxseal.db"), world.config.data_dir.join("older"));
    std::fs::copy(&file, &older).expect("put aside");
    world.reopen().await;
    own.is_rid_of_all(&world).await;
    world.reopen().await;
    assert_eq!(world.store.reapplied().deletions, 0, "where they were done there is nothing to do");
    world.store.close().await;
    std::fs::rename(&older, &file).expect("put back");
    world.reopen().await;
    world.store.free_leases().await.expect("freed");
    assert_eq!(own.there(&world).await, [false; 10]);
    assert_eq!(world.store.reapplied().deletions, 9);
    world.store.close().await;
}

pub(crate) async fn what_came_after_a_deletion_stays(mut world: World) {
    let sender = world.sender().await;
    suppress(&world, sender, SuppressionKind::Bounce).await;
    let removed = world.store.unsuppress(sender.account, sender.domain, SuppressionKind::Bounce, BOB).await;
    assert!(removed.expect("removed"));
    world.reopen().await;
    assert!(!is_suppressed(&world, sender).await);
    world.clock.advance(Duration::from_secs(1));
    suppress(&world, sender, SuppressionKind::Bounce).await;
    let (path, _, _folder) = backed_up(&world).await;
    let (config, _keys) = world.elsewhere(empty_engine(&world).await).await;
    restore(&world, &path, &config).await.expect("restored");
    let restored = world.over(config).await;
    assert!(is_suppressed(&restored, sender).await, "the address bounced again");
    restored.end().await;
}

/// Its entry bears the time of the address that was wrong, from before the removal of that which is right.
pub(crate) async fn an_entry_that_a_correction_moved_stays_after_the_next_start(mut world: World) {
    const WRONG: &str = "bbo@one.example";
    let sender = world.sender().await;
    let unsubscribed = async |address: &str| {
        let entry = NewSuppression {
            account: sender.account,
            domain: sender.domain,
            kind: SuppressionKind::Unsubscribe,
            address: address.into(),
            details: SuppressionDetails::default(),
            created_at: world.now(),
        };
        world.store.suppress(vec![entry]).await.expect("suppressed");
        world.clock.advance(HOUR);
    };
    unsubscribed(WRONG).await;
    unsubscribed(BOB).await;
    let kind = SuppressionKind::Unsubscribe;
    assert!(world.store.unsuppress(sender.account, sender.domain, kind, BOB).await.expect("removed"));
    world.clock.advance(HOUR);
    let moved = world.store.correct_suppressions(sender.account, WRONG, Some(BOB), &[kind]).await;
    assert_eq!(moved.expect("corrected"), 1);
    world.reopen().await;
    assert!(is_listed(&world, sender, BOB).await, "who unsubscribed is not written to");
    assert_eq!(world.store.reapplied().deletions, 0);
}

pub(crate) async fn an_entry_made_after_the_clock_was_set_back_stays_after_the_next_start(mut world: World) {
    let sender = world.sender().await;
    for _ in 0..2 {
        suppress(&world, sender, SuppressionKind::Complaint).await;
        let corrected =
            world.store.correct_suppressions(sender.account, BOB, None, &[SuppressionKind::Complaint]);
        assert_eq!(corrected.await.expect("corrected"), 1);
    }
    world.clock.jump_to(world.now() - HOUR);
    suppress(&world, sender, SuppressionKind::Complaint).await;
    world.reopen().await;
    assert!(is_suppressed(&world, sender).await, "they complained again");
}

pub(crate) async fn deletions_are_forgotten_with_the_backups_and_go_with_their_account(world: World) {
    let revoke = async |account: AccountId| {
        let key = world.key(account, KeyScope::Account);
        let id = key.id;
        world.store.create_api_key(key).await.expect("made");
        assert!(world.store.delete_api_key(account, id).await.expect("deleted"));
    };
    let (one, two) = (world.account().await, world.account().await);
    revoke(one).await;
    world.clock.advance(DAY);
    revoke(two).await;
    revoke(two).await;
    assert_eq!(world.store.purge_deletions(world.now() - DAY, 10).await.expect("purged"), 0);
    let after = world.now() - DAY + Duration::from_secs(1);
    assert_eq!(world.store.purge_deletions(after, 10).await.expect("purged"), 1, "that of the day before");
    let asked = world.store.ask_account_erasure(two, world.now()).await.expect("asked");
    erase(&world, &asked).await;
    assert_eq!(world.store.purge_deletions(world.now() + DAY, 10).await.expect("purged"), 0, "they went");
    revoke(one).await;
    revoke(one).await;
    assert_eq!(world.store.purge_deletions(world.now() + DAY, 1).await.expect("purged"), 1, "in batches");
}

pub(crate) async fn a_copy_of_the_keys_brings_no_revoked_key_back(world: World) {
    let own = Belongings::of(&world, "10.1.0.0/16").await;
    let account = own.sender.account;
    let (copies, _path) = copied(&world).await;
    assert!(world.store.delete_message(account, own.sender.domain, own.stored).await.expect("deleted"));
    assert!(world.store.key_copies().await.expect("read").is_some(), "of a message: the copy still opens");
    assert!(world.store.delete_api_key(account, own.key).await.expect("deleted"));
    assert!(world.store.key_copies().await.expect("read").is_none(), "of a key: it does not");
    drop(copies);
}

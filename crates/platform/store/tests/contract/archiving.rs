//! Copies for archives: due with the first delivery, and the content waits for them.

use std::time::Duration;

use waxseal_model::{MessageId, event::EventKind};
use waxseal_store::{
    archive::ArchiveJob,
    queue::{Outcome, Settlement},
};

use crate::world::{ACCESS, Sender, World};

const URL: &str = "https://archive.example/in?key=of-the-customer";

/// A message whose copy goes to [`URL`], kept for `keep`.
async fn send(world: &World, sender: Sender, recipients: &[&str], keep: Duration) -> MessageId {
    let mut new = world.message(recipients);
    new.archive_to = Some(URL.into());
    new.keep_until = world.now() + keep;
    let id = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    id
}

async fn due(world: &World) -> Vec<ArchiveJob> {
    world.store.due_archives(world.now(), 10, &[]).await.expect("asked")
}

async fn has_body(world: &World, sender: Sender, id: MessageId) -> bool {
    world.store.body(sender.account, id).await.expect("read").is_some()
}

fn failed(world: &World, sender: Sender, settlement: Settlement, id: MessageId) -> Settlement {
    Settlement { events: vec![world.event(sender, EventKind::Failed, Some(id))], ..settlement }
}

pub(crate) async fn a_copy_is_due_with_the_first_delivery_and_the_body_waits_for_it(world: World) {
    let sender = world.sender().await;
    let id = send(&world, sender, &["a@one.example", "b@one.example"], Duration::ZERO).await;
    let mut changes = world.store.archive_changes();
    let leased = world.lease(10).await;
    assert!(due(&world).await.is_empty(), "nobody has it yet");
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    assert!(changes.has_changed().expect("open"), "whoever hands it over is woken");
    changes.mark_unchanged();
    let job = due(&world).await.remove(0);
    assert_eq!((job.account, job.message, job.attempts), (sender.account, id, 0));
    assert_eq!(job.url.open(&ACCESS), URL);
    world.store.settle(vec![world.delivered(&leased[1])]).await.expect("settled");
    assert!(!changes.has_changed().expect("open"), "one copy, however many got the message");
    assert_eq!(due(&world).await.len(), 1);
    assert!(has_body(&world, sender, id).await, "the copy is made from it");
    world.store.end_archive(sender.account, id).await.expect("ended");
    assert!(!has_body(&world, sender, id).await, "nobody waits for it any more");
    assert!(due(&world).await.is_empty());
    world.store.end_archive(sender.account, id).await.expect("an end counts once");
    let message = world.store.message(sender.account, id).await.expect("read").expect("there");
    assert_eq!(message.pending, 0);
}

pub(crate) async fn a_copy_that_ends_first_leaves_the_body_to_the_recipients(world: World) {
    let sender = world.sender().await;
    let id = send(&world, sender, &["a@one.example", "b@one.example"], Duration::ZERO).await;
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    world.store.end_archive(sender.account, id).await.expect("ended");
    assert!(has_body(&world, sender, id).await, "somebody waits for it");
    world.store.settle(vec![world.delivered(&leased[1])]).await.expect("settled");
    assert!(due(&world).await.is_empty(), "the copy was handed over before");
    assert!(!has_body(&world, sender, id).await);
}

pub(crate) async fn where_nobody_gets_it_there_is_no_copy(world: World) {
    let sender = world.sender().await;
    let id = send(&world, sender, &["a@one.example"], Duration::ZERO).await;
    let leased = world.lease(10).await;
    let settlement = failed(&world, sender, world.delivered(&leased[0]), id);
    world.store.settle(vec![settlement]).await.expect("settled");
    assert!(due(&world).await.is_empty());
    assert!(!has_body(&world, sender, id).await);
    let captured = send(&world, sender, &["c@one.example"], Duration::ZERO).await;
    let leased = world.lease(10).await;
    let expires_at = world.now() + Duration::from_secs(60);
    let outcome = Outcome::Captured { expires_at };
    let settlement = Settlement { outcome, ..world.delivered(&leased[0]) };
    world.store.settle(vec![settlement]).await.expect("settled");
    assert_eq!(due(&world).await.remove(0).message, captured, "captured is delivered, in a sandbox");
}

pub(crate) async fn a_copy_that_is_put_off_comes_at_its_time(world: World) {
    let sender = world.sender().await;
    let keep = Duration::from_secs(60);
    let id = send(&world, sender, &["a@one.example"], keep).await;
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    let later = world.now() + Duration::from_secs(600);
    world.store.defer_archive(sender.account, id, later, true).await.expect("put off");
    world.store.defer_archive(sender.account, id, later, false).await.expect("put off");
    assert!(due(&world).await.is_empty());
    assert_eq!(world.store.next_archive(world.now()).await.expect("asked"), Some(later));
    world.clock.advance(Duration::from_secs(600));
    assert_eq!(world.store.purge_bodies(world.now(), 10).await.expect("purged"), 0, "the copy needs it");
    let job = due(&world).await.remove(0);
    assert_eq!(job.attempts, 1);
    assert_eq!(job.released_at + Duration::from_secs(600), world.now());
    let full = world.store.due_archives(world.now(), 10, &[sender.account]).await.expect("asked");
    assert!(full.is_empty(), "the account has its share");
    world.store.end_archive(sender.account, id).await.expect("ended");
    assert!(!has_body(&world, sender, id).await, "its time is over");
}

pub(crate) async fn no_copy_of_an_erased_recipient_leaves(world: World) {
    let sender = world.sender().await;
    let both = ["bob@one.example", "ann@one.example"];
    let kept = Duration::from_secs(3600);
    let alone = send(&world, sender, &both[..1], kept).await;
    let mut new = world.message(&both);
    new.template.message.recipients = both.map(str::to_owned).to_vec();
    new.archive_to = Some(URL.into());
    let shared = new.id;
    world.store.accept(world.accept(sender, new)).await.expect("accepted");
    let bystander = send(&world, sender, &both[1..], kept).await;
    let leased = world.lease(10).await;
    let settlements = leased.iter().map(|entry| {
        let mut settlement = world.delivered(entry);
        let recipient = entry.envelope.open(&ACCESS).recipient.clone();
        let header = format!("{}@sender.example", entry.message);
        settlement.events[0].details = crate::world::details(&header, Some(&recipient));
        settlement
    });
    world.store.settle(settlements.collect()).await.expect("settled");
    assert_eq!(due(&world).await.len(), 3);
    let erasure = world.store.ask_recipient_erasure(sender.account, both[0]).await.expect("asked");
    let erasure = world.store.begin_erasure(&erasure).await.expect("begun").expect("not held");
    while world.store.erase_batch(&erasure, 100).await.expect("a batch") > 0 {}
    let left: Vec<_> = due(&world).await.iter().map(|job| job.message).collect();
    assert_eq!(left, [bystander]);
    let counts = world.store.erasure_counts(&erasure).await.expect("counted");
    assert_eq!(counts.get("archive_jobs"), Some(&2), "{counts:?}");
    for message in [alone, shared] {
        assert!(!has_body(&world, sender, message).await);
    }
}

pub(crate) async fn copies_of_a_closed_account_stay_and_go_with_it(world: World) {
    let sender = world.sender().await;
    send(&world, sender, &["a@one.example"], Duration::ZERO).await;
    let leased = world.lease(10).await;
    world.store.settle(vec![world.delivered(&leased[0])]).await.expect("settled");
    world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    assert!(due(&world).await.is_empty(), "nothing leaves");
    assert_eq!(world.store.next_archive(world.now()).await.expect("asked"), None);
    assert!(world.store.take_back_erasure(sender.account).await.expect("in time"));
    assert_eq!(due(&world).await.len(), 1);
    let asked = world.store.ask_account_erasure(sender.account, world.now()).await.expect("asked");
    let begun = world.store.begin_erasure(&asked).await.expect("begun").expect("not held");
    while world.store.erase_batch(&begun, 100).await.expect("a batch") > 0 {}
    let counts = world.store.erasure_counts(&begun).await.expect("counted");
    assert_eq!(counts.get("archive_jobs"), Some(&1), "{counts:?}");
}

pub(crate) async fn a_copy_whose_url_nobody_can_read_ends(world: World) {
    let (gone, stays) = (world.sender().await, world.sender().await);
    send(&world, gone, &["a@one.example"], Duration::ZERO).await;
    let other = send(&world, stays, &["b@one.example"], Duration::ZERO).await;
    let leased = world.lease(10).await;
    let settled = leased.iter().map(|entry| world.delivered(entry)).collect();
    world.store.settle(settled).await.expect("settled");
    world.store.destroy_account_keys(gone.account).await.expect("destroyed");
    let left: Vec<_> = due(&world).await.iter().map(|job| job.message).collect();
    assert_eq!(left, [other]);
}

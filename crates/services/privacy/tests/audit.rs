//! The audit trail: what is recorded stays as it was written, or it shows.
#![expect(clippy::disallowed_methods, reason = "a test that edits files behind the back of what it tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use waxseal_model::{
    Access, AccountId, Actor, Clock, DomainId, KeyId, ManualClock, MessageId, Purpose, Random, SeededRandom,
    Timestamp, actor,
    event::EventDetails,
    options::{DeliveryOptions, Schedule},
    purpose,
};
use waxseal_privacy::audit::{
    AuditActor, AuditConfig, AuditEntry, AuditEvent, AuditLog, AuditPurpose, Finding, Operator, Query,
    Verdict,
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig, TrailEnd,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    content::{Opening, Witness},
    message::{Accept, NewMessage},
};

#[path = "audit/tamper.rs"]
mod tamper;

use tamper::{Copy, KINDS, forge, tamper};

struct World {
    folder: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    config: AuditConfig,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(5));
        let store = open_store(folder.path(), &clock, &random).await;
        let config = AuditConfig { longest_file: 8_000, ..AuditConfig::in_folder(folder.path()) };
        Self { folder, store, clock, random, config }
    }

    async fn open(&self) -> AuditLog {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        AuditLog::open(store, clock, self.config.clone()).await.expect("a trail")
    }

    async fn account(&self) -> AccountId {
        let id = AccountId::new(self.clock.as_ref(), self.random.as_ref());
        let profile = AccountProfile { name: "N".into(), email: "e@one.example".into(), company: None };
        let created_at = self.clock.now();
        let mut secret_hash = [0; 32];
        self.random.fill(&mut secret_hash);
        let key = NewApiKey {
            id: KeyId::new(self.clock.as_ref(), self.random.as_ref()),
            account: id,
            secret_hash,
            scope: KeyScope::Account,
            label: String::new(),
            created_at,
        };
        self.store.create_account(NewAccount { id, created_at, profile }, key).await.expect("made");
        id
    }

    /// The trail, its checkpoints and its anchors.
    fn files(&self) -> Vec<PathBuf> {
        let checkpoints = self.config.folder.join("checkpoints.jsonl");
        [self.segments(), vec![checkpoints, self.config.anchor_file.clone()]].concat()
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.config.folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().contains("trail-"))
            .collect();
        files.sort();
        files
    }

    /// Counts openings as delivery does, committed with what became of them.
    async fn count_openings(&self, account: AccountId, count: u64) {
        let (id, created_at) = (MessageId::new(self.clock.as_ref(), self.random.as_ref()), self.clock.now());
        let message = NewMessage {
            id,
            created_at,
            body: b"Subject: s\r\n\r\nb\r\n".to_vec(),
            template: EventDetails::default(),
            header_message_id: format!("{id}@one.example"),
            options: DeliveryOptions::default(),
            schedule: Schedule { not_before: created_at, give_up_at: created_at },
            capture: false,
            archive_to: None,
            keep_until: created_at + Duration::from_secs(3_600),
            entries: Vec::new(),
        };
        let (domain, events) = (DomainId::from_u128(1), Vec::new());
        let accept = Accept { account, domain, messages: vec![message], events, idempotency: None };
        self.store.accept(accept).await.expect("accepted");
        for _ in 0..count {
            let body = self.store.body(account, id).await.expect("read").expect("there");
            drop(body.into_open(&Access::new(actor::System, purpose::Delivery)));
        }
        self.store.ping().await.expect("something is committed");
    }

    /// Ends the process without a chance to record anything.
    async fn restart(&mut self) {
        self.store.close().await;
        self.store = open_store(self.folder.path(), &self.clock, &self.random).await;
    }
}

async fn open_store(folder: &Path, clock: &Arc<ManualClock>, random: &Arc<SeededRandom>) -> Store {
    let config = StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.to_owned(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    };
    Store::open(config, clock.clone(), random.clone()).await.expect("a store")
}

const fn plain(what: AuditEvent) -> AuditEntry {
    AuditEntry {
        actor: AuditActor::Operator(Operator::Owner),
        purpose: AuditPurpose::Administration,
        what,
        account: None,
        count: 1,
    }
}

async fn fill(world: &World, log: &AuditLog, entries: u64) {
    let account = world.account().await;
    for number in 0..entries {
        world.clock.advance(Duration::from_secs(1));
        let entry = AuditEntry { account: Some(account), count: number, ..plain(AuditEvent::QueueRetried) };
        assert_eq!(log.record(entry).await.expect("recorded"), number + 1);
    }
}

/// Entries that come together in tens, so that ten share a checkpoint.
async fn fill_in_tens(log: &AuditLog, entries: u64) {
    for _ in 0..entries / 10 {
        let calls = (0..10).map(|_| {
            let log = log.clone();
            tokio::spawn(async move { log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded") })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("ended");
        }
    }
}

#[tokio::test]
async fn what_is_recorded_is_read_back_and_sound() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 60).await;
    assert!(world.segments().len() > 1, "long files are followed by new ones");
    let entries = log.entries(Query::default()).await.expect("read");
    assert_eq!(entries.len(), 60);
    assert_eq!((entries[7].n, entries[7].count, entries[7].what.as_str()), (8, 7, "queue_retried"));
    let verdict = log.verify().await.expect("verified");
    assert!(verdict.sound, "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.checkpoints, verdict.anchors), (60, 60, 60));
    log.close().await;
    let log = world.open().await;
    assert_eq!(log.record(plain(AuditEvent::Started)).await.expect("recorded"), 61);
    assert!(log.verify().await.expect("verified").sound);
}

#[tokio::test]
async fn many_at_once_share_their_syncs_and_keep_their_order() {
    let world = World::new().await;
    let log = world.open().await;
    let calls = (0..500).map(|_| {
        let log = log.clone();
        tokio::spawn(async move { log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded") })
    });
    let mut numbers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        numbers.push(call.await.expect("ended"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    let verdict = log.verify().await.expect("verified");
    assert!(verdict.sound && verdict.checkpoints < 250, "{} syncs", verdict.checkpoints);
}

#[tokio::test]
async fn an_account_sees_its_own_and_nobody_can_tell_it_after_its_keys_are_gone() {
    let world = World::new().await;
    let log = world.open().await;
    let (one, other) = (world.account().await, world.account().await);
    let key = KeyId::new(world.clock.as_ref(), world.random.as_ref());
    for account in [one, other, one] {
        let actor = AuditActor::Customer(Some(key));
        let entry = AuditEntry { actor, account: Some(account), ..plain(AuditEvent::AccountExported) };
        log.record(entry).await.expect("recorded");
    }
    let opening = Opening { actor: Actor::System, purpose: Purpose::Delivery, account: other };
    for _ in 0..3 {
        world.store.put_back_openings(opening, 1);
    }
    log.record_openings().await.expect("recorded");
    let of = |account| Query { account: Some(account), ..Query::default() };
    assert_eq!(log.entries(of(one)).await.expect("read").len(), 2);
    let opened = log.entries(of(other)).await.expect("read").pop().expect("an entry");
    assert_eq!((opened.what.as_str(), opened.count), ("content_opened", 3));
    let text: String = world.segments().iter().map(|path| fs::read_to_string(path).expect("text")).collect();
    let known = [one.to_string(), other.to_string(), key.to_string(), hex::encode(one.to_bytes())];
    assert!(known.iter().all(|id| !text.contains(id)), "pseudonyms alone");
}

#[tokio::test]
async fn what_a_killed_process_had_opened_is_recorded_by_the_next() {
    let mut world = World::new().await;
    let log = world.open().await;
    let account = world.account().await;
    world.count_openings(account, 3).await;
    log.record_openings().await.expect("recorded");
    world.count_openings(account, 4).await;
    world.restart().await;
    let log = world.open().await;
    let told = async |log: &AuditLog| -> Vec<(String, u64)> {
        let entries = log.entries(Query::default()).await.expect("read");
        entries.into_iter().map(|entry| (entry.what, entry.count)).collect()
    };
    let expected = [("content_opened".to_owned(), 3), ("openings_recovered".to_owned(), 4)];
    assert_eq!(told(&log).await, expected);
    world.restart().await;
    assert_eq!(told(&world.open().await).await, expected, "once");
}

#[tokio::test]
async fn each_command_names_its_operator_and_nothing_else_does() {
    let world = World::new().await;
    let log = world.open().await;
    let ada = Operator::Named("ada".parse().expect("a name"));
    let actors = [
        AuditActor::Operator(ada),
        AuditActor::System,
        AuditActor::Operator(Operator::Owner),
        AuditActor::Customer(None),
        AuditActor::Operator(Operator::Stranger { uid: 1_007 }),
        AuditActor::Operator(ada),
    ];
    for actor in actors {
        log.record(AuditEntry { actor, ..plain(AuditEvent::KeysRotated) }).await.expect("recorded");
    }
    let entries = log.entries(Query::default()).await.expect("read");
    let by: Vec<_> = entries.iter().map(|entry| entry.by.as_deref()).collect();
    assert_eq!(by, [Some("ada"), None, Some("owner"), None, Some("uid 1007"), Some("ada")]);
    let hers = log.entries(Query { by: Some(ada), ..Query::default() }).await.expect("read");
    assert_eq!(hers.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1, 6]);
    assert!(log.verify().await.expect("verified").sound);
}

#[tokio::test]
async fn an_operator_opens_nothing_without_a_name() {
    let world = World::new().await;
    let log = world.open().await;
    let account = world.account().await;
    let opening = Opening { actor: Actor::Operator, purpose: Purpose::Support, account };
    assert!(Witness::opened(&log, opening, 1).await.is_err());
}

/// What lies on the disk at a moment.
struct Disk {
    trail: Vec<u8>,
    checkpoints: Vec<u8>,
    anchors: Vec<u8>,
    kept: Option<TrailEnd>,
}

impl World {
    async fn disk(&self) -> Disk {
        let [trail, checkpoints, anchors] = self.files().try_into().expect("one file of each");
        let read = |path: PathBuf| fs::read(path).expect("read");
        let kept = self.store.trail_end().await.expect("read");
        Disk { trail: read(trail), checkpoints: read(checkpoints), anchors: read(anchors), kept }
    }

    /// Puts the disk into a state.
    async fn put(&self, trail: &[u8], checkpoints: &[u8], anchors: &[u8], kept: Option<TrailEnd>) {
        let files = self.files();
        for (path, bytes) in files.iter().zip([trail, checkpoints, anchors]) {
            fs::write(path, bytes).expect("written");
        }
        self.store.keep_trail_end(kept.expect("an end")).await.expect("kept");
    }
}

#[tokio::test]
async fn wherever_a_crash_stops_a_group_the_trail_is_sound_and_loses_nothing_that_was_recorded() {
    let mut world = World::new().await;
    world.config.longest_file = 1_000_000;
    let log = world.open().await;
    fill(&world, &log, 5).await;
    log.close().await;
    let before = world.disk().await;
    let log = world.open().await;
    fill_in_tens(&log, 10).await;
    log.close().await;
    let after = world.disk().await;
    // Announced; then its lines, as much of them as was written; then its anchor; then what the key store keeps.
    let written = (before.trail.len()..after.trail.len()).step_by(53).chain([after.trail.len()]);
    let mut states: Vec<_> = written
        .map(|length| (&after.trail[..length], &after.checkpoints, &before.anchors, before.kept))
        .collect();
    states.push((&after.trail, &after.checkpoints, &after.anchors, before.kept));
    for (trail, checkpoints, anchors, kept) in states {
        world.put(trail, checkpoints, anchors, kept).await;
        let log = world.open().await;
        let verdict = log.verify().await.expect("verified");
        assert!(verdict.sound, "{} bytes: {verdict:?}", trail.len());
        let next = log.record(plain(AuditEvent::Started)).await.expect("recorded");
        let verdict = log.verify().await.expect("verified");
        assert!(verdict.sound && verdict.entries == next && next > 5, "{verdict:?}");
        if trail.len() == after.trail.len() {
            assert!(next > 15, "a group that was written whole stays");
        }
        log.close().await;
    }
}

#[tokio::test]
async fn entries_that_nobody_announced_are_cut_and_stay_a_finding() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 5).await;
    log.close().await;
    let path = world.segments().pop().expect("a file");
    let mut lines: Vec<Vec<u8>> =
        fs::read(&path).expect("read").split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    forge(&mut lines, 2);
    fs::write(&path, lines.concat()).expect("forged");
    for _ in 0..2 {
        let log = world.open().await;
        let entries = log.entries(Query::default()).await.expect("read");
        assert_eq!((entries[5].n, entries[5].what.as_str()), (6, "foreign_lines_cut"), "{entries:?}");
        let verdict = log.verify().await.expect("verified");
        assert_eq!(verdict.findings.first().map(|finding| finding.entry), Some(6), "{verdict:?}");
        log.close().await;
    }
}

#[tokio::test]
async fn a_trail_set_back_or_thrown_away_whole_is_missed_by_the_key_store() {
    for earlier in [3, 0] {
        let world = World::new().await;
        let log = world.open().await;
        fill(&world, &log, 3).await;
        log.close().await;
        let copy = Copy::take(world.files());
        let log = world.open().await;
        for _ in 3..9 {
            log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded");
        }
        log.close().await;
        for file in world.files() {
            fs::remove_file(file).expect("deleted");
        }
        if earlier > 0 {
            copy.restore();
        }
        let log = world.open().await;
        let verdict = log.verify().await.expect("verified");
        let first = verdict.findings.first().map(|finding| (finding.entry, finding.to));
        assert_eq!(first, Some((earlier + 1, 9)), "{verdict:?}");
        assert_eq!(log.record(plain(AuditEvent::Started)).await.expect("recorded"), 11, "after a note");
    }
}

#[tokio::test]
async fn anchors_that_were_taken_away_are_not_made_again_unseen() {
    for left in [0, 4] {
        let world = World::new().await;
        let log = world.open().await;
        fill(&world, &log, 9).await;
        log.close().await;
        let anchors = fs::read(&world.config.anchor_file).expect("read");
        cut_lines(&world.config.anchor_file, 9 - left);
        let log = world.open().await;
        log.record(plain(AuditEvent::Started)).await.expect("recorded");
        let verdict = log.verify().await.expect("verified");
        let first = verdict.findings.first().map(|finding| finding.entry);
        assert_eq!(first, Some(left as u64 + 1), "{verdict:?}");
        // Their disk is there again.
        let since = fs::read(&world.config.anchor_file)
            .expect("read")
            .split_off(anchors.split_inclusive(|byte| *byte == b'\n').take(left).map(<[u8]>::len).sum());
        fs::write(&world.config.anchor_file, [anchors, since].concat()).expect("written");
        assert!(log.verify().await.expect("verified").sound);
    }
}

#[tokio::test]
async fn a_key_store_of_an_earlier_day_is_no_finding() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 3).await;
    let earlier = world.store.trail_end().await.expect("read").expect("an end");
    log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded");
    log.close().await;
    world.store.keep_trail_end(earlier).await.expect("set back");
    let log = world.open().await;
    assert!(log.verify().await.expect("verified").sound);
    assert_eq!(log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded"), 5);
}

#[tokio::test]
async fn a_line_torn_by_a_crash_is_cut_and_recorded() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 5).await;
    log.close().await;
    let before = world.disk().await;
    let log = world.open().await;
    log.record(plain(AuditEvent::KeyCreated)).await.expect("recorded");
    log.close().await;
    let after = world.disk().await;
    let torn = &after.trail[..before.trail.len() + 14];
    world.put(torn, &after.checkpoints, &before.anchors, before.kept).await;
    let log = world.open().await;
    let last = log.entries(Query::default()).await.expect("read").pop().expect("an entry");
    assert_eq!((last.n, last.what.as_str()), (6, "torn_line_cut"));
    assert_eq!(last.more["bytes"], 14);
    assert!(log.verify().await.expect("verified").sound);
}

#[tokio::test]
async fn a_shortened_trail_stays_visibly_short_though_it_goes_on() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 9).await;
    log.close().await;
    let path = world.segments().pop().expect("a file");
    cut_lines(&path, 3);
    // The attacker shortens what lies beside it as well, to the same point.
    cut_lines(&world.config.folder.join("checkpoints.jsonl"), 3);
    let log = world.open().await;
    log.record(plain(AuditEvent::Started)).await.expect("recorded");
    let verdict = log.verify().await.expect("verified");
    assert_eq!((verdict.findings[0].entry, verdict.findings[0].to), (7, 9));
    let missing = log.entries(Query { after: 6, ..Query::default() }).await.expect("read").remove(0);
    assert_eq!((missing.n, missing.what.as_str()), (10, "entries_missing"));
}

#[tokio::test]
async fn a_full_disk_of_anchors_does_not_stop_the_trail_and_is_made_up_for() {
    let mut world = World::new().await;
    let place = world.folder.path().join("other disk");
    // A file where a folder should be: nothing can be written there.
    fs::write(&place, b"").expect("in the way");
    world.config.anchor_file = place.join("anchors");
    let log = world.open().await;
    fill(&world, &log, 3).await;
    assert!(!log.verify().await.is_ok_and(|verdict| verdict.sound), "unanchored entries are not sound");
    fs::remove_file(&place).expect("out of the way");
    log.record(plain(AuditEvent::Started)).await.expect("recorded");
    let verdict = log.verify().await.expect("verified");
    assert!(verdict.sound && verdict.anchors == 4, "{verdict:?}");
}

fn cut_lines(path: &Path, lines: usize) {
    let text = fs::read_to_string(path).expect("text");
    let keep = text.lines().count() - lines;
    let kept: String = text.lines().take(keep).map(|line| format!("{line}\n")).collect();
    fs::write(path, kept).expect("cut");
}

#[tokio::test]
async fn a_thousand_random_tamperings_are_all_found_where_they_are() {
    let world = World::new().await;
    let log = world.open().await;
    fill_in_tens(&log, 120).await;
    let copy = Copy::take(world.files());
    let random = SeededRandom::new(77);
    let mut found = 0;
    for round in 0..1_000_u64 {
        let (entry, kind) = tamper(&copy, &random, round % KINDS);
        let verdict: Verdict = log.verify().await.expect("verified");
        let first: Option<&Finding> = verdict.findings.first();
        assert!(first.is_some(), "{round}: {kind} at {entry} was not found");
        assert_eq!(first.map(|finding| finding.entry), Some(entry), "{round}: {kind}: {verdict:?}");
        found += 1;
        copy.restore();
    }
    assert_eq!(found, 1_000);
    assert!(log.verify().await.expect("verified").sound);
}

#[tokio::test]
async fn a_chain_written_anew_is_found_by_its_checkpoints() {
    let world = World::new().await;
    let log = world.open().await;
    fill(&world, &log, 20).await;
    log.close().await;
    // Another instance's trail: a good chain with good signatures, of another key.
    let other = World::new().await;
    other.random.fill(&mut [0; 64]);
    let foreign = other.open().await;
    fill(&other, &foreign, 20).await;
    for (from, to) in other.segments().iter().zip(world.segments()) {
        fs::copy(from, to).expect("copied");
    }
    let verdict = world.open().await.verify().await.expect("verified");
    assert_eq!(verdict.findings[0].entry, 1, "{verdict:?}");
}

#[tokio::test]
async fn edits_of_checkpoints_and_anchors_are_found_too() {
    let world = World::new().await;
    let log = world.open().await;
    fill_in_tens(&log, 30).await;
    let copy = Copy::take(world.files());
    let random = SeededRandom::new(78);
    for round in 0..200_u64 {
        let (path, bytes) = &copy.files[copy.files.len() - 1 - usize::from(round % 2 == 0)];
        let mut bytes = bytes.clone();
        let at = usize::try_from(random.below(bytes.len() as u64)).expect("small");
        bytes[at] ^= 1 << random.below(8);
        fs::write(path, bytes).expect("written");
        assert!(!log.verify().await.expect("verified").sound, "{round}: byte {at} of {}", path.display());
        copy.restore();
    }
}

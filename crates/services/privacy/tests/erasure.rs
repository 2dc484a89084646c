//! What is asked to be erased goes, when its time has come and nobody holds it, whatever comes in between.
#![expect(clippy::disallowed_methods, reason = "tests look into files")]

#[expect(unreachable_pub, reason = "it is the test kit's, where others use it")]
#[path = "../../../../tools/testkit/src/folder_witness.rs"]
mod folder_witness;

use std::{path::Path, sync::Arc, time::Duration};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;
use waxseal_model::{
    AccountId, Clock, CredentialId, DomainId, EventId, KeyId, ManualClock, MessageId, Random, RecipientId,
    SeededRandom, Timestamp,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
    suppression::SuppressionKind,
};
use waxseal_privacy::{
    Eraser, Retention, RetentionConfig,
    audit::{AuditConfig, AuditLog, Query},
    erasure::{ErasureConfig, ErasureError},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    credential::NewSmtpCredential,
    domain::{DomainKind, DomainSettings, DomainState, NewDomain},
    erasure::{Erasure, ErasureState, NewHold},
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
    queue::PauseOf,
};

use waxseal_suppression::{Asked, Imports};

use folder_witness::FolderWitness;
// What the test kit's module searches with.
use waxseal_scan as _;

const DAY: Duration = Duration::from_secs(86_400);
const EVE: &str = "eve.of.the.team@customer.example";
const BOB: &str = "bob.the.recipient@one.example";

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    audit: AuditLog,
    retention: Arc<Retention>,
    eraser: Eraser,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random = Arc::new(SeededRandom::new(3));
        let (store, audit, retention, eraser) = open(folder.path(), &clock, &random).await;
        Self { store, clock, random, audit, retention, eraser, folder }
    }

    /// As a crash and a start would have it: nothing of the memory is left.
    async fn restart(&mut self) {
        self.audit.close().await;
        self.store.close().await;
        let (store, audit, retention, eraser) = open(self.folder.path(), &self.clock, &self.random).await;
        (self.store, self.audit, self.retention, self.eraser) = (store, audit, retention, eraser);
    }

    /// An account that has sent `messages` to Bob, which wait.
    async fn account(&self, messages: usize) -> AccountId {
        let (clock, random): (&dyn Clock, &dyn Random) = (self.clock.as_ref(), self.random.as_ref());
        let id = AccountId::new(clock, random);
        let profile = AccountProfile {
            name: "Ada".into(),
            email: "ada.the.owner@customer.example".into(),
            company: None,
        };
        let account = NewAccount { id, created_at: clock.now(), profile };
        let mut secret_hash = [0; 32];
        random.fill(&mut secret_hash);
        let key = NewApiKey {
            id: KeyId::new(clock, random),
            account: id,
            scope: KeyScope::Account,
            secret_hash,
            label: "first".into(),
            created_at: clock.now(),
        };
        self.store.create_account(account, key).await.expect("an account");
        let domain = DomainId::new(clock, random);
        for _ in 0..messages {
            self.store.accept(self.message(id, domain)).await.expect("accepted");
        }
        id
    }

    fn message(&self, account: AccountId, domain: DomainId) -> Accept {
        let (clock, random): (&dyn Clock, &dyn Random) = (self.clock.as_ref(), self.random.as_ref());
        let now = clock.now();
        let id = MessageId::new(clock, random);
        let header = format!("{id}@sender.example");
        let event = NewEvent {
            id: EventId::new(clock, random),
            at: now,
            kind: EventKind::Accepted,
            severity: None,
            account,
            domain,
            message: Some(id),
            details: EventDetails {
                recipient: Some(BOB.into()),
                message: MessageInfo { message_id: header.clone(), ..MessageInfo::default() },
                ..EventDetails::default()
            },
        };
        let entry = NewQueueEntry {
            id: RecipientId::new(clock, random),
            envelope: Envelope {
                reverse_path: "a@sender.example".into(),
                recipient: BOB.into(),
                source: None,
            },
        };
        let message = NewMessage {
            id,
            created_at: now,
            header_message_id: header,
            body: b"Subject: x\r\n\r\nbody\r\n".to_vec(),
            template: EventDetails::default(),
            options: DeliveryOptions::default(),
            schedule: Schedule { not_before: now, give_up_at: now + 5 * DAY },
            capture: false,
            archive_to: None,
            keep_until: now + 3 * DAY,
            entries: vec![entry],
        };
        Accept { account, domain, messages: vec![message], events: vec![event], idempotency: None }
    }

    async fn erasure(&self, erasure: &Erasure) -> Erasure {
        self.store.erasure(erasure.id).await.expect("read").expect("the journal keeps it")
    }

    async fn state(&self, erasure: &Erasure) -> &'static str {
        self.eraser.progress(&self.erasure(erasure).await).await.expect("read").stage
    }

    async fn certificate(&self, erasure: &Erasure) -> Value {
        let text = self.erasure(erasure).await.certificate.expect("a certificate");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn recorded(&self) -> Vec<String> {
        let entries = self.audit.entries(Query::default()).await.expect("the trail");
        entries.into_iter().map(|entry| entry.what).collect()
    }
}

async fn open(
    folder: &Path,
    clock: &Arc<ManualClock>,
    random: &Arc<SeededRandom>,
) -> (Store, AuditLog, Arc<Retention>, Eraser) {
    let config = StoreConfig {
        engine: Engine::Sqlite,
        data_dir: folder.to_owned(),
        master_key: MasterKey::File(folder.join("master.key")),
        keys_dir: None,
    };
    let clock: Arc<dyn Clock> = clock.clone();
    let store = Store::open(config, clock.clone(), random.clone()).await.expect("a store");
    let audit = AuditConfig::in_folder(folder);
    let audit = AuditLog::open(store.clone(), clock.clone(), audit).await.expect("a trail");
    let retention = Arc::new(Retention::new(store.clone(), clock.clone(), RetentionConfig::default()));
    let witness = Arc::new(FolderWitness(folder.to_owned()));
    let config = ErasureConfig { grace: 7 * DAY, batch: 3, ..ErasureConfig::default() };
    let (kept, trail) = (store.clone(), audit.clone());
    let eraser =
        Eraser::open(kept, clock, trail, retention.clone(), witness, config).await.expect("an eraser");
    (store, audit, retention, eraser)
}

#[tokio::test]
async fn an_account_goes_when_its_time_has_come_and_can_be_taken_back_until_then() {
    let world = World::new().await;
    let (gone, stays) = (world.account(4).await, world.account(4).await);
    let before = world.store.rows_left(stays).await.expect("counted");
    let asked = world.eraser.close_account(gone).await.expect("closed");
    assert_eq!(world.eraser.close_account(gone).await.expect("asked again").id, asked.id);
    world.clock.advance(7 * DAY - Duration::from_secs(1));
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "waiting");
    world.eraser.reopen_account(gone).await.expect("in time");
    assert!(matches!(world.eraser.reopen_account(gone).await, Err(ErasureError::NotAsked)));
    assert_eq!(world.store.closed_until_erased(gone), None);
    world.clock.advance(DAY);
    world.eraser.run_once().await.expect("ran");
    assert!(world.store.account(gone).await.expect("read").is_some(), "nothing is left of the wish");

    let asked = world.eraser.close_account(gone).await.expect("closed");
    world.clock.advance(7 * DAY);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
    assert_eq!(world.store.rows_left(gone).await.expect("counted").len(), 0);
    assert_eq!(world.store.rows_left(stays).await.expect("counted"), before);
    assert!(matches!(world.eraser.reopen_account(gone).await, Err(ErasureError::TooLate)));
    let keys = world.store.keys().await.expect("keys");
    assert!(keys.iter().all(|key| key.account == stays));
    let recorded = world.recorded().await;
    for what in ["erasure_started", "keys_destroyed", "erasure_finished", "certificate_issued"] {
        assert_eq!(recorded.iter().filter(|entry| *entry == what).count(), 1, "{what} in {recorded:?}");
    }
}

#[tokio::test]
async fn the_certificate_tells_what_went_and_an_edit_of_it_shows() {
    let world = World::new().await;
    let account = world.account(4).await;
    let asked = world.eraser.close_account(account).await.expect("closed");
    world.clock.advance(7 * DAY);
    world.eraser.run_once().await.expect("ran");
    let certificate = world.certificate(&asked).await;
    assert_eq!(certificate["certificate"], asked.id.to_string());
    assert_eq!(certificate["rows_erased"]["events"], 4);
    assert_eq!(certificate["rows_erased"]["queue_entries"], 4);
    assert!(certificate["keys_destroyed"].as_array().is_some_and(|keys| keys.len() >= 5));
    for scan in certificate["scans"].as_array().expect("scans") {
        assert_eq!(scan["hits"], 0, "{scan}");
        assert!(scan["looked_at"].as_u64().is_some_and(|number| number >= 3), "{scan}");
    }
    assert_eq!(certificate["scans"][1]["looked_for"], "the account's id and 1 of its addresses");
    let text = certificate.to_string();
    assert!(!text.contains(&account.to_string()) && !text.contains("ada.the.owner"), "it names nobody");
    assert!(holds(&certificate, world.eraser.public_key()));
    let mut edited = certificate;
    edited["rows_erased"]["events"] = 5.into();
    assert!(!holds(&edited, world.eraser.public_key()));
}

/// Whether the signature is good.
fn holds(certificate: &Value, public_key: &str) -> bool {
    let mut body = certificate.clone();
    let members = body.as_object_mut().expect("an object");
    let signature = members.remove("signature").expect("signed");
    let signature = hex::decode(signature.as_str().expect("text")).expect("hex");
    let text = format!("waxseal erasure certificate 1\n{body}");
    let key = hex::decode(public_key).expect("hex");
    UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn what_is_left_somewhere_is_certified_too() {
    let world = World::new().await;
    let account = world.account(1).await;
    std::fs::write(world.folder.path().join("core.dump"), account.to_bytes()).expect("written");
    std::fs::write(world.folder.path().join("debug.log"), "for ADA.the.owner@customer.example")
        .expect("written");
    let asked = world.eraser.close_account(account).await.expect("closed");
    world.clock.advance(7 * DAY);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.certificate(&asked).await["scans"][1]["hits"], 2);
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_goes_on_at_the_next_start() {
    let mut world = World::new().await;
    let (gone, stays) = (world.account(4).await, world.account(2).await);
    let asked = world.eraser.close_account(gone).await.expect("closed");
    world.restart().await;
    assert_eq!(world.state(&asked).await, "waiting", "a closed account is closed across a restart");
    world.clock.advance(7 * DAY);
    let begun = world.store.begin_erasure(&asked).await.expect("begun").expect("not taken back");
    world.store.erase_batch(&begun, 3).await.expect("a batch");
    world.restart().await;
    assert_eq!(world.state(&asked).await, "erasing");
    assert!(matches!(world.eraser.reopen_account(gone).await, Err(ErasureError::TooLate)));
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
    let certificate = world.certificate(&asked).await;
    assert_eq!(certificate["rows_erased"]["queue_entries"], 4, "what went before the restart counts");
    assert_eq!(certificate["scans"][1]["hits"], 0);
    assert_eq!(world.store.rows_left(gone).await.expect("counted").len(), 0);
    assert_eq!(world.store.rows_left(stays).await.expect("counted")["events"], 2);
}

#[tokio::test]
async fn a_legal_hold_puts_it_off_until_it_is_lifted_or_over() {
    let world = World::new().await;
    let account = world.account(1).await;
    let asked = world.eraser.close_account(account).await.expect("closed");
    let hold = |recipient: Option<&str>, until| NewHold {
        account,
        recipient: recipient.map(Into::into),
        reason: "file 7".into(),
        until,
    };
    let first = world.eraser.add_hold(hold(None, None)).await.expect("held");
    let until = world.clock.now() + 9 * DAY;
    world.eraser.add_hold(hold(Some(BOB), Some(until))).await.expect("held");
    assert!(world.eraser.add_hold(hold(None, Some(world.clock.now()))).await.is_err(), "over already");
    world.clock.advance(8 * DAY);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "held");
    world.eraser.lift_hold(first.id).await.expect("lifted").expect("it was there");
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "held", "what is held of a recipient holds the account");
    world.clock.advance(DAY);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
    assert!(world.eraser.add_hold(hold(None, None)).await.is_err(), "too late");
}

#[tokio::test]
async fn a_clock_that_jumps_erases_nobody_until_it_is_confirmed() {
    let world = World::new().await;
    let account = world.account(1).await;
    assert!(world.retention.trusts_clock().await.expect("looked"));
    let asked = world.eraser.close_account(account).await.expect("closed");
    world.clock.jump_to(world.clock.now() + 3650 * DAY);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.erasure(&asked).await.state, ErasureState::Grace);
    world.retention.confirm_clock().await.expect("confirmed");
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
}

#[tokio::test]
async fn a_recipient_goes_in_one_account_or_in_all() {
    let world = World::new().await;
    let (one, other, third) = (world.account(3).await, world.account(2).await, world.account(0).await);
    assert!(matches!(world.eraser.erase_recipient(one, "bob").await, Err(ErasureError::NotAnAddress)));
    let asked = world.eraser.erase_recipient(one, BOB).await.expect("asked");
    assert_eq!(world.eraser.erase_recipient(one, BOB).await.expect("asked again").id, asked.id);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
    assert_eq!(world.store.recipient_rows(one, BOB).await.expect("counted"), 0);
    assert_eq!(world.store.recipient_rows(other, BOB).await.expect("counted"), 4, "elsewhere nothing went");
    assert_eq!(world.store.closed_until_erased(one), None);
    let certificate = world.certificate(&asked).await;
    assert_eq!(certificate["kind"], "recipient");
    assert_eq!((&certificate["scans"][0]["hits"], certificate["scans"][1].is_null()), (&0.into(), true));
    assert!(!certificate.to_string().contains("bob.the"), "it names nobody");

    // One account has nothing but a pause that names them, and an operator paused what anybody sends them.
    let fourth = world.account(0).await;
    for account in [Some(fourth), None] {
        let of = PauseOf { account, recipient: Some(BOB.into()), ..PauseOf::default() };
        world.store.pause(&of, "they asked for it".into(), None).await.expect("paused");
    }
    let (ids, rows) = world.eraser.erase_recipient_everywhere(BOB).await.expect("asked");
    assert_eq!((ids.len(), rows), (2, 5));
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.store.recipient_rows(other, BOB).await.expect("counted"), 0);
    assert!(world.store.pauses().is_empty(), "no pause names them");
    let again = world.eraser.erase_recipient_everywhere(BOB).await.expect("asked");
    assert_eq!(again, (Vec::new(), 0));
    assert_eq!(world.store.erasures(one, None, 10).await.expect("listed").len(), 1);
    assert_eq!(world.store.erasures(third, None, 10).await.expect("listed").len(), 0);
}

#[tokio::test]
async fn who_stands_in_a_file_that_is_being_imported_is_erased_with_it() {
    let world = World::new().await;
    let (one, other) = (world.account(0).await, world.account(0).await);
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (world.clock.clone(), world.random.clone());
    let imports = Imports::new(world.store.clone(), clock, random);
    let kind = SuppressionKind::Complaint;
    let domain = DomainId::from_u128(9);
    for (account, domain) in [(one, domain), (other, DomainId::from_u128(10))] {
        let settings = DomainSettings::default();
        let new = NewDomain {
            id: domain,
            account,
            name: format!("{domain}.example"),
            kind: DomainKind::Custom,
            state: DomainState::Active,
            settings,
            return_path_key: vec![1; 32],
            created_at: world.clock.now(),
            dkim_keys: Vec::new(),
            tend_at: None,
        };
        world.store.create_domain(new).await.expect("a domain");
        let file = format!("address\nann@one.example\n{BOB}\n");
        let taken = imports.ask((account, domain), kind, file.into()).await.expect("asked");
        assert!(matches!(taken, Asked::Taken(_)));
    }
    let asked = world.eraser.erase_recipient(one, BOB).await.expect("asked");
    world.eraser.run_once().await.expect("ran");
    let certificate = world.certificate(&asked).await;
    assert_eq!(certificate["rows_erased"]["suppressions rewritten"], 1, "{certificate}");
    let files = || std::fs::read_dir(world.folder.path().join("imports")).expect("read").count();
    assert_eq!(files(), 1, "the other account's waits");
    let found =
        world.store.suppression((one, domain), kind, BOB).await.expect("read").expect("the wish is left");
    assert!(found.address.is_none());
    assert!(world.store.suppression((one, domain), kind, "ann@one.example").await.expect("read").is_some());

    let (ids, rows) = world.eraser.erase_recipient_everywhere(BOB).await.expect("asked");
    assert_eq!((ids.len(), rows, files()), (1, 1, 0), "who stands in a file is found");
}

/// Gives an account an SMTP login.
async fn login(world: &World, account: AccountId, login: &str) {
    let (clock, random): (&dyn Clock, &dyn Random) = (world.clock.as_ref(), world.random.as_ref());
    let credential = NewSmtpCredential {
        id: CredentialId::new(clock, random),
        account,
        domain: DomainId::new(clock, random),
        login: login.into(),
        password_hash: "a hash".into(),
        created_at: clock.now(),
    };
    world.store.create_smtp_credential(credential).await.expect("a login");
}

async fn has_login(world: &World, login: &str) -> bool {
    world.store.smtp_credential(login).await.expect("read").is_some()
}

#[tokio::test]
async fn who_has_a_login_goes_and_the_account_stays() {
    let world = World::new().await;
    let (account, other) = (world.account(2).await, world.account(0).await);
    login(&world, account, EVE).await;
    login(&world, account, "another.one@customer.example").await;
    assert!(matches!(world.eraser.erase_login(account, "eve").await, Err(ErasureError::NotALogin)));
    for (account, login) in [(other, EVE), (account, "nobody.here@customer.example")] {
        let refused = world.eraser.erase_login(account, login).await;
        assert!(matches!(refused, Err(ErasureError::NoLogin)), "{login} is not theirs");
    }
    assert!(has_login(&world, EVE).await);

    let asked = world.eraser.erase_login(account, EVE).await.expect("asked");
    assert_eq!(world.eraser.erase_login(account, EVE).await.expect("asked again").id, asked.id);
    world.eraser.run_once().await.expect("ran");
    assert_eq!(world.state(&asked).await, "done");
    assert!(!has_login(&world, EVE).await && has_login(&world, "another.one@customer.example").await);
    assert_eq!(world.store.recipient_rows(account, BOB).await.expect("counted"), 4, "what was sent stays");
    let certificate = world.certificate(&asked).await;
    assert_eq!(
        (&certificate["kind"], &certificate["rows_erased"]["smtp_credentials"]),
        (&"login".into(), &1.into())
    );
    assert_eq!(certificate["keys_destroyed"].as_array().map(Vec::len), Some(1));
    assert_eq!(certificate["scans"][0]["looked_for"], "1 logins");
    assert_eq!(certificate["scans"][0]["hits"], 0);
    assert!(
        certificate["account_hash"].is_null() && !certificate.to_string().contains("eve.of"),
        "it names nobody"
    );
    assert!(holds(&certificate, world.eraser.public_key()));
    let recorded = world.recorded().await;
    assert_eq!(recorded.iter().filter(|entry| *entry == "login_erased").count(), 1, "{recorded:?}");
}

#[tokio::test]
async fn an_owner_goes_and_the_account_stays() {
    let world = World::new().await;
    let (account, other) = (world.account(2).await, world.account(0).await);
    std::fs::write(world.folder.path().join("debug.log"), "for ADA.the.owner@customer.example")
        .expect("written");
    let asked = world.eraser.erase_owner(account).await.expect("asked");
    world.eraser.run_once().await.expect("ran");
    let access = waxseal_model::Access::new(waxseal_model::actor::System, waxseal_model::purpose::Operation);
    let email = async |account| {
        let found = world.store.account(account).await.expect("read").expect("it stays");
        found.profile.open(&access).email.clone()
    };
    assert_eq!(email(account).await, "");
    assert_eq!(
        email(other).await,
        "ada.the.owner@customer.example",
        "another account has an owner of its own"
    );
    let certificate = world.certificate(&asked).await;
    assert_eq!((&certificate["kind"], &certificate["rows_erased"]["accounts"]), (&"owner".into(), &1.into()));
    assert_eq!(certificate["keys_destroyed"].as_array().map(Vec::len), Some(1));
    assert_eq!(certificate["scans"][0]["looked_for"], "1 values of the profile");
    assert_eq!(certificate["scans"][0]["hits"], 1, "a log that somebody kept is found and certified");
    assert!(world.recorded().await.contains(&"owner_erased".to_owned()));
    assert_eq!(world.store.closed_until_erased(account), None);
    assert_eq!(world.store.rows_left(account).await.expect("counted")["queue_entries"], 2, "it goes on");
}

#[tokio::test]
async fn a_hold_on_the_account_holds_its_users_too() {
    let world = World::new().await;
    let account = world.account(0).await;
    login(&world, account, EVE).await;
    let hold = NewHold { account, recipient: None, reason: "file 7".into(), until: None };
    let hold = world.eraser.add_hold(hold).await.expect("held");
    let asked = world.eraser.erase_login(account, EVE).await.expect("asked");
    let owner = world.eraser.erase_owner(account).await.expect("asked");
    world.eraser.run_once().await.expect("ran");
    assert_eq!((world.state(&asked).await, world.state(&owner).await), ("held", "held"));
    assert!(has_login(&world, EVE).await, "it works until the hold is over");
    world.eraser.lift_hold(hold.id).await.expect("lifted").expect("it was there");
    world.eraser.run_once().await.expect("ran");
    assert_eq!((world.state(&asked).await, world.state(&owner).await), ("done", "done"));
    assert!(!has_login(&world, EVE).await);
}

#[tokio::test]
async fn a_users_erasure_goes_on_wherever_it_was_interrupted() {
    // Before it began; with its row and key; with everything done but the certificate.
    for batches in [None, Some(0), Some(1), Some(2)] {
        let mut world = World::new().await;
        let account = world.account(1).await;
        login(&world, account, EVE).await;
        let login = world.eraser.erase_login(account, EVE).await.expect("asked");
        let owner = world.eraser.erase_owner(account).await.expect("asked");
        for asked in [&login, &owner] {
            let Some(batches) = batches else { continue };
            let begun = world.store.begin_erasure(asked).await.expect("begun").expect("not taken back");
            for _ in 0..batches {
                world.store.erase_batch(&begun, 3).await.expect("a batch");
            }
        }
        world.restart().await;
        world.eraser.run_once().await.expect("ran");
        for (asked, table) in [(&login, "smtp_credentials"), (&owner, "accounts")] {
            assert_eq!(world.state(asked).await, "done", "{table} after {batches:?}");
            let certificate = world.certificate(asked).await;
            assert_eq!(certificate["rows_erased"][table], 1, "{certificate}");
            assert_eq!(certificate["keys_destroyed"].as_array().map(Vec::len), Some(1), "{certificate}");
        }
        assert!(!has_login(&world, EVE).await);
        let searched = &world.certificate(&login).await["scans"][0]["looked_for"];
        let known =
            if batches.is_none() { "1 logins" } else { "nothing: what to look for was not known any more" };
        assert_eq!(searched, known, "after {batches:?}");
    }
}

#[tokio::test]
async fn the_certificate_tells_of_content_that_others_still_wait_for() {
    let world = World::new().await;
    let account = world.account(1).await;
    let domain = DomainId::new(world.clock.as_ref(), world.random.as_ref());
    let mut shared = world.message(account, domain);
    let entry = NewQueueEntry {
        id: RecipientId::new(world.clock.as_ref(), world.random.as_ref()),
        envelope: Envelope {
            reverse_path: "a@sender.example".into(),
            recipient: "ann@one.example".into(),
            source: None,
        },
    };
    shared.messages[0].entries.push(entry);
    world.store.accept(shared).await.expect("accepted");
    let asked = world.eraser.erase_recipient(account, BOB).await.expect("asked");
    world.eraser.run_once().await.expect("ran");
    let certificate = world.certificate(&asked).await;
    assert_eq!(certificate["content_kept"]["messages"], 1);
    assert_eq!(certificate["content_kept"]["until"], (world.clock.now() + 5 * DAY).to_jiff().to_string());
    assert!(holds(&certificate, world.eraser.public_key()));
    let again = world.eraser.erase_recipient(account, "eve@one.example").await.expect("asked");
    world.eraser.run_once().await.expect("ran");
    assert!(world.certificate(&again).await.get("content_kept").is_none(), "where nothing stays");
}

#[tokio::test]
async fn it_runs_by_itself_until_it_is_stopped() {
    let world = World::new().await;
    let account = world.account(2).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = world.eraser.clone();
    let task = tokio::spawn(async move { running.run(async { stopped.await.unwrap_or(()) }).await });
    let asked = world.eraser.close_account(account).await.expect("closed");
    let done = async {
        while world.erasure(&asked).await.state != ErasureState::Done {
            if world.clock.next_sleeper().is_some() {
                world.clock.advance(Duration::from_secs(3600));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.expect("in time");
    stop.send(()).expect("it listens");
    tokio::time::timeout(Duration::from_secs(60), task).await.expect("in time").expect("ended");
}

//! An export is sealed, whole and documented; taken over into another instance, that one's export equals it.
#![expect(clippy::disallowed_methods, reason = "a test looks at the files")]

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use waxseal_model::{
    AccountId, Clock, DomainId, EventId, KeyId, ManualClock, MessageId, Random, RecipientId, SeededRandom,
    Timestamp,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
};
use waxseal_privacy::{
    audit::{AuditConfig, AuditLog},
    export::{self, ExportError, ExportGround, ExportOrder, Made},
};
use waxseal_store::{
    Engine, MasterKey, Store, StoreConfig,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    export::ExportSubject,
    export_file::ExportKey,
    import::ImportError,
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
};

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    random: Arc<dyn Random>,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(11));
        let data_dir = folder.path().join("data");
        let master_key = MasterKey::File(data_dir.join("master.key"));
        let config = StoreConfig { engine: Engine::Sqlite, data_dir, master_key, keys_dir: None };
        let store = Store::open(config, Arc::clone(&clock) as _, Arc::clone(&random)).await.expect("a store");
        Self { store, clock, random, folder }
    }

    /// An account that has sent so many messages to one recipient each.
    async fn account(&self, tag: &str, messages: usize) -> AccountId {
        let (clock, random) = (self.clock.as_ref(), self.random.as_ref());
        let account = AccountId::new(clock, random);
        let profile = AccountProfile {
            name: format!("{tag}-name"),
            email: format!("{tag}@customer.example"),
            company: None,
        };
        let created_at = self.clock.now();
        let mut secret_hash = [0; 32];
        random.fill(&mut secret_hash);
        let key = NewApiKey {
            id: KeyId::new(clock, random),
            account,
            scope: KeyScope::Account,
            secret_hash,
            label: format!("{tag}-label"),
            created_at,
        };
        self.store.create_account(NewAccount { id: account, created_at, profile }, key).await.expect("made");
        let domain = DomainId::new(clock, random);
        for number in 0..messages {
            let recipient = format!("{tag}-{number}@one.example");
            let id = MessageId::new(clock, random);
            let details = EventDetails {
                recipient: Some(recipient.clone()),
                message: MessageInfo {
                    message_id: format!("{id}@sender.example"),
                    subject: format!("{tag}-subject"),
                    ..MessageInfo::default()
                },
                ..EventDetails::default()
            };
            let entry = NewQueueEntry {
                id: RecipientId::new(clock, random),
                envelope: Envelope { reverse_path: "b@sender.example".into(), recipient, source: None },
            };
            let message = NewMessage {
                id,
                created_at,
                header_message_id: details.message.message_id.clone(),
                body: format!("Subject: {tag}-subject\r\n\r\n{tag}-body {number}\r\n").into_bytes(),
                template: details.clone(),
                options: DeliveryOptions::default(),
                schedule: Schedule {
                    not_before: created_at,
                    give_up_at: created_at + Duration::from_secs(60),
                },
                capture: false,
                keep_until: created_at,
                archive_to: None,
                entries: vec![entry],
            };
            let event = NewEvent {
                id: EventId::new(clock, random),
                at: created_at,
                kind: EventKind::Accepted,
                severity: None,
                account,
                domain,
                message: Some(id),
                details,
            };
            let accept =
                Accept { account, domain, messages: vec![message], events: vec![event], idempotency: None };
            self.store.accept(accept).await.expect("accepted");
        }
        account
    }

    async fn export(
        &self,
        subjects: Vec<ExportSubject>,
        name: &str,
    ) -> (Result<Made, ExportError>, ExportKey) {
        let key = ExportKey::make(self.random.as_ref());
        let same = ExportKey::parse(&key.text()).expect("a key");
        let (ground, path) = (ExportGround::Owner, self.folder.path().join(name));
        let order = ExportOrder { by: None, ground, subjects, requester: None, path, key };
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let audit = AuditLog::open(store, clock, AuditConfig::in_folder(&self.folder.path().join("data")));
        let audit = audit.await.expect("a trail");
        (export::make(&self.store, self.clock.as_ref(), &self.random, &audit, order).await, same)
    }

    /// The files of an export, by name.
    fn files(&self, name: &str, key: &ExportKey) -> BTreeMap<String, Vec<u8>> {
        let plain = self.folder.path().join(format!("{name}.zip"));
        export::open(&self.folder.path().join(name), key, &plain).expect("opened");
        let mut zip = zip::ZipArchive::new(Cursor::new(std::fs::read(plain).expect("read"))).expect("a ZIP");
        let mut files = BTreeMap::new();
        for index in 0..zip.len() {
            let mut file = zip.by_index(index).expect("a file");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("read");
            files.insert(file.name().expect("a name").into_owned(), bytes);
        }
        files
    }
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("read").map(|entry| entry.expect("an entry").file_name());
    entries.filter_map(|name| name.into_string().ok()).filter(|name| name != "data").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_goes_out_sealed_and_comes_in_equal() {
    let (from, to) = (World::new().await, World::new().await);
    let (mine, other) = (from.account("mine", 30).await, from.account("stranger", 2).await);
    assert_ne!(mine, other);
    let (made, key) = from.export(vec![ExportSubject::Account(mine)], "a.export").await;
    let made = made.expect("made");
    assert_eq!((made.messages, made.rows["events"], made.rows["messages"]), (30, 30, 30));
    let sealed = std::fs::read(from.folder.path().join("a.export")).expect("read");
    assert_eq!(sealed.len() as u64, made.bytes);
    for word in ["mine", "jsonl", "manifest"] {
        assert!(!holds(&sealed, word), "{word} stands readable in the file");
    }
    let files = from.files("a.export", &key);
    let all: Vec<u8> = files.values().flatten().copied().collect();
    for number in 0..30 {
        assert!(
            holds(&all, &format!("mine-body {number}\r\n")) && holds(&all, &format!("mine-{number}@one"))
        );
    }
    assert!(holds(&all, "mine-name") && holds(&all, "mine-label"));
    assert!(!holds(&all, "stranger"), "nothing of anybody else");

    let file = from.folder.path().join("a.export");
    let no_dkim = Arc::new(|_| None);
    let imported = export::import(&to.store, file.clone(), Some(key), no_dkim.clone()).await.expect("in");
    assert_eq!((imported.account, imported.messages, imported.left_out), (mine, 30, 0));
    let (again, key) = to.export(vec![ExportSubject::Account(mine)], "b.export").await;
    assert_eq!(again.expect("made").rows, made.rows);
    assert_eq!(to.files("b.export", &key), files, "their clocks stand at the same time");
    let plain = from.folder.path().join("a.export.zip");
    let twice = export::import(&to.store, plain, None, no_dkim).await;
    assert!(matches!(twice, Err(ExportError::Import(ImportError::NotEmpty))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_whole_is_refused_and_leaves_nothing() {
    let (from, to) = (World::new().await, World::new().await);
    let mine = from.account("mine", 200).await;
    let (made, key) = from.export(vec![ExportSubject::Account(mine)], "a.export").await;
    made.expect("made");
    let file = from.folder.path().join("a.export");
    let whole = std::fs::read(&file).expect("read");
    let no_dkim = Arc::new(|_| None);
    let bad = from.folder.path().join("bad.export");
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for bytes in [&changed[..], &whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
        std::fs::write(&bad, bytes).expect("written");
        let key = ExportKey::parse(&key.text());
        let refused = export::import(&to.store, bad.clone(), key, no_dkim.clone()).await;
        assert!(matches!(refused, Err(ExportError::NotOpened { .. })));
    }
    let wrong = Some(ExportKey::make(from.random.as_ref()));
    let refused = export::import(&to.store, file.clone(), wrong, no_dkim.clone()).await;
    assert!(matches!(refused, Err(ExportError::NotOpened { .. })));
    let refused = export::import(&to.store, file.clone(), None, no_dkim.clone()).await;
    assert!(matches!(refused, Err(ExportError::KeyWanted { .. })));
    assert!(to.store.accounts(None, 9).await.expect("read").is_empty(), "nothing came in");
    // A file that is there is not written over, and a recipient's export is not taken for an account.
    let (refused, _) = from.export(vec![ExportSubject::Account(mine)], "a.export").await;
    assert!(matches!(refused, Err(ExportError::File { .. })));
    assert_eq!(std::fs::read(&file).expect("read"), whole);
    let address = "mine-7@one.example".to_owned();
    let (made, key) =
        from.export(vec![ExportSubject::Recipient { account: mine, address }], "r.export").await;
    assert_eq!((made.expect("made").messages, from.files("r.export", &key).len()), (1, 6));
    let refused = export::import(&to.store, from.folder.path().join("r.export"), Some(key), no_dkim).await;
    assert!(matches!(refused, Err(ExportError::NotAnAccount("recipient"))));
    let mut left = names(from.folder.path());
    left.sort();
    assert_eq!(left, ["a.export", "bad.export", "r.export", "r.export.zip"], "no unfinished file");
}

//! Opening the store: engine, files, master key, migrations.

use std::{
    fmt,
    fs::{File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use sea_orm::{DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QuerySelect};
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;
use waxseal_model::{AccountId, Clock, CredentialId, Random};

use crate::{
    backup::{self, restore},
    content::Openings,
    domain::{Domain, DomainKey},
    engine::{
        patient::{Patient, answered},
        postgres,
        purposes::Readers,
        sqlite,
    },
    entity::account,
    erasure::{Closed, Reapplied},
    error::{OpenError, StoreError},
    keyring::{
        self, Keyring,
        home::{self, Home},
    },
    migration::Migrator,
    queue::{Cleared, Handover, Pauses, Stranded, Walk},
    recent::Recent,
    room::Room,
    sent_notes::SentNotes,
    suppression::Listed,
    writer::Writer,
};

/// The database behind the store.
#[derive(Clone, PartialEq, Eq)]
pub enum Engine {
    /// `waxseal.db` in the data folder: WAL, `synchronous=FULL`, `secure_delete=ON`.
    Sqlite,
    /// A PostgreSQL database by URL. The keyring stays in a folder, so one node at a time uses it.
    Postgres(String),
}

/// The key that all others are wrapped under.
#[derive(Clone, PartialEq, Eq)]
pub enum MasterKey {
    /// A file with 64 hex digits, mode 0600, made on first start.
    File(PathBuf),
    /// 64 hex digits, from the environment.
    Hex(String),
    /// A command for the shell that prints 64 hex digits, so that a key service can stand behind.
    Command(String),
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Engine.
    pub engine: Engine,
    /// Folder of `waxseal.db` and everything else; made if missing.
    pub data_dir: PathBuf,
    /// Folder of the keyring, `keys.db` and what goes with it; made if missing. `None` for the data folder.
    pub keys_dir: Option<PathBuf>,
    /// Master key.
    pub master_key: MasterKey,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.write_str(match self {
            Self::Sqlite => "Sqlite",
            Self::Postgres(_) => "Postgres(..)",
        })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Hex(_) => f.write_str("Hex(..)"),
            // It may hold a token.
            Self::Command(_) => f.write_str("Command(..)"),
        }
    }
}

/// The store. Cheap to clone; all clones share connections, writer and keyring.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    /// For reading everything: what keeps the store itself in order.
    pub(crate) readers: Patient,
    /// For reading what a purpose wants.
    pub(crate) purposes: Readers,
    /// For writing.
    pub(crate) writer: Writer,
    /// Keys.
    pub(crate) keyring: Keyring,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Chance.
    pub(crate) random: Arc<dyn Random>,
    /// Where the walk over the queue goes on: see `queue::lease`.
    turn: Mutex<Walk>,
    /// Where what is accepted goes at once.
    pub(crate) handover: Handover,
    /// Leases that nobody holds.
    pub(crate) stranded: Stranded,
    /// What was cleared in somebody's hands.
    pub(crate) cleared: Cleared,
    /// What may not leave now.
    pub(crate) pauses: Pauses,
    /// The database behind it.
    pub(crate) engine: Engine,
    /// Where its files are.
    pub(crate) data_dir: PathBuf,
    /// What is free on the disk of the data folder.
    pub(crate) room: Arc<Room>,
    /// What was sent and not answered yet.
    pub(crate) sent_notes: SentNotes,
    /// Copies for archives became due.
    pub(crate) archive_changes: watch::Sender<u64>,
    /// What was erased again when the store was opened.
    reapplied: OnceLock<Reapplied>,
    /// Accounts that are to be erased.
    pub(crate) closed: Closed,
    /// Logins seen a moment ago: whose they are.
    pub(crate) recent_logins: Recent<(AccountId, CredentialId), AccountId>,
    /// Domains seen a moment ago.
    pub(crate) recent_domains: Recent<DomainKey, Domain>,
    /// Who is on no list.
    pub(crate) listed: Listed,
    /// Held while a network is looked for and then added.
    pub(crate) networks: tokio::sync::Mutex<()>,
    /// Held while a value is written down and then put in the place of another.
    pub(crate) replacing: tokio::sync::Mutex<()>,
    /// How often content was opened.
    pub(crate) openings: Arc<Openings>,
    /// Holds the locks of the data folder and of the keyring's as long as the store lives.
    locks: Mutex<[Option<File>; 2]>,
}

impl Inner {
    /// Where a lease looks on.
    pub(crate) fn turn(&self) -> Walk {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes where a lease stopped looking.
    pub(crate) fn set_turn(&self, turn: Walk) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }
}

impl Store {
    /// Opens the store, makes its files and keys on first start, and brings the schema up to date.
    pub async fn open(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        make_folder(&config.data_dir)?;
        let lock = lock(&config.data_dir)?;
        let room = Arc::new(Room::open(&config.data_dir));
        restore::clear(&config.data_dir)?;
        backup::settle_keys(&config.data_dir)?;
        let home = Home::take(&config)?;
        backup::settle_keys(home.folder())?;
        let sent_notes = SentNotes::open(config.data_dir.join("sent.notes"))?;
        let (writing, readers, purposes) = match &config.engine {
            Engine::Sqlite => {
                let path = config.data_dir.join("waxseal.db");
                let writing = sqlite::connect(&path, sqlite::Use::Write).await?;
                migrate(&writing).await?;
                let readers = sqlite::connect(&path, sqlite::Use::Read).await?;
                let purposes = Readers::sqlite(&path, &readers).await?;
                (writing, readers, purposes)
            }
            Engine::Postgres(url) => {
                let db = postgres::connect(url).await?;
                migrate(&db).await?;
                let purposes = Readers::postgres(url, &db).await?;
                (db.clone(), db, purposes)
            }
        };
        let is_new = !has_accounts(&readers).await?;
        if !is_new || home::is_noted(&readers).await? {
            keyring::check_present(home.folder())?;
        }
        let keyring = Keyring::open(home.folder(), &config.master_key, Arc::clone(&random)).await?;
        let openings = Arc::<Openings>::default();
        let writer = Writer::start(writing, Arc::clone(&room), Arc::clone(&openings));
        let is_apart = home.is_apart();
        let locks = Mutex::new([Some(lock), home.into_lock()]);
        let store = Self {
            inner: Arc::new(Inner {
                readers: Patient::new(readers),
                purposes,
                writer,
                keyring,
                clock,
                random,
                turn: Mutex::default(),
                handover: Handover::default(),
                stranded: Stranded::default(),
                cleared: Cleared::default(),
                pauses: Pauses::default(),
                listed: Listed::default(),
                engine: config.engine,
                data_dir: config.data_dir,
                room,
                sent_notes,
                archive_changes: watch::Sender::default(),
                reapplied: OnceLock::new(),
                closed: Closed::default(),
                recent_logins: Recent::default(),
                recent_domains: Recent::default(),
                networks: tokio::sync::Mutex::default(),
                replacing: tokio::sync::Mutex::default(),
                openings,
                locks,
            }),
        };
        if is_apart && let Err(error) = store.go_with_keyring(is_new).await {
            store.close().await;
            return Err(error);
        }
        if let Err(error) = store.recall_erasures().await {
            store.close().await;
            return Err(OpenError::Database(format!("erasures cannot be applied: {error}")));
        }
        if let Err(error) = store.open_pauses().await {
            store.close().await;
            return Err(OpenError::Database(format!("pauses of the queue cannot be read: {error}")));
        }
        if let Err(error) = store.seal_what_stood_in_the_clear().await {
            store.close().await;
            return Err(OpenError::Database(format!("what an older version kept cannot be sealed: {error}")));
        }
        Ok(store)
    }

    /// Before anybody comes in: closed accounts are closed, and what was erased stays erased, whichever database
    /// was put here; copies that a process left half made go.
    async fn recall_erasures(&self) -> Result<(), StoreError> {
        self.recall_closed().await?;
        let done = self.reapply_erasures().await?;
        // After them: who was erased has nothing any more that could be deleted.
        let deletions = self.reapply_deletions().await?;
        self.inner.reapplied.set(Reapplied { deletions, ..done }).unwrap_or(());
        self.settle_imports().await?;
        self.settle_exports().await
    }

    /// What opening this store erased again, because its database was restored.
    pub fn reapplied(&self) -> Reapplied {
        self.inner.reapplied.get().copied().unwrap_or_default()
    }

    /// Whether the database answers and can be written, and there is room for more.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.inner.room.admit(0)?;
        answered(self.inner.readers.get_database_backend(), self.inner.readers.ping()).await?;
        self.write_note("ping", Some(self.inner.clock.now().as_micros())).await
    }

    /// On SQLite, moves everything from the write-ahead log into the file and empties the log: older states of
    /// pages are gone from disk. Readers at work may put part of it off to the next call.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.writer.checkpoint().await
    }

    /// Finishes what is being written and closes files and connections.
    pub async fn close(&self) {
        self.inner.writer.stop().await;
        if let Err(error) = self.inner.purposes.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        if let Err(error) = DatabaseConnection::clone(&self.inner.readers).close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        self.inner.keyring.close().await;
        self.inner.sent_notes.close().await;
        *self.inner.locks.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
    }
}

/// Whether anything may have been sealed.
async fn has_accounts(db: &DatabaseConnection) -> Result<bool, OpenError> {
    let some = account::Entity::find().limit(1).count(db).await;
    some.map(|count| count > 0).map_err(|error| OpenError::Database(error.to_string()))
}

async fn migrate(db: &DatabaseConnection) -> Result<(), OpenError> {
    let failed = |error: DbErr| OpenError::Database(error.to_string());
    let known: Vec<_> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(db).await.map_err(failed)?;
    if let Some(newer) = applied.into_iter().find(|one| !known.contains(&one.version)) {
        return Err(OpenError::Newer { change: newer.version });
    }
    Migrator::up(db, None).await.map_err(failed)
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| OpenError::File { path: folder.display().to_string(), source })
}

/// Takes a folder for this process; the lock goes with the process, however it ends.
pub(crate) fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("waxseal.lock");
    let shown = path.display().to_string();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| OpenError::File { path: shown.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: shown }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path: shown, source }),
    }
}

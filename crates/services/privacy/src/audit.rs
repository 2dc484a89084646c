//! The audit trail: who did what with people's data, in files that only grow and cannot be edited unseen.
//!
//! Entries lie in `audit/trail-….jsonl`, one line each, chained by SHA-256. With each group of entries the end of
//! the chain is signed, in `audit/checkpoints.jsonl` and in the anchor file, which belongs on another disk, and kept
//! beside the keys: a chain alone does not show that its end was cut off, these do.
//!
//! **Invariant:** one writer. The process that has the store has the trail.

mod chain;
mod checkpoint;
mod ending;
mod entry;
mod loose;
mod operator;
mod query;
mod subject;
mod verify;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use waxseal_model::{AccountId, Clock};
use waxseal_store::{
    Store, StoreError,
    content::{Opening, Witness},
    instance_secret::InstanceSecret,
    line_file::LineFile,
};

pub use self::{
    chain::RecordedEntry,
    checkpoint::Checkpoint,
    entry::{AuditActor, AuditEntry, AuditEvent, AuditPurpose, ErasedPart},
    loose::{LooseTrail, Trouble},
    operator::{NameError, Operator, OperatorName},
    query::Query,
    subject::ToldSubject,
    verify::{Finding, Verdict},
};
use self::{
    checkpoint::Signer,
    ending::Kept,
    verify::Witnesses,
    writer::{Job, Opened, Writer},
};

/// Entries that may wait for the disk.
const WAITING: usize = 1024;

/// Where the trail lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// Folder of the trail: `audit` in the data folder.
    pub folder: PathBuf,
    /// Where anchors are added: best on another disk.
    pub anchor_file: PathBuf,
    /// A file longer than this is followed by a new one.
    pub longest_file: u64,
}

impl AuditConfig {
    /// The usual places in a data folder.
    pub fn in_folder(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("audit"),
            anchor_file: data_dir.join("audit-anchors"),
            longest_file: 16 * 1024 * 1024,
        }
    }
}

/// The trail could not be read or written.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A file.
    #[error("the audit trail ({path}): {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The key that signs it, or a pseudonym, could not be had.
    #[error("the audit trail: {0}")]
    Store(#[from] StoreError),
    /// The trail is closed, or its writer ended.
    #[error("the audit trail is closed")]
    Closed,
    /// An operator opened something, and it was not said which.
    #[error("the audit trail wants to know which operator it was")]
    Unnamed,
}

/// The trail. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    config: AuditConfig,
    public: String,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    head: Arc<Mutex<chain::Head>>,
}

impl AuditLog {
    /// Opens the trail, or begins it. What a crash tore is cut and recorded; what is missing is recorded too.
    pub async fn open(store: Store, clock: Arc<dyn Clock>, config: AuditConfig) -> Result<Self, AuditError> {
        let (kept, altered) = match kept(&store).await {
            Err(StoreError::Corrupt { .. }) => (None, true),
            kept => (kept?, false),
        };
        let seed = store.instance_secret(InstanceSecret::AuditSigning).await?;
        let signer = Signer::new(&seed).ok_or(AuditError::Closed)?;
        let public = signer.public().to_owned();
        let opened = {
            let (config, clock) = (config.clone(), clock.clone());
            blocking(move || Writer::open(config, signer, clock, kept)).await?
        };
        let Opened { writer, mut notes } = opened;
        if altered {
            notes.push(AuditEvent::KeptEndAltered);
        }
        writer::keep(&store, &writer).await?;
        let head = writer.shown();
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(writer::run(writer, store.clone(), receiver));
        let inner = Inner { store, clock, config, public, jobs: Mutex::new(Some(sender)), head };
        let log = Self { inner: Arc::new(inner) };
        for what in notes {
            let entry = AuditEntry {
                actor: AuditActor::System,
                purpose: AuditPurpose::SelfCheck,
                what,
                account: None,
                count: 1,
            };
            log.record(entry).await?;
        }
        log.record_openings_left_behind().await?;
        Ok(log)
    }

    /// Records an entry; its number. When it answers, the entry is on stable storage and anchored.
    pub async fn record(&self, entry: AuditEntry) -> Result<u64, AuditError> {
        let account = match entry.account {
            Some(account) => self.pseudonym(account).await?,
            None => None,
        };
        let key = match (entry.actor, &account) {
            (AuditActor::Customer(Some(key)), Some(account)) => Some(query::key_pseudonym(account, key)),
            _ => None,
        };
        let (answer, answered) = oneshot::channel();
        let job = Job { at: self.inner.clock.now(), entry, account, key, answer };
        let sender = self.lock().clone().ok_or(AuditError::Closed)?;
        sender.send(job).await.map_err(|_| AuditError::Closed)?;
        answered.await.map_err(|_| AuditError::Closed)?
    }

    /// Records the openings for delivery that the store has counted so far: one entry for each account, actor and
    /// purpose. All others are on record before the content is handed over.
    pub async fn record_openings(&self) -> Result<(), AuditError> {
        let mut taken = self.inner.store.take_openings().into_iter();
        let (mut recorded, mut outcome) = (0, Ok(()));
        while let Some((opening, count)) = taken.next() {
            outcome = self.record_opening(opening, count).await;
            if outcome.is_err() {
                for (opening, count) in taken.chain([(opening, count)]) {
                    self.inner.store.put_back_openings(opening, count);
                }
                break;
            }
            recorded += count;
        }
        if recorded > 0 {
            self.inner.store.openings_are_recorded(recorded).await?;
        }
        outcome
    }

    /// Records what a process that was killed had counted and not recorded.
    async fn record_openings_left_behind(&self) -> Result<(), AuditError> {
        let count = self.inner.store.openings_left_behind().await?;
        if count == 0 {
            return Ok(());
        }
        let (actor, purpose) = (AuditActor::System, AuditPurpose::Delivery);
        let what = AuditEvent::OpeningsRecovered;
        self.record(AuditEntry { actor, purpose, what, account: None, count }).await?;
        Ok(self.inner.store.forget_openings_left_behind().await?)
    }

    async fn record_opening(&self, opening: Opening, count: u64) -> Result<(), AuditError> {
        let actor = AuditActor::unnamed(opening.actor).ok_or(AuditError::Unnamed)?;
        self.record_opening_by(actor, opening, count).await
    }

    async fn record_opening_by(
        &self,
        actor: AuditActor,
        opening: Opening,
        count: u64,
    ) -> Result<(), AuditError> {
        let entry = AuditEntry {
            actor,
            purpose: opening.purpose.into(),
            what: AuditEvent::ContentOpened,
            account: Some(opening.account),
            count,
        };
        self.record(entry).await.map(drop)
    }

    /// Checks every line of the trail against chain, checkpoints, anchors and what the key store keeps of its end.
    pub async fn verify(&self) -> Result<Verdict, AuditError> {
        let witnesses = Witnesses {
            public: self.inner.public.clone(),
            config: self.inner.config.clone(),
            // Before the files are read: they may have grown since, not shrunk.
            kept: kept(&self.inner.store).await?.map(|kept| kept.head),
            at_rest: Arc::clone(&self.inner.head),
        };
        blocking(move || verify::verify(&witnesses)).await
    }

    /// Entries that fit, oldest first.
    pub async fn entries(&self, query: Query) -> Result<Vec<RecordedEntry>, AuditError> {
        let account = match query.account {
            Some(account) => match self.pseudonym(account).await? {
                Some(account) => Some(account),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let folder = self.inner.config.folder.clone();
        blocking(move || query::entries(&folder, &query, account.as_deref())).await
    }

    /// Where the chain ends: the number of the last entry and its hash, in hex.
    pub fn head(&self) -> (u64, String) {
        let head = self.inner.head.lock().unwrap_or_else(PoisonError::into_inner);
        (head.n, head.hash.clone())
    }

    /// The end that was signed last; `None` before the first.
    pub async fn end(&self) -> Result<Option<Checkpoint>, AuditError> {
        let path = self.inner.config.folder.join(writer::CHECKPOINTS);
        blocking(move || {
            let line = LineFile::last_line(&path).map_err(at(&path))?;
            Ok(line.and_then(|line| serde_json::from_str(&line).ok()))
        })
        .await
    }

    /// The public key that checkpoints are signed with, in hex.
    pub fn public_key(&self) -> &str {
        &self.inner.public
    }

    /// Writes what is counted and ends the writer; later records fail.
    pub async fn close(&self) {
        if let Err(error) = self.record_openings().await {
            tracing::warn!(%error, "openings of content could not be recorded");
        }
        let sender = self.lock().take();
        if let Some(sender) = sender {
            drop(sender);
        }
    }

    async fn pseudonym(&self, account: AccountId) -> Result<Option<String>, AuditError> {
        Ok(self.inner.store.account_pseudonym(account).await?.map(hex::encode))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for AuditLog {
    type Error = AuditError;

    async fn opened(&self, opening: Opening, count: u64) -> Result<(), AuditError> {
        self.record_opening(opening, count).await
    }
}

/// The trail, where an operator opens content.
pub(crate) struct OpenedBy<'a> {
    /// The trail.
    pub(crate) audit: &'a AuditLog,
    /// Who opens it.
    pub(crate) operator: Operator,
}

impl Witness for OpenedBy<'_> {
    type Error = AuditError;

    async fn opened(&self, opening: Opening, count: u64) -> Result<(), AuditError> {
        self.audit.record_opening_by(AuditActor::Operator(self.operator), opening, count).await
    }
}

/// The end of the trail that the key store knows of.
async fn kept(store: &Store) -> Result<Option<Kept>, StoreError> {
    Ok(store.trail_end().await?.map(|end| Kept {
        head: chain::Head { n: end.entry, hash: hex::encode(end.hash) },
        anchored: end.anchored,
    }))
}

/// Runs what waits for the disk where nobody else waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
) -> Result<T, AuditError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| AuditError::Closed)?
}

/// An error with the file it is about.
fn at(path: &Path) -> impl FnOnce(io::Error) -> AuditError {
    let path = path.display().to_string();
    move |source| AuditError::File { path, source }
}

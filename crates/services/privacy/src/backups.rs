//! Backups: made at somebody's word or by the clock, and deleted when their days are over.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::sync::Mutex;
use waxseal_model::{Clock, Random, Timestamp};
use waxseal_store::{
    MasterKey, Store, StoreError,
    backup::{self, About, AuditEnd, BackupError, BackupKey, Created, Found},
};

use crate::audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditLog, AuditPurpose};

/// Where backups go and how long they stay.
#[derive(Debug, Clone)]
pub struct BackupsConfig {
    /// The folder that is listed and pruned; made when the first one is written.
    pub folder: PathBuf,
    /// The key they are sealed under.
    pub key: MasterKey,
    /// How long they are kept.
    pub keep: Duration,
    /// How often one is made without being asked for.
    pub every: Option<Duration>,
    /// The version that makes them.
    pub version: String,
}

/// A backup could not be made, or old ones could not be deleted.
#[derive(Debug, Error)]
pub enum BackupsError {
    /// The backup itself.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// It cannot be recorded, so nothing was done.
    #[error("nothing was done, because it cannot be recorded: {0}")]
    Audit(#[from] AuditError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clock cannot be trusted.
    #[error(
        "the wall clock jumped, so nothing is deleted by it: say that it is right with `waxseal privacy confirm-clock`"
    )]
    ClockPaused,
}

/// Between two looks for what is over.
const LOOK: Duration = Duration::from_secs(1800);
/// After a failure the next attempt comes sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

/// The backups of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Backups {
    store: Store,
    audit: AuditLog,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: BackupsConfig,
    /// One at a time: each reads the whole database.
    turn: Arc<Mutex<()>>,
}

impl Backups {
    /// The backups of this store.
    pub fn new(
        store: Store,
        audit: AuditLog,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: BackupsConfig,
    ) -> Self {
        Self { store, audit, clock, random, config, turn: Arc::default() }
    }

    /// Where they go.
    pub const fn config(&self) -> &BackupsConfig {
        &self.config
    }

    /// Makes a backup: at `path`, or in the folder under a name of this moment. The entry in the audit trail comes
    /// first, and the backup tells the trail's end.
    pub async fn create(
        &self,
        actor: AuditActor,
        path: Option<PathBuf>,
    ) -> Result<(PathBuf, Created), BackupsError> {
        let _turn = self.turn.lock().await;
        let number = self.record(actor, AuditEvent::BackupCreated, 1).await?;
        let made = self.make(path).await;
        if let Err(error) = &made {
            tracing::warn!(%error, "no backup was made");
            self.record(actor, AuditEvent::Failed { entry: number }, 1).await?;
        }
        made
    }

    async fn make(&self, path: Option<PathBuf>) -> Result<(PathBuf, Created), BackupsError> {
        let path = match path {
            Some(path) => path,
            None => {
                let folder = self.config.folder.clone();
                blocking(move || make_folder(&folder)).await?;
                self.config.folder.join(backup::name_at(self.clock.now()))
            }
        };
        let key = BackupKey::load(&self.config.key, Some(self.random.as_ref())).await?;
        let end = self.audit.end().await?;
        let audit = end.map(|end| AuditEnd { entry: end.n, head: end.head });
        let about = About { version: self.config.version.clone(), audit };
        let created = self.store.back_up(&path, &key, about).await?;
        tracing::info!(rows = created.totals.rows(), bytes = created.bytes, "a backup was made");
        Ok((path, created))
    }

    /// The backups in the folder, oldest first.
    pub async fn list(&self) -> Result<Vec<Found>, BackupsError> {
        let folder = self.config.folder.clone();
        Ok(blocking(move || backup::list(&folder)).await?)
    }

    /// Deletes those in the folder whose days are over, and what crashes left; which.
    pub async fn prune(&self, actor: AuditActor) -> Result<Vec<PathBuf>, BackupsError> {
        if self.store.purging_paused().await?.is_some() {
            return Err(BackupsError::ClockPaused);
        }
        let (folder, now, keep) = (self.config.folder.clone(), self.clock.now(), self.config.keep);
        let gone = blocking(move || backup::prune(&folder, now, keep)).await?;
        if !gone.is_empty() || actor != AuditActor::System {
            self.record(actor, AuditEvent::BackupsPruned, gone.len() as u64).await?;
        }
        Ok(gone)
    }

    /// Makes backups as often as is configured, and deletes what is over, until `stop` is done.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let round = tokio::select! {
                () = &mut stop => return,
                round = self.round() => round,
            };
            let now = self.clock.now();
            let next = match round {
                Ok(next) => next.max(now + Duration::from_secs(1)),
                Err(BackupsError::ClockPaused) => now + LOOK,
                Err(error) => {
                    tracing::warn!(%error, "backups: another attempt follows soon");
                    now + AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = self.clock.sleep_until(next) => {}
            }
        }
    }

    /// Does what is due now; when to look again. A new one first, so that there is always one.
    async fn round(&self) -> Result<Timestamp, BackupsError> {
        let mut next = self.clock.now() + LOOK;
        if let Some(every) = self.config.every {
            let latest = self.list().await?.last().map(|found| found.header.created());
            let due = latest.map_or(self.clock.now(), |latest| latest + every);
            if due <= self.clock.now() {
                self.create(AuditActor::System, None).await?;
                next = next.min(self.clock.now() + every);
            } else {
                next = next.min(due);
            }
        }
        self.prune(AuditActor::System).await?;
        Ok(next)
    }

    async fn record(&self, actor: AuditActor, what: AuditEvent, count: u64) -> Result<u64, AuditError> {
        let entry = AuditEntry { actor, purpose: AuditPurpose::Backup, what, account: None, count };
        self.audit.record(entry).await
    }
}

#[expect(clippy::disallowed_methods, reason = "runs where nobody else waits for the disk")]
pub(crate) fn make_folder(folder: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| BackupError::File { path: folder.display().to_string(), source })
}

/// Runs what waits for the disk where nobody else waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(Box::new(error)))?
}

//! Copies of the key store: made at somebody's word or by the clock, made anew when those before open no more, and
//! deleted when their days are over.

mod recall;

use std::{future::Future, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use waxseal_model::{Clock, Random, Timestamp};
use waxseal_store::{
    MasterKey, Store,
    backup::{self, AuditEnd, BackupKey, Created},
};

pub use self::recall::{RecallError, Recalled, recall};
use crate::{
    audit::{AuditActor, AuditEntry, AuditError, AuditEvent, AuditLog, AuditPurpose},
    backups::{BackupsError, blocking, make_folder},
};

/// Where copies of the keys go and how long they stay.
#[derive(Debug, Clone)]
pub struct KeyCopiesConfig {
    /// The folder that they are made in and pruned from, with the secret that they open with; made with the first one.
    pub folder: PathBuf,
    /// The backup key, without which they do not open either.
    pub key: MasterKey,
    /// How long they are kept, and open at all.
    pub keep: Duration,
    /// How often one is made without being asked for.
    pub every: Option<Duration>,
    /// The version that makes them.
    pub version: String,
}

/// Between two looks whether a copy is due: so long there may be none after keys were destroyed.
const LOOK: Duration = Duration::from_secs(60);
/// After a failure the next attempt comes later.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

/// The copies of the keys of an instance. Cheap to clone.
#[derive(Clone)]
pub struct KeyCopies {
    store: Store,
    audit: AuditLog,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: KeyCopiesConfig,
    /// One at a time.
    turn: Arc<Mutex<()>>,
}

impl KeyCopies {
    /// The copies of this store's keys.
    pub fn new(
        store: Store,
        audit: AuditLog,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: KeyCopiesConfig,
    ) -> Self {
        Self { store, audit, clock, random, config, turn: Arc::default() }
    }

    /// Where they go.
    pub const fn config(&self) -> &KeyCopiesConfig {
        &self.config
    }

    /// Makes a copy: at `path`, or in the folder under a name of this moment, where it takes the place of those before.
    /// `gone` says that nobody has the secret of earlier copies any more, if it cannot be reached.
    pub async fn create(
        &self,
        actor: AuditActor,
        path: Option<PathBuf>,
        gone: bool,
    ) -> Result<(PathBuf, Created), BackupsError> {
        let _turn = self.turn.lock().await;
        if gone {
            self.record(actor, AuditEvent::KeyCopiesForgotten, 1).await?;
            self.store.forget_key_copies().await?;
        }
        let number = self.record(actor, AuditEvent::KeysBackedUp, 1).await?;
        let made = self.make(path).await;
        match &made {
            Ok(_) => self.clear().await.map(drop)?,
            Err(error) => {
                tracing::warn!(%error, "no copy of the keys was made");
                self.record(actor, AuditEvent::Failed { entry: number }, 1).await?;
            }
        }
        made
    }

    async fn make(&self, path: Option<PathBuf>) -> Result<(PathBuf, Created), BackupsError> {
        let folder = self.config.folder.clone();
        {
            let folder = folder.clone();
            blocking(move || make_folder(&folder)).await?;
        }
        let path = path.unwrap_or_else(|| folder.join(backup::key_copy_name(self.clock.now())));
        let key = BackupKey::load(&self.config.key, Some(self.random.as_ref())).await?;
        let end = self.audit.end().await?;
        let audit = end.map(|end| AuditEnd { entry: end.n, head: end.head });
        let created =
            self.store.back_up_keys(&folder, &path, &key, self.config.version.clone(), audit).await?;
        tracing::info!(rows = created.totals.rows(), bytes = created.bytes, "a copy of the keys was made");
        Ok((path, created))
    }

    /// Makes copies useless whose days are over, and deletes from the folder what opens no more; which files.
    pub async fn prune(&self, actor: AuditActor) -> Result<Vec<PathBuf>, BackupsError> {
        let _turn = self.turn.lock().await;
        if self.store.purging_paused().await?.is_some() {
            return Err(BackupsError::ClockPaused);
        }
        if let Some(copies) = self.store.key_copies().await?
            && (copies.overdue || self.is_over(copies.since))
        {
            self.store.retire_key_copies().await?;
        }
        let gone = self.clear().await?;
        if !gone.is_empty() || actor != AuditActor::System {
            self.record(actor, AuditEvent::KeysPruned, gone.len() as u64).await?;
        }
        Ok(gone)
    }

    async fn clear(&self) -> Result<Vec<PathBuf>, BackupsError> {
        let opens =
            self.store.key_copies().await?.filter(|copies| !copies.overdue).map(|copies| copies.secret);
        let (folder, now, keep) = (self.config.folder.clone(), self.clock.now(), self.config.keep);
        Ok(blocking(move || backup::prune_key_copies(&folder, opens, now, keep)).await?)
    }

    fn is_over(&self, since: Timestamp) -> bool {
        self.clock.now().since(since) >= self.config.keep
    }

    /// Makes copies as often as is configured and whenever those before open no more, until `stop` is done.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let round = tokio::select! {
                () = &mut stop => return,
                round = self.round() => round,
            };
            let wait = match round {
                Ok(()) | Err(BackupsError::ClockPaused) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "copies of the keys: another attempt follows soon");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = self.clock.sleep_until(self.clock.now() + wait) => {}
            }
        }
    }

    /// Does what is due now.
    pub async fn round(&self) -> Result<(), BackupsError> {
        let pruned = self.prune(AuditActor::System).await;
        if let Some(every) = self.config.every
            && self.is_due(every).await?
        {
            self.create(AuditActor::System, None, false).await?;
        }
        pruned.map(drop)
    }

    /// Whether no copy in the folder opens, or the newest is as old as is configured.
    async fn is_due(&self, every: Duration) -> Result<bool, BackupsError> {
        let opens = self.store.key_copies().await?.map(|copies| copies.secret);
        let folder = self.config.folder.clone();
        let found = blocking(move || backup::list_key_copies(&folder)).await?;
        let newest = found.iter().rfind(|copy| opens.is_some() && copy.header.secret == opens);
        Ok(newest.is_none_or(|copy| self.clock.now().since(copy.header.created()) >= every))
    }

    async fn record(&self, actor: AuditActor, what: AuditEvent, count: u64) -> Result<u64, AuditError> {
        let entry = AuditEntry { actor, purpose: AuditPurpose::Backup, what, account: None, count };
        self.audit.record(entry).await
    }
}

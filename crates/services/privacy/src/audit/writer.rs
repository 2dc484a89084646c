//! The one writer: a group of entries is announced by the signed checkpoint of its end, then written with one sync, then
//! anchored; then the key store keeps where the trail ends, and whoever waits is told.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use waxseal_model::{Clock, Timestamp};
use waxseal_store::{
    Store, StoreError, TrailEnd,
    line_file::{LineFile, LineSeries},
};

use super::{
    AuditConfig, AuditError, at,
    chain::{self, Body, Head},
    checkpoint::Signer,
    ending::{self, Ending, Kept},
    entry::{AuditActor, AuditEntry, AuditEvent},
};

/// Files are called `trail-000001.jsonl` and so on.
pub(super) const NAME: &str = "trail";
/// The file of checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";

/// Entries that share a sync.
const GROUP: usize = 1000;

/// Room that is given up when the disk is full: what is erased then has to be recorded still.
const RESERVE: &str = "reserve";
const RESERVE_BYTES: usize = 256 * 1024;

/// An entry on its way, and who waits for it.
pub(super) struct Job {
    pub(super) at: Timestamp,
    pub(super) entry: AuditEntry,
    pub(super) account: Option<String>,
    pub(super) key: Option<String>,
    pub(super) answer: oneshot::Sender<Result<u64, AuditError>>,
}

/// The open files and where the chain ends.
pub(super) struct Writer {
    config: AuditConfig,
    clock: Arc<dyn Clock>,
    signer: Signer,
    trail: LineSeries,
    checkpoints: LineFile,
    head: Head,
    /// The same, for whoever wants to name it. Held while a group is written: the files are not at rest then.
    shown: Arc<Mutex<Head>>,
    /// Where the file of checkpoints has to be cut: what was announced could not be written.
    withdrawn: Option<u64>,
    /// Month of the last entry, in months since year 0.
    month: Option<i32>,
    /// The last entry that an anchor was written of.
    anchored: u64,
}

/// A writer, and what was found when it opened.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) notes: Vec<AuditEvent>,
}

impl Writer {
    /// Opens the files at the end that anchors, key store (`kept`) and announced groups agree on.
    pub(super) fn open(
        config: AuditConfig,
        signer: Signer,
        clock: Arc<dyn Clock>,
        kept: Option<Kept>,
    ) -> Result<Opened, AuditError> {
        let Ending { trail, checkpoints, head, notes, anchored } =
            ending::find(&config, signer.public(), kept)?;
        let mut writer = Self {
            config,
            clock,
            signer,
            trail,
            checkpoints,
            shown: Arc::new(Mutex::new(head.clone())),
            head,
            withdrawn: None,
            month: None,
            anchored,
        };
        writer.reserve();
        writer.anchor(None);
        Ok(Opened { writer, notes })
    }

    /// Where the chain ends, as it goes on.
    pub(super) fn shown(&self) -> Arc<Mutex<Head>> {
        Arc::clone(&self.shown)
    }

    /// Writes a group of entries; the number of the first.
    pub(super) fn write(&mut self, jobs: &[Job]) -> Result<u64, AuditError> {
        let first = self.head.n + 1;
        let mut head = self.head.clone();
        let mut lines = Vec::new();
        for job in jobs {
            let by = match job.entry.actor {
                AuditActor::Operator(operator) => Some(operator.to_string()),
                AuditActor::System | AuditActor::Customer(_) => None,
            };
            let body = Body {
                n: head.n + 1,
                at: job.at.as_micros(),
                actor: actor(job.entry.actor),
                by: by.as_deref(),
                key: job.key.as_deref(),
                purpose: job.entry.purpose,
                what: job.entry.what,
                account: job.account.as_deref(),
                count: job.entry.count,
                prev: &head.hash,
            };
            head = chain::write(&body, &mut lines).map_err(|error| at(&self.config.folder)(error.into()))?;
        }
        if let Some(last) = jobs.last() {
            self.rotate_if_due(last.at)?;
        }
        let shown = Arc::clone(&self.shown);
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let announced = self.announce(&head)?;
        if let Err(error) = self.append(|writer| writer.trail.append(&lines)) {
            self.withdraw();
            return Err(error);
        }
        // The log is a witness too, if somebody keeps it.
        tracing::info!(entry = head.n, head = %head.hash, "audit checkpoint");
        self.withdrawn = None;
        shown.clone_from(&head);
        let before = std::mem::replace(&mut self.head, head);
        self.anchor((self.anchored == before.n).then_some(announced));
        Ok(first)
    }

    /// Adds to a file; on a full disk the reserve is given up for it.
    fn append(&mut self, add: impl Fn(&mut Self) -> std::io::Result<()>) -> Result<(), AuditError> {
        let first = add(self);
        let Err(error) = first else { return Ok(()) };
        if !LineFile::give_up(&self.config.folder.join(RESERVE)) {
            return Err(at(&self.config.folder)(error));
        }
        tracing::warn!(%error, "the audit trail goes on in its reserve: make room on the disk");
        add(self).map_err(at(&self.config.folder))
    }

    /// Signs the end that the chain will have: lines that nobody announced are not the trail's.
    fn announce(&mut self, head: &Head) -> Result<Vec<u8>, AuditError> {
        if let Some(length) = self.withdrawn {
            self.checkpoints.cut(length).map_err(at(&self.config.folder))?;
        }
        let line = self.signer.sign(head, self.clock.now()).line();
        let line = line.map_err(|error| at(&self.config.folder)(error.into()))?;
        self.withdrawn = Some(self.checkpoints.length());
        self.append(|writer| writer.checkpoints.append(&line))?;
        Ok(line)
    }

    /// Takes back what was announced and could not be written; tried again before the next group.
    fn withdraw(&mut self) {
        let Some(length) = self.withdrawn else { return };
        match self.checkpoints.cut(length) {
            Ok(()) => self.withdrawn = None,
            Err(error) => tracing::warn!(%error, "an audit checkpoint could not be taken back"),
        }
    }

    /// Where the chain ends, for the key store; `None` before the first entry.
    pub(super) fn end(&self) -> Option<TrailEnd> {
        let mut hash = [0; 32];
        hex::decode_to_slice(&self.head.hash, &mut hash).ok()?;
        (self.head.n > 0).then_some(TrailEnd { entry: self.head.n, hash, anchored: self.anchored })
    }

    fn rotate_if_due(&mut self, now: Timestamp) -> Result<(), AuditError> {
        let date = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
        let month = i32::from(date.year()) * 12 + i32::from(date.month());
        let new_month = self.month.is_some_and(|last| last != month);
        self.month = Some(month);
        if self.trail.length() == 0 || !(new_month || self.trail.length() > self.config.longest_file) {
            return Ok(());
        }
        self.trail.rotate().map_err(at(&self.config.folder))?;
        self.reserve();
        Ok(())
    }

    /// Adds `line` to the anchors; without it, every checkpoint that has no anchor yet.
    fn anchor(&mut self, line: Option<Vec<u8>>) {
        if self.anchored >= self.head.n {
            return;
        }
        let (folder, anchor_file) = (&self.config.folder, &self.config.anchor_file);
        let lines = match line {
            Some(line) => Ok(line),
            None => ending::checkpoints_after(&folder.join(CHECKPOINTS), self.signer.public(), self.anchored),
        };
        let written = lines.and_then(|lines| {
            let added = LineFile::open(anchor_file).and_then(|(mut file, _)| file.append(&lines));
            added.map_err(at(anchor_file))
        });
        match written {
            Ok(()) => self.anchored = self.head.n,
            Err(error) => tracing::warn!(%error, "an audit anchor could not be written; it is tried again"),
        }
    }

    fn reserve(&self) {
        LineFile::keep_room(&self.config.folder.join(RESERVE), RESERVE_BYTES);
    }
}

/// Writes groups until everybody who could ask is gone.
pub(super) async fn run(writer: Writer, store: Store, mut jobs: mpsc::Receiver<Job>) {
    let mut writer = Some(writer);
    let mut group = Vec::new();
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        let (Some(mut own), taken) = (writer.take(), std::mem::take(&mut group)) else { return };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = own.write(&taken);
            (own, outcome, taken)
        });
        let Ok((own, mut outcome, taken)) = done.await else { return };
        if outcome.is_ok()
            && let Err(error) = keep(&store, &own).await
            && own.anchored < own.head.n
        {
            // One of both has to know of the entries, or their end could be cut off unseen.
            outcome = Err(error.into());
        }
        answer(outcome, taken);
        writer = Some(own);
    }
}

/// Has the key store keep where the trail ends. A failure is made up for by the next group.
pub(super) async fn keep(store: &Store, writer: &Writer) -> Result<(), StoreError> {
    let Some(end) = writer.end() else { return Ok(()) };
    let kept = store.keep_trail_end(end).await;
    if let Err(error) = &kept {
        tracing::warn!(%error, "the key store could not keep where the audit trail ends; it is tried again");
    }
    kept
}

fn answer(outcome: Result<u64, AuditError>, jobs: Vec<Job>) {
    match outcome {
        Ok(first) => {
            for (number, job) in (first..).zip(jobs) {
                // Whoever does not wait any more does not hear it.
                let _ = job.answer.send(Ok(number));
            }
        }
        Err(error) => {
            tracing::error!(%error, "the audit trail cannot be written");
            let text = error.to_string();
            for job in jobs {
                let source = std::io::Error::other(text.clone());
                let _ = job.answer.send(Err(AuditError::File { path: "write".into(), source }));
            }
        }
    }
}

const fn actor(actor: AuditActor) -> &'static str {
    match actor {
        AuditActor::Operator(_) => "operator",
        AuditActor::System => "system",
        AuditActor::Customer(_) => "customer",
    }
}

//! The one writer: many entries, one sync; then a signed checkpoint, then an anchor.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use waxseal_model::{Clock, Timestamp};
use waxseal_store::line_file::{LineFile, LineSeries, segments};

use super::{
    AuditConfig, AuditError, at,
    chain::{self, Body, Head},
    checkpoint::{Checkpoint, Signer},
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
    /// The same, for whoever wants to name it.
    shown: Arc<Mutex<Head>>,
    /// Month of the last entry, in months since year 0.
    month: Option<i32>,
    /// Anchors that could not be written yet.
    unanchored: Vec<u8>,
}

/// A writer, and what was found when it opened.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) notes: Vec<AuditEvent>,
}

impl Writer {
    /// Opens the files; where a crash tore a line it is cut.
    pub(super) fn open(
        config: AuditConfig,
        signer: Signer,
        clock: Arc<dyn Clock>,
    ) -> Result<Opened, AuditError> {
        let (trail, torn) = LineSeries::open(&config.folder, NAME).map_err(at(&config.folder))?;
        let path = config.folder.join(CHECKPOINTS);
        let (checkpoints, _) = LineFile::open(&path).map_err(at(&path))?;
        let mut notes = Vec::new();
        if torn > 0 {
            notes.push(AuditEvent::TornLineCut { bytes: torn });
        }
        let (unanchored, anchored) = behind(&config, signer.public())?;
        if !unanchored.is_empty() {
            notes.push(AuditEvent::AnchorsCompleted);
        }
        let mut head = last_head(&config)?;
        match anchored.unwrap_or_default() {
            known if known.n > head.n => {
                // Going on from the shortened end would make the cut look like history.
                notes.push(AuditEvent::EntriesMissing { from: head.n + 1, to: known.n });
                head = known;
            }
            known if known.n < head.n => {
                notes.push(AuditEvent::EntriesUnsigned { from: known.n + 1, to: head.n });
            }
            _ => {}
        }
        let mut writer = Self {
            config,
            clock,
            signer,
            trail,
            checkpoints,
            shown: Arc::new(Mutex::new(head.clone())),
            head,
            month: None,
            unanchored: Vec::new(),
        };
        writer.reserve();
        writer.anchor(&unanchored);
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
            let body = Body {
                n: head.n + 1,
                at: job.at.as_micros(),
                actor: actor(job.entry.actor),
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
        self.append(&lines)?;
        self.head = head;
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.head);
        self.checkpoint();
        Ok(first)
    }

    /// Adds to the trail; on a full disk the reserve is given up for it.
    fn append(&mut self, lines: &[u8]) -> Result<(), AuditError> {
        let first = self.trail.append(lines);
        let Err(error) = first else { return Ok(()) };
        if !LineFile::give_up(&self.config.folder.join(RESERVE)) {
            return Err(at(&self.config.folder)(error));
        }
        tracing::warn!(%error, "the audit trail goes on in its reserve: make room on the disk");
        self.trail.append(lines).map_err(at(&self.config.folder))
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

    /// Signs the end of the chain, beside the trail and outside. A failure is made up for by the next one.
    fn checkpoint(&mut self) {
        let checkpoint = self.signer.sign(&self.head, self.clock.now());
        let line = match checkpoint.line() {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, "an audit checkpoint could not be made");
                return;
            }
        };
        if let Err(error) = self.checkpoints.append(&line) {
            tracing::warn!(%error, "an audit checkpoint could not be written");
            return;
        }
        // The log is a witness too, if somebody keeps it.
        tracing::info!(entry = checkpoint.n, head = %checkpoint.head, "audit checkpoint");
        self.anchor(&line);
    }

    fn anchor(&mut self, lines: &[u8]) {
        self.unanchored.extend_from_slice(lines);
        if self.unanchored.is_empty() {
            return;
        }
        let path = &self.config.anchor_file;
        let written = LineFile::open(path).and_then(|(mut file, _)| file.append(&self.unanchored));
        match written {
            Ok(()) => self.unanchored.clear(),
            Err(error) => tracing::warn!(%error, "an audit anchor could not be written; it is tried again"),
        }
    }

    fn reserve(&self) {
        LineFile::keep_room(&self.config.folder.join(RESERVE), RESERVE_BYTES);
    }
}

/// Writes groups until everybody who could ask is gone.
pub(super) async fn run(writer: Writer, mut jobs: mpsc::Receiver<Job>) {
    let mut writer = Some(writer);
    let mut group = Vec::new();
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        let (Some(mut own), taken) = (writer.take(), std::mem::take(&mut group)) else { return };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = own.write(&taken);
            answer(outcome, taken);
            own
        });
        match done.await {
            Ok(back) => writer = Some(back),
            Err(_) => return,
        }
    }
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
        AuditActor::Operator => "operator",
        AuditActor::System => "system",
        AuditActor::Customer(_) => "customer",
    }
}

/// Where the trail ends: the last line that is as it was written. What comes after it is `verify`'s matter.
fn last_head(config: &AuditConfig) -> Result<Head, AuditError> {
    for segment in segments(&config.folder, NAME).map_err(at(&config.folder))?.iter().rev() {
        let bytes = LineFile::read(&segment.path).map_err(at(&segment.path))?;
        let good = bytes.rsplit(|byte| *byte == b'\n').find_map(chain::read);
        if let Some(link) = good {
            return Ok(Head { n: link.n, hash: link.hash });
        }
    }
    Ok(Head::default())
}

/// Checkpoints that are not among the anchors, and the last of both.
fn behind(config: &AuditConfig, public: &str) -> Result<(Vec<u8>, Option<Head>), AuditError> {
    let read = |path: &std::path::Path| -> Result<Vec<(Vec<u8>, Checkpoint)>, AuditError> {
        let bytes = LineFile::read(path).map_err(at(path))?;
        let lines = bytes.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| Some((line.to_vec(), Checkpoint::read(line, public)?))).collect())
    };
    let checkpoints = read(&config.folder.join(CHECKPOINTS))?;
    let anchors = read(&config.anchor_file).unwrap_or_else(|error| {
        tracing::warn!(%error, "anchors cannot be read: is their disk there?");
        Vec::new()
    });
    let anchored = anchors.iter().map(|(_, anchor)| anchor.n).max().unwrap_or(0);
    let mut missing = Vec::new();
    for (line, _) in checkpoints.iter().filter(|(_, checkpoint)| checkpoint.n > anchored) {
        missing.extend_from_slice(line);
        missing.push(b'\n');
    }
    let last = checkpoints.iter().chain(&anchors).map(|(_, checkpoint)| checkpoint).max_by_key(|it| it.n);
    Ok((missing, last.map(|last| Head { n: last.n, hash: last.head.clone() })))
}

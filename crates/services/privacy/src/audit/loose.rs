//! The trail where no store is open: for a key store on its way back from a copy, which has to learn what happened since.

use std::{fmt, path::Path, sync::Arc};

use tokio::sync::oneshot;
use waxseal_model::Clock;
use waxseal_store::backup::AuditEnd;
use zeroize::Zeroizing;

use super::{
    AuditConfig, AuditEntry, AuditError, AuditEvent, Query, blocking,
    chain::RecordedEntry,
    checkpoint::Signer,
    entry::{AuditActor, AuditPurpose},
    query,
    verify::{self, Finding, Witnesses},
    writer::{Job, Opened, Writer},
};

/// The trail, open for writing.
pub struct LooseTrail {
    writer: Option<Writer>,
    clock: Arc<dyn Clock>,
}

/// Why a trail does not tell reliably what happened after an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The entry itself is not there as it was.
    NotThere(u64),
    /// Something after it is not as it was written.
    Altered(Finding),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(entry) => {
                write!(f, "entry {entry}, at which the copy was made, is not there as it was")
            }
            Self::Altered(finding) => {
                write!(f, "entry {} to {}, {}: {}", finding.entry, finding.to, finding.file, finding.found)
            }
        }
    }
}

impl LooseTrail {
    /// Opens the trail and reads what came after `end`, oldest first. What a crash tore is cut and recorded, as at every
    /// start. The trouble, if it is not to be relied on and `unverified` does not say to go by it all the same; then
    /// nothing but such notes was written.
    pub async fn open(
        config: AuditConfig,
        seed: &Zeroizing<[u8; 32]>,
        clock: Arc<dyn Clock>,
        end: Option<AuditEnd>,
        unverified: bool,
    ) -> Result<Result<(Self, Vec<RecordedEntry>), Trouble>, AuditError> {
        let signer = Signer::new(seed).ok_or(AuditError::Closed)?;
        let after = end.as_ref().map_or(0, |end| end.entry);
        blocking(move || {
            if let Some(end) = &end
                && !unverified
                && !is_there(&config.folder, end)?
            {
                return Ok(Err(Trouble::NotThere(end.entry)));
            }
            let public = signer.public().to_owned();
            let Opened { mut writer, notes } = {
                // The ring that knew where it ended is the one that is being replaced.
                let opened = Writer::open(config.clone(), signer, Arc::clone(&clock), None)?;
                Opened {
                    notes: opened
                        .notes
                        .into_iter()
                        .filter(|note| *note != AuditEvent::KeptEndMissing)
                        .collect(),
                    ..opened
                }
            };
            let notes: Vec<Job> = notes.into_iter().map(|what| note(what, clock.as_ref())).collect();
            if !notes.is_empty() {
                writer.write(&notes)?;
            }
            let folder = config.folder.clone();
            let verdict = verify::verify(&Witnesses { public, config, kept: None, at_rest: writer.shown() })?;
            // What was wrong before the copy was made is not about what it cannot know.
            if let Some(finding) = verdict.findings.iter().find(|finding| finding.to > after)
                && !unverified
            {
                return Ok(Err(Trouble::Altered(finding.clone())));
            }
            let entries = query::entries(&folder, &Query { after, ..Query::default() }, None)?;
            Ok(Ok((Self { writer: Some(writer), clock }, entries)))
        })
        .await
    }

    /// Records an entry that is about no account. When it answers, the entry is on stable storage and anchored.
    pub async fn record(&mut self, entry: AuditEntry) -> Result<(), AuditError> {
        let (answer, _) = oneshot::channel();
        let job = Job { at: self.clock.now(), entry, account: None, key: None, answer };
        let mut writer = self.writer.take().ok_or(AuditError::Closed)?;
        self.writer = Some(
            blocking(move || {
                writer.write(&[job])?;
                Ok(writer)
            })
            .await?,
        );
        Ok(())
    }
}

fn note(what: AuditEvent, clock: &dyn Clock) -> Job {
    let (actor, purpose) = (AuditActor::System, AuditPurpose::SelfCheck);
    let entry = AuditEntry { actor, purpose, what, account: None, count: 1 };
    Job { at: clock.now(), entry, account: None, key: None, answer: oneshot::channel().0 }
}

/// Whether the entry stands there with the hash that it had.
fn is_there(folder: &Path, end: &AuditEnd) -> Result<bool, AuditError> {
    let query = Query { after: end.entry.saturating_sub(1), limit: 1, ..Query::default() };
    let found = query::entries(folder, &query, None)?;
    let hash = |entry: &RecordedEntry| {
        entry.more.get("hash").and_then(|hash| hash.as_str()) == Some(end.head.as_str())
    };
    Ok(found.first().is_some_and(|entry| entry.n == end.entry && hash(entry)))
}

//! Where the trail ends when it is opened: what a crash left there is told from what somebody else did.
//!
//! A group of entries is announced first, by the signed checkpoint of the end that it will have; then its lines are
//! written, then its anchor and what the key store keeps of it, and then whoever waits is told. So behind the end that
//! anchor or key store know of there is a group that was announced, whole or in part, or nothing. Lines that nobody
//! announced are not the trail's; an end that is known and not there was cut off.

use std::path::Path;

use waxseal_store::line_file::{LineFile, LineSeries, Segment, segments};

use super::{
    AuditConfig, AuditError, at,
    chain::{self, Head, Link},
    checkpoint::Checkpoint,
    entry::AuditEvent,
    writer::{CHECKPOINTS, NAME},
};

/// The files, opened at their end.
pub(super) struct Ending {
    pub(super) trail: LineSeries,
    pub(super) checkpoints: LineFile,
    /// Where the chain goes on.
    pub(super) head: Head,
    /// What was found, to be recorded.
    pub(super) notes: Vec<AuditEvent>,
    /// The last entry that an anchor was written of.
    pub(super) anchored: u64,
}

/// What the key store keeps.
pub(super) struct Kept {
    pub(super) head: Head,
    /// The last entry that an anchor was written of.
    pub(super) anchored: u64,
}

/// A signed checkpoint and where its line begins.
struct Signed {
    checkpoint: Checkpoint,
    line: Vec<u8>,
    begins: u64,
}

/// A line of the trail and where it ends.
struct Line {
    place: Place,
    /// `None` if it is not as it was written.
    link: Option<Link>,
}

/// An entry that follows on what is known.
struct Entry {
    head: Head,
    place: Place,
}

/// A place in the files of the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    segment: usize,
    offset: u64,
}

/// What stands behind an end that is known.
struct Behind {
    entries: Vec<Entry>,
    /// A line is there that does not follow on the one before, or is not as it was written.
    strange: bool,
    /// Where the known end is.
    begins: Place,
}

/// Opens the files. `kept` is the end that the key store knows of.
pub(super) fn find(config: &AuditConfig, public: &str, kept: Option<Kept>) -> Result<Ending, AuditError> {
    let path = config.folder.join(CHECKPOINTS);
    let (mut checkpoints, _) = LineFile::open(&path).map_err(at(&path))?;
    let announced = signed(&path, public)?;
    let anchored = signed(&config.anchor_file, public).unwrap_or_else(|error| {
        tracing::warn!(%error, "anchors cannot be read: is their disk there?");
        Vec::new()
    });
    let anchor = anchored.iter().max_by_key(|it| it.checkpoint.n).map(|it| it.checkpoint.head());
    // Anchors that were there once are not made again: that they are gone has to show.
    let anchored = anchor.as_ref().map_or(0, |anchor| anchor.n);
    let anchored = anchored.max(kept.as_ref().map_or(0, |kept| kept.anchored));
    let files = segments(&config.folder, NAME).map_err(at(&config.folder))?;
    let last = last_entry(&files)?;
    let mut notes = Vec::new();
    if kept.is_none() && last > 0 {
        notes.push(AuditEvent::KeptEndMissing);
    }
    let known = [anchor, kept.map(|kept| kept.head)]
        .into_iter()
        .flatten()
        .max_by_key(|head| head.n)
        .unwrap_or_default();
    let head = match behind(&files, &known)? {
        Some(behind) => {
            let (head, note) = settle(&files, &behind, known, &announced)?;
            notes.extend(note);
            // What was announced and never came.
            if let Some(never) = announced.iter().find(|it| it.checkpoint.n > head.n) {
                checkpoints.cut(never.begins).map_err(at(&path))?;
            }
            head
        }
        None => {
            // Going on from the shortened end would make the cut look like history.
            let missing = AuditEvent::EntriesMissing { from: last + 1, to: known.n };
            notes.extend((last < known.n).then_some(missing));
            known
        }
    };
    if announced.iter().any(|it| it.checkpoint.n > anchored && it.checkpoint.n <= head.n) {
        notes.push(AuditEvent::AnchorsCompleted);
    }
    let (trail, _) = LineSeries::open(&config.folder, NAME).map_err(at(&config.folder))?;
    Ok(Ending { trail, checkpoints, head, notes, anchored })
}

/// The lines of the checkpoints behind an entry.
pub(super) fn checkpoints_after(path: &Path, public: &str, entry: u64) -> Result<Vec<u8>, AuditError> {
    let mut lines = Vec::new();
    for it in signed(path, public)?.iter().filter(|it| it.checkpoint.n > entry) {
        lines.extend_from_slice(&it.line);
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Takes over the groups behind the known end that were written whole, and cuts what comes after them.
fn settle(
    files: &[Segment],
    behind: &Behind,
    known: Head,
    announced: &[Signed],
) -> Result<(Head, Option<AuditEvent>), AuditError> {
    let is_announced = |entry: &&Entry| {
        announced.iter().any(|it| it.checkpoint.n == entry.head.n && it.checkpoint.head == entry.head.hash)
    };
    let whole = behind.entries.iter().rev().find(is_announced);
    let (head, end) = whole.map_or((known, behind.begins), |entry| (entry.head.clone(), entry.place));
    let bytes = bytes_after(files, end)?;
    if bytes == 0 {
        return Ok((head, None));
    }
    let reached = behind.entries.last().map_or(head.n, |entry| entry.head.n);
    let coming = announced.iter().map(|it| it.checkpoint.n).find(|n| *n > head.n);
    let torn = !behind.strange && coming.is_some_and(|coming| reached < coming);
    cut(files, end)?;
    let note = match torn {
        true => AuditEvent::TornLineCut { bytes },
        false => AuditEvent::ForeignLinesCut { bytes },
    };
    Ok((head, Some(note)))
}

/// What stands behind a known end; `None` if that is not in the trail.
fn behind(files: &[Segment], known: &Head) -> Result<Option<Behind>, AuditError> {
    let mut begins = (known.n == 0).then_some(Place { segment: 0, offset: 0 });
    let mut read = Vec::new();
    for (segment, file) in files.iter().enumerate().rev() {
        let found = lines(file, segment)?;
        let known = found
            .iter()
            .find(|line| line.link.as_ref().is_some_and(|link| link.n == known.n && link.hash == known.hash));
        begins = known.map(|line| line.place).or(begins);
        let done = known.is_some();
        read.push(found);
        if done {
            break;
        }
    }
    let Some(begins) = begins else { return Ok(None) };
    let (mut follows, mut behind) = (known, Behind { entries: Vec::new(), strange: false, begins });
    for Line { place, link } in read.into_iter().rev().flatten().filter(|line| line.place > begins) {
        match link {
            Some(link) if !behind.strange && link.n == follows.n + 1 && link.prev == follows.hash => {
                behind.entries.push(Entry { head: Head { n: link.n, hash: link.hash }, place });
            }
            _ => behind.strange = true,
        }
        follows = behind.entries.last().map_or(known, |entry| &entry.head);
    }
    Ok(Some(behind))
}

/// The whole lines of a file.
fn lines(file: &Segment, segment: usize) -> Result<Vec<Line>, AuditError> {
    let bytes = LineFile::read(&file.path).map_err(at(&file.path))?;
    let mut offset = 0;
    let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| {
        offset += line.len() as u64;
        let link = chain::read(line.strip_suffix(b"\n")?);
        Some(Line { place: Place { segment, offset }, link })
    });
    Ok(whole.collect())
}

/// Number of the last entry that is as it was written; 0 if there is none.
fn last_entry(files: &[Segment]) -> Result<u64, AuditError> {
    for (segment, file) in files.iter().enumerate().rev() {
        if let Some(link) = lines(file, segment)?.into_iter().rev().find_map(|line| line.link) {
            return Ok(link.n);
        }
    }
    Ok(0)
}

fn bytes_after(files: &[Segment], end: Place) -> Result<u64, AuditError> {
    let mut bytes = 0;
    for (segment, file) in files.iter().enumerate().skip(end.segment) {
        let length = file.path.metadata().map_err(at(&file.path))?.len();
        bytes += if segment == end.segment { length.saturating_sub(end.offset) } else { length };
    }
    Ok(bytes)
}

/// Cuts everything behind a place; files stay, so that their numbers go on.
fn cut(files: &[Segment], end: Place) -> Result<(), AuditError> {
    for (segment, file) in files.iter().enumerate().skip(end.segment).rev() {
        let length = if segment == end.segment { end.offset } else { 0 };
        let (mut lines, _) = LineFile::open(&file.path).map_err(at(&file.path))?;
        lines.cut(length).map_err(at(&file.path))?;
    }
    Ok(())
}

/// The checkpoints of a file that are as they were signed.
fn signed(path: &Path, public: &str) -> Result<Vec<Signed>, AuditError> {
    let bytes = LineFile::read(path).map_err(at(path))?;
    let mut ends = 0;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| {
        let begins = ends;
        ends += line.len() as u64;
        let line = line.strip_suffix(b"\n")?;
        Some(Signed { checkpoint: Checkpoint::read(line, public)?, line: line.to_vec(), begins })
    });
    Ok(lines.collect())
}

//! The file of the notes: records of 32 bytes, each with a checksum, overwritten in place.
//!
//! Each entry has a pair of places, for "data sent" and for "delivered": the second is written without a sync, and may
//! not spoil the first. A record lies within one sector, so that a torn write spoils that record alone, and one that is
//! spoilt was never answered for. A version that knows no "delivered" takes both for "data sent". After a failed write or sync the file is not trusted again: a new one takes its place.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest;
use waxseal_model::{RecipientId, Timestamp};

use super::SentNote;

const RECORD: usize = 32;
/// The file grows by this many bytes, so that most notes do not change its length.
const BLOCK: usize = 4_096;

/// Times are kept in seconds since then.
const EPOCH: Timestamp = Timestamp::from_secs(1_577_836_800);
/// Set if what was delivered may have been a second copy.
const SECOND: u32 = 1 << 31;

/// When a recipient's server said yes, to the second, and whether it may have been to a second copy. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered(u32);

impl Delivered {
    /// Times from 2020 to 2088; others are the nearest of these.
    pub(crate) fn new(at: Timestamp, is_second_copy: bool) -> Self {
        let seconds = u32::try_from(at.since(EPOCH).as_secs()).unwrap_or(u32::MAX).clamp(1, SECOND - 1);
        Self(seconds | if is_second_copy { SECOND } else { 0 })
    }

    pub(crate) fn at(self) -> Timestamp {
        EPOCH + Duration::from_secs(u64::from(self.0 & !SECOND))
    }

    pub(crate) const fn is_second_copy(self) -> bool {
        self.0 & SECOND != 0
    }
}

/// A note as it lies in the file: id, attempts, when it was delivered or zero, checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record([u8; RECORD]);

impl Record {
    pub(super) const EMPTY: Self = Self([0; RECORD]);

    pub(super) fn sent(note: SentNote) -> Self {
        Self::new(note, 0)
    }

    pub(super) fn delivered(note: SentNote, delivered: Delivered) -> Self {
        Self::new(note, delivered.0)
    }

    fn new(note: SentNote, delivered: u32) -> Self {
        let mut bytes = [0; RECORD];
        bytes[..16].copy_from_slice(&note.entry.to_bytes());
        bytes[16..20].copy_from_slice(&note.attempts.to_be_bytes());
        bytes[20..24].copy_from_slice(&delivered.to_be_bytes());
        let sum = checksum(&bytes[..24]);
        bytes[24..].copy_from_slice(&sum);
        Self(bytes)
    }

    /// What it says; `None` if it is empty or spoilt.
    pub(super) fn read(&self) -> Option<(SentNote, Option<Delivered>)> {
        let (content, sum) = self.0.split_at(24);
        let (id, rest) = content.split_first_chunk::<16>()?;
        let (attempts, rest) = rest.split_first_chunk::<4>()?;
        let delivered = u32::from_be_bytes(*rest.first_chunk()?);
        let note = SentNote {
            entry: RecipientId::from_u128(u128::from_be_bytes(*id)),
            attempts: u32::from_be_bytes(*attempts),
        };
        let delivered = (delivered != 0).then_some(Delivered(delivered));
        (checksum(content) == sum).then_some((note, delivered))
    }
}

fn checksum(content: &[u8]) -> [u8; 8] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"waxseal sent note 1");
    context.update(content);
    let mut sum = [0; 8];
    sum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

/// Writes a record at its place, which the file has already. Not synced.
pub(super) fn write_at(file: &File, place: usize, record: &Record) -> io::Result<()> {
    file.write_all_at(&record.0, (place * RECORD) as u64)
}

/// The notes of a file; none if it is not there.
pub(super) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome?,
    };
    let (records, _) = bytes.as_chunks::<RECORD>();
    Ok(records.iter().map(|record| Record(*record)).filter(|record| record.read().is_some()).collect())
}

/// The file, if it was made by us and nothing has failed since.
pub(super) struct NotesFile {
    path: PathBuf,
    trusted: Option<Arc<File>>,
    length: usize,
}

impl NotesFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, trusted: None, length: 0 }
    }

    pub(super) const fn is_trusted(&self) -> bool {
        self.trusted.is_some()
    }

    /// Writes the file anew with these records, from the first place on, and has it replace the old one.
    pub(super) fn make(&mut self, records: &[Record]) -> io::Result<()> {
        self.trusted = None;
        let mut bytes: Vec<u8> = records.iter().flat_map(|record| record.0).collect();
        bytes.resize(bytes.len().max(1).next_multiple_of(BLOCK), 0);
        let new = self.path.with_extension("notes.new");
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        self.length = bytes.len();
        self.trusted = Some(Arc::new(file));
        Ok(())
    }

    /// For whoever writes at places that there are already.
    pub(super) fn handle(&self) -> Option<Arc<File>> {
        self.trusted.clone()
    }

    /// Writes records at their places.
    pub(super) fn write(
        &mut self,
        changed: &BTreeMap<usize, Option<Record>>,
        durable: bool,
    ) -> io::Result<()> {
        let Some(file) = self.trusted.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        if let Some((last, _)) = changed.last_key_value() {
            // Both places of a pair.
            let wanted = (last / 2 + 1) * 2 * RECORD;
            if wanted > self.length {
                let grown = wanted.next_multiple_of(BLOCK);
                file.write_all_at(&vec![0; grown - self.length], self.length as u64)?;
                self.length = grown;
            }
        }
        for (slot, record) in changed {
            write_at(&file, *slot, &record.unwrap_or(Record::EMPTY))?;
        }
        if durable {
            file.sync_data()?;
        }
        self.trusted = Some(file);
        Ok(())
    }
}

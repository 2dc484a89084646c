//! The file of the notes: records of 32 bytes, each with a checksum, overwritten in place.
//!
//! A record lies within one sector, so that a torn write spoils that record alone, and one that is spoilt was never
//! answered for. After a failed write or sync the file is not trusted again: a new one takes its place.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use waxseal_model::RecipientId;

use super::SentNote;

const RECORD: usize = 32;
/// The file grows by this many bytes, so that most notes do not change its length.
const BLOCK: usize = 4_096;

/// A note as it lies in the file: id, attempts, four zeros, checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record([u8; RECORD]);

impl Record {
    const EMPTY: Self = Self([0; RECORD]);

    pub(super) fn new(note: SentNote) -> Self {
        let mut bytes = [0; RECORD];
        bytes[..16].copy_from_slice(&note.entry.to_bytes());
        bytes[16..20].copy_from_slice(&note.attempts.to_be_bytes());
        let sum = checksum(&bytes[..24]);
        bytes[24..].copy_from_slice(&sum);
        Self(bytes)
    }

    fn note(&self) -> Option<SentNote> {
        let (content, sum) = self.0.split_at(24);
        let (id, rest) = content.split_first_chunk::<16>()?;
        let attempts = u32::from_be_bytes(*rest.first_chunk()?);
        let note = SentNote { entry: RecipientId::from_u128(u128::from_be_bytes(*id)), attempts };
        (checksum(content) == sum).then_some(note)
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

/// The notes of a file; none if it is not there.
pub(super) fn read(path: &Path) -> io::Result<Vec<SentNote>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome?,
    };
    let (records, _) = bytes.as_chunks::<RECORD>();
    Ok(records.iter().filter_map(|record| Record(*record).note()).collect())
}

/// The file, if it was made by us and nothing has failed since.
pub(super) struct NotesFile {
    path: PathBuf,
    trusted: Option<File>,
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
        self.trusted = Some(file);
        Ok(())
    }

    /// Writes records at their places.
    pub(super) fn write(
        &mut self,
        changed: &BTreeMap<usize, Option<Record>>,
        durable: bool,
    ) -> io::Result<()> {
        let Some(file) = self.trusted.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        if let Some((last, _)) = changed.last_key_value() {
            let wanted = (last + 1) * RECORD;
            if wanted > self.length {
                let grown = wanted.next_multiple_of(BLOCK);
                file.write_all_at(&vec![0; grown - self.length], self.length as u64)?;
                self.length = grown;
            }
        }
        for (slot, record) in changed {
            file.write_all_at(&record.unwrap_or(Record::EMPTY).0, (slot * RECORD) as u64)?;
        }
        if durable {
            file.sync_data()?;
        }
        self.trusted = Some(file);
        Ok(())
    }
}

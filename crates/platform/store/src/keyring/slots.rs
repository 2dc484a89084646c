//! The file of the epoch key: two slots of a block each, written in place and nowhere else.
//!
//! It is apart from `keys.db` because a database writes what it holds to its log and to new pages too. Here the
//! wrapped epoch key is at one place of the disk, and overwriting it leaves no copy behind in any file of ours.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use waxseal_model::Random;

use super::wrapping::WRAPPED;
use crate::error::OpenError;

/// A slot has a block of its own, so that writing one cannot tear the other.
const BLOCK: usize = 4096;
const MAGIC: &[u8; 8] = b"WXEPOCH1";

/// One of the two slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    First,
    Second,
}

impl Slot {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    const fn offset(self) -> u64 {
        match self {
            Self::First => 0,
            Self::Second => BLOCK as u64,
        }
    }
}

/// What a slot holds: the number of an epoch and its key, wrapped under the master key.
pub(crate) struct Held {
    /// Number.
    pub(crate) number: i64,
    /// Wrapped key.
    pub(crate) wrapped: Vec<u8>,
}

/// The file.
pub(crate) struct Slots {
    file: File,
    path: PathBuf,
}

impl Slots {
    /// Opens the file; `make` makes it where it is missing, else its absence is an error.
    pub(crate) fn open(path: &Path, make: bool) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.display().to_string(), source };
        if !path.exists() {
            if !make {
                return Err(OpenError::MasterKey(format!(
                    "{} is missing, without which keys.db cannot be read: the two belong together, put it back",
                    path.display()
                )));
            }
            create(path).map_err(failed)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What a slot holds; `None` if it is empty or was not written whole.
    pub(crate) fn read(&self, slot: Slot) -> io::Result<Option<Held>> {
        let block = self.block(slot)?;
        let (Some(magic), Some(number), Some(wrapped)) =
            (block.get(..8), block.get(8..16), block.get(16..16 + WRAPPED))
        else {
            return Ok(None);
        };
        let Ok(number) = <[u8; 8]>::try_from(number) else { return Ok(None) };
        Ok((magic == MAGIC).then(|| Held { number: i64::from_be_bytes(number), wrapped: wrapped.to_vec() }))
    }

    /// Whether a slot has anything in it, whole or not.
    pub(crate) fn is_empty(&self, slot: Slot) -> io::Result<bool> {
        Ok(self.block(slot)?.iter().all(|byte| *byte == 0))
    }

    /// Writes an epoch into a slot; on stable storage when it returns.
    pub(crate) fn write(&self, slot: Slot, held: &Held) -> io::Result<()> {
        let mut block = Vec::with_capacity(BLOCK);
        block.extend_from_slice(MAGIC);
        block.extend_from_slice(&held.number.to_be_bytes());
        block.extend_from_slice(&held.wrapped);
        block.resize(BLOCK, 0);
        self.put(slot, &block)
    }

    /// Overwrites a slot, with noise and then with zeros, each on stable storage before it goes on.
    pub(crate) fn destroy(&self, slot: Slot, random: &dyn Random) -> io::Result<()> {
        let mut noise = vec![0u8; BLOCK];
        random.fill(&mut noise);
        self.put(slot, &noise)?;
        self.put(slot, &[0; BLOCK])
    }

    fn block(&self, slot: Slot) -> io::Result<Vec<u8>> {
        let mut block = vec![0u8; BLOCK];
        let mut read = 0;
        while let Some(rest) = block.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, slot.offset() + read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(block)
    }

    fn put(&self, slot: Slot, block: &[u8]) -> io::Result<()> {
        self.file.write_all_at(block, slot.offset())?;
        self.file.sync_all()
    }
}

/// Makes the file with its blocks in place, for its owner alone.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all_at(&[0; 2 * BLOCK], 0)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

//! Room on the disk of the data folder. A reserve is held for the day when others have filled the disk: it is given up
//! then, so that what was accepted is still delivered and what is to go still goes, and nothing new is accepted until
//! there is room to hold it again.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::error::StoreError;

/// The reserve is so large, in bytes: deletes write to the log before they free anything.
const RESERVE: u64 = 16 << 20;
/// On a small disk it is this part of it.
const PART: u64 = 16;
/// Its name in the data folder.
const FILE: &str = "reserve";

/// Sizes of a disk, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    pub(crate) total: u64,
    pub(crate) free: u64,
}

/// Asks for the sizes of the disk that this folder is on.
pub(crate) type Probe = dyn Fn(&Path) -> io::Result<Space> + Send + Sync;

/// What is known of the room on the disk.
pub(crate) struct Room {
    folder: PathBuf,
    probe: Box<Probe>,
    /// The size of the reserve while it is there.
    held: Mutex<Option<u64>>,
}

impl Room {
    /// Makes sure of the reserve, or, where there is no room for it, gives up what is there of it.
    pub(crate) fn open(folder: &Path) -> Self {
        Self::with_probe(folder, Box::new(space))
    }

    fn with_probe(folder: &Path, probe: Box<Probe>) -> Self {
        let room = Self { folder: folder.into(), probe, held: Mutex::new(None) };
        {
            let mut held = room.held();
            let size = fs::metadata(room.file()).map_or(0, |file| file.len());
            *held = (size > 0).then_some(size);
            if held.is_none() {
                room.take_back(&mut held);
            }
        }
        room.keep();
        room
    }

    /// Whether so many bytes may be added now.
    pub(crate) fn admit(&self, bytes: usize) -> Result<(), StoreError> {
        let mut held = self.held();
        if held.is_none() && !self.take_back(&mut held) {
            return Err(StoreError::Full);
        }
        let Ok(space) = (self.probe)(&self.folder) else { return Ok(()) };
        // Twice: into the log first, then into the file.
        let wanted = floor(space).saturating_add(2 * bytes as u64);
        if space.free < wanted { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Called before something is written: gives the reserve up where it is needed.
    pub(crate) fn keep(&self) {
        if (self.probe)(&self.folder).is_ok_and(|space| space.free < floor(space) / 2) {
            self.give_up();
        }
    }

    /// The reserve goes: what must be written now has its room.
    pub(crate) fn give_up(&self) {
        let mut held = self.held();
        if held.take().is_some() {
            match File::options().write(true).open(self.file()).and_then(|file| file.set_len(0)) {
                Ok(()) => tracing::error!("the disk is full: nothing is accepted until there is room"),
                Err(error) => tracing::error!(%error, "the disk is full, and its reserve cannot be given up"),
            }
        }
    }

    /// Whether the reserve has been given up.
    pub(crate) fn is_short(&self) -> bool {
        self.held().is_none()
    }

    /// Makes the reserve anew where there is room for it and as much again.
    fn take_back(&self, held: &mut Option<u64>) -> bool {
        let Ok(space) = (self.probe)(&self.folder) else { return false };
        let size = size(space);
        if space.free < 2 * size {
            return false;
        }
        match set_aside(&self.file(), size) {
            Ok(()) => {
                *held = Some(size);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "no room can be set aside on the disk");
                false
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn held(&self) -> MutexGuard<'_, Option<u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets room aside in a file of this size. Takes twice the size, and gives half of it back: what a file system says is
/// free may be more than this folder may have, under a quota.
pub(crate) fn set_aside(path: &Path, size: u64) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let filled = match fallocate(&file, FallocateFlags::empty(), 0, 2 * size) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => zeros(&mut file, 2 * size),
        other => other.map_err(io::Error::from),
    };
    // What there is after a failure is no reserve.
    file.set_len(if filled.is_ok() { size } else { 0 })?;
    filled?;
    file.sync_all()
}

fn size(space: Space) -> u64 {
    RESERVE.min(space.total / PART)
}

/// Nothing is accepted where less is free; where less than half of that is, the reserve goes.
fn floor(space: Space) -> u64 {
    size(space) / 2
}

fn zeros(file: &mut File, size: u64) -> io::Result<()> {
    let block = [0; 1 << 16];
    let mut left = size;
    while left > 0 {
        let part = left.min(block.len() as u64);
        file.write_all(&block[..part as usize])?;
        left -= part;
    }
    Ok(())
}

/// The sizes of the disk that a folder is on.
pub(crate) fn space(folder: &Path) -> io::Result<Space> {
    let disk = statvfs(folder)?;
    Ok(Space {
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    const GIB: u64 = 1 << 30;

    struct Disk {
        folder: tempfile::TempDir,
        free: Arc<AtomicU64>,
    }

    impl Disk {
        fn new(free: u64) -> Self {
            Self { folder: tempfile::tempdir().expect("a folder"), free: Arc::new(free.into()) }
        }

        fn room(&self) -> Room {
            let free = Arc::clone(&self.free);
            let probe = move |_: &Path| Ok(Space { total: GIB, free: free.load(Ordering::Relaxed) });
            Room::with_probe(self.folder.path(), Box::new(probe))
        }

        fn reserve(&self) -> u64 {
            fs::metadata(self.folder.path().join(FILE)).map_or(0, |file| file.len())
        }

        fn set(&self, free: u64) {
            self.free.store(free, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_reserve_goes_when_others_have_filled_the_disk_and_comes_back_when_there_is_room() {
        let disk = Disk::new(GIB);
        let room = disk.room();
        assert_eq!(disk.reserve(), RESERVE);
        room.admit(1000).expect("there is room");
        disk.set(0);
        assert!(matches!(room.admit(1000), Err(StoreError::Full)));
        assert_eq!(disk.reserve(), RESERVE, "refusing needs none of it");
        room.keep();
        assert!(room.is_short() && disk.reserve() == 0);
        // What was given up is no room for new mail.
        disk.set(RESERVE);
        assert!(matches!(room.admit(1), Err(StoreError::Full)));
        disk.set(2 * RESERVE);
        room.admit(1).expect("there is room again");
        assert!(!room.is_short() && disk.reserve() == RESERVE);
    }

    #[test]
    fn a_message_needs_room_for_itself_twice() {
        let disk = Disk::new(GIB);
        let room = disk.room();
        disk.set(RESERVE);
        room.admit((RESERVE / 4) as usize).expect("it fits");
        assert!(matches!(room.admit((RESERVE / 4) as usize + 1), Err(StoreError::Full)));
        assert!(!room.is_short(), "a small one still fits");
    }

    #[test]
    fn a_start_on_a_full_disk_has_the_reserve_of_the_run_before() {
        let disk = Disk::new(GIB);
        drop(disk.room());
        disk.set(0);
        assert!(disk.room().is_short() && disk.reserve() == 0);
        assert!(disk.room().is_short(), "and the next start has none");
        disk.set(GIB);
        assert!(!disk.room().is_short());
    }
}

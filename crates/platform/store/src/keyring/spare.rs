//! Room on a full disk for the keyring alone. What is deleted one by one is written down in the ring before the database
//! is told, so a disk that others have filled must not keep the ring from writing. The room is given up piece by piece,
//! before a write that finds none: what took the piece before has no use of the next one.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait as _};

use super::Keyring;
use crate::room::{Probe, set_aside, space};

/// The name of the room in the folder of the ring.
pub(super) const FILE: &str = "keys.reserve";
/// So large it is, in bytes.
const WHOLE: u64 = 4 << 20;
/// On a small disk it is this part of it.
const PART: u64 = 24;
/// What one write needs, in bytes: some pages in the log, and the same in the file.
const PIECE: u64 = 128 << 10;

/// The room of one ring.
pub(super) struct Spare {
    folder: PathBuf,
    probe: Box<Probe>,
}

impl Spare {
    /// Of the ring in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.into(), probe: Box::new(space) }
    }

    /// Sees to it that so many bytes can be written; `true` while room is short.
    fn ensure(&self, bytes: u64) -> bool {
        let Ok(space) = (self.probe)(&self.folder) else { return false };
        let path = self.folder.join(FILE);
        let held = path.metadata().map_or(0, |file| file.len());
        let whole = WHOLE.min(space.total / PART);
        if space.free < bytes {
            let left = held.saturating_sub(bytes);
            let given = std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(left));
            match given {
                Ok(()) if held > 0 => {
                    tracing::warn!("the disk is full: the keyring writes into its reserve")
                }
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "the disk is full, and the keyring has no reserve"),
            }
            return true;
        }
        if held < whole && space.free >= 4 * whole {
            if let Err(error) = set_aside(&path, whole) {
                tracing::warn!(%error, "no room can be set aside for the keyring");
            }
            return false;
        }
        held < whole
    }
}

impl Spare {
    /// Sees to it that something can be written; `true` while room is short.
    pub(super) fn ensure_piece(&self) -> bool {
        self.ensure(PIECE)
    }

    /// The same where every page of the ring is written anew.
    fn ensure_all(&self) -> bool {
        let ring = self.folder.join(super::KEYS).metadata().map_or(0, |file| file.len());
        self.ensure(PIECE + ring)
    }
}

impl Keyring {
    /// The file, with room made first for what is to be written.
    pub(super) async fn writable(&self) -> &DatabaseConnection {
        self.reuse_log(self.spare.ensure_piece()).await;
        &self.db
    }

    /// Begins to write, with room made first.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writable().await.begin().await
    }

    /// Begins to write every page anew.
    pub(super) async fn begin_all(&self) -> Result<DatabaseTransaction, DbErr> {
        self.reuse_log(self.spare.ensure_all()).await;
        self.db.begin().await
    }

    /// While room is short, what comes next is written over the log of what has been.
    async fn reuse_log(&self, is_short: bool) {
        if is_short && let Err(error) = self.db.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await {
            tracing::warn!(%error, "the keyring's log could not be brought into its file");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::room::Space;

    #[test]
    fn on_a_full_disk_each_write_has_a_piece_of_the_reserve_and_the_whole_comes_back_with_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let free = Arc::new(AtomicU64::new(1 << 30));
        let told = Arc::clone(&free);
        let probe = move |_: &Path| Ok(Space { total: 1 << 30, free: told.load(Ordering::Relaxed) });
        let spare = Spare { folder: folder.path().into(), probe: Box::new(probe) };
        let held = || folder.path().join(FILE).metadata().map_or(0, |file| file.len());
        assert!(!spare.ensure_piece(), "it is made where there is room");
        assert_eq!(held(), WHOLE);
        free.store(0, Ordering::Relaxed);
        for piece in 1..=WHOLE / PIECE {
            assert!(spare.ensure_piece());
            assert_eq!(held(), WHOLE - piece * PIECE);
        }
        assert!(spare.ensure_piece(), "there is none left");
        free.store(PIECE, Ordering::Relaxed);
        assert!(spare.ensure_piece(), "a little room is still short");
        assert_eq!(held(), 0);
        free.store(4 * WHOLE, Ordering::Relaxed);
        assert!(!spare.ensure_piece());
        assert_eq!(held(), WHOLE);
    }
}

//! Every path that is in the folders of data and keys at some time of the whole run, and whether the inventory knows it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;
use waxseal_privacy::inventory;

/// Between two looks: what is there for less is seen by chance.
const LOOK: Duration = Duration::from_millis(20);

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) looks: u64,
    /// From the data folder, or from that of the keys.
    pub(super) paths: BTreeSet<String>,
}

impl Seen {
    /// Those that the inventory does not know.
    pub(super) fn unknown(&self) -> Vec<&str> {
        self.paths.iter().map(String::as_str).filter(|path| !inventory::knows_file(path)).collect()
    }
}

/// Looks again and again until it is dropped.
pub(super) struct Watch {
    folders: [PathBuf; 2],
    seen: Arc<Mutex<Seen>>,
    looking: JoinHandle<()>,
}

impl Watch {
    /// Over these folders, of data and keys, which may not be there yet.
    pub(super) fn over(folders: [PathBuf; 2]) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (notes, tops) = (Arc::clone(&seen), folders.clone());
        let looking = tokio::spawn(async move {
            loop {
                look(&tops, &mut locked(&notes));
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { folders, seen, looking }
    }

    /// What was seen, with what is there now.
    pub(super) fn seen(&self) -> Seen {
        let mut seen = locked(&self.seen);
        look(&self.folders, &mut seen);
        seen.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(tops: &[PathBuf], seen: &mut Seen) {
    seen.looks += 1;
    tops.iter().for_each(|top| collect(top, top, &mut seen.paths));
}

/// What goes while it is looked at is passed over.
fn collect(top: &Path, folder: &Path, paths: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(top, &path, paths),
            _ => {
                paths.insert(path.strip_prefix(top).unwrap_or(&path).display().to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_that_the_inventory_does_not_know_is_named() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let watch = Watch::over([folder.path().to_owned(), folder.path().join("not-there")]);
        std::fs::create_dir(folder.path().join("audit"))?;
        for name in ["waxseal.db", "audit/trail-000001.jsonl", "audit/notes.txt"] {
            std::fs::write(folder.path().join(name), "")?;
        }
        assert_eq!(watch.seen().unknown(), ["audit/notes.txt"]);
        std::fs::remove_file(folder.path().join("audit/notes.txt"))?;
        assert_eq!(watch.seen().unknown(), ["audit/notes.txt"], "what was there once counts");
        Ok(())
    }
}

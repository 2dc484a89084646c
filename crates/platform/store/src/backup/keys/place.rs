//! Where a ring is built from a copy: a folder beside where it belongs, whose files get their places when all is done.
//!
//! A file in it says that the ring is whole. Before, whatever ends the process leaves no ring; from then on the next
//! start puts it into its place.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{error::OpenError, kept_file::make_folder};

/// The folder.
const FOLDER: &str = "keys.restoring";
/// Says that the ring in it is whole.
const WHOLE: &str = "whole";
/// What gets a place, in this order: where the last is, all are.
pub(super) const FILES: [&str; 2] = ["keys.epoch", "keys.db"];

/// The folder, empty.
pub(super) fn begin(keys_dir: &Path) -> Result<PathBuf, OpenError> {
    let folder = keys_dir.join(FOLDER);
    make_folder(&folder).map_err(at(&folder))?;
    Ok(folder)
}

/// Says that the ring is whole, and puts it into its place.
pub(super) fn finish(keys_dir: &Path) -> Result<(), OpenError> {
    let folder = keys_dir.join(FOLDER);
    for name in FILES {
        let path = folder.join(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(at(&path))?;
    }
    let whole = folder.join(WHOLE);
    File::create(&whole).and_then(|file| file.sync_all()).map_err(at(&whole))?;
    sync(&folder)?;
    settle(keys_dir)
}

/// Puts a ring into its place that an interrupted restore left whole, and removes one that it left unfinished.
pub(crate) fn settle(keys_dir: &Path) -> Result<(), OpenError> {
    let folder = keys_dir.join(FOLDER);
    if !folder.exists() {
        return Ok(());
    }
    let [_, last] = FILES;
    // Somebody has put a ring there meanwhile: then that one is meant.
    let taken = keys_dir.join(last).exists() && folder.join(last).exists();
    if folder.join(WHOLE).exists() && !taken {
        for name in FILES {
            let (from, to) = (folder.join(name), keys_dir.join(name));
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(&to)(error)),
                _ => sync(keys_dir)?,
            }
        }
    }
    fs::remove_dir_all(&folder).map_err(at(&folder))?;
    sync(keys_dir)
}

fn sync(folder: &Path) -> Result<(), OpenError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(at(folder))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.display().to_string();
    move |source| OpenError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// A folder in which a restore was ended, with these files aside and these in their places.
    fn ended(aside: &[&str], there: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let unfinished = begin(folder.path()).expect("begun");
        aside.iter().for_each(|name| fs::write(unfinished.join(name), "new").expect("written"));
        there.iter().for_each(|name| fs::write(folder.path().join(name), "old").expect("written"));
        folder
    }

    #[test]
    fn only_what_is_whole_gets_its_place() {
        for aside in [&["keys.db"][..], &["keys.db", "keys.epoch"], &["keys.db", "keys.db-wal", "keys.epoch"]]
        {
            let folder = ended(aside, &[]);
            settle(folder.path()).expect("settled");
            assert_eq!(names(folder.path()), [""; 0], "{aside:?}");
        }
        for (aside, there) in [
            (&["keys.db", "keys.epoch", WHOLE][..], &[][..]),
            (&["keys.db", WHOLE], &["keys.epoch"]),
            (&[WHOLE], &["keys.db", "keys.epoch"]),
            (&[], &["keys.db", "keys.epoch"]),
        ] {
            let folder = ended(aside, there);
            settle(folder.path()).expect("settled");
            assert_eq!(names(folder.path()), ["keys.db", "keys.epoch"], "{aside:?}");
        }
    }

    #[test]
    fn keys_that_somebody_put_there_meanwhile_stay() {
        let folder = ended(&["keys.db", "keys.epoch", WHOLE], &FILES);
        settle(folder.path()).expect("settled");
        assert_eq!(names(folder.path()), ["keys.db", "keys.epoch"]);
        for name in FILES {
            assert_eq!(fs::read_to_string(folder.path().join(name)).expect("read"), "old");
        }
    }
}

//! A folder of backups: what is in it, and what is over.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use waxseal_model::Timestamp;

use super::{BackupError, Header, at, header};
use crate::sealed_file::PARTIAL;

/// What the name of a backup ends with.
const EXTENSION: &str = "backup";

/// A backup in a folder, by what stands readable at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// What stands at its beginning.
    pub header: Header,
}

/// The name of a backup made at this time.
pub fn name_at(now: Timestamp) -> String {
    format!("waxseal-{}.{EXTENSION}", now.to_jiff().strftime("%Y%m%dT%H%M%SZ"))
}

/// The backups in a folder, oldest first; other files are passed over, and a folder that is missing is empty.
pub fn list(folder: &Path) -> Result<Vec<Found>, BackupError> {
    let mut found = Vec::new();
    for path in files(folder)? {
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        match header(&path) {
            Ok(header) => {
                let bytes = fs::metadata(&path).map_err(at(&path))?.len();
                found.push(Found { path, bytes, header });
            }
            Err(BackupError::NotABackup { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by_key(|backup| backup.header.created_at);
    Ok(found)
}

/// Deletes the backups of a folder that are older than `keep`, and what crashes left of others; which.
pub fn prune(folder: &Path, now: Timestamp, keep: Duration) -> Result<Vec<PathBuf>, BackupError> {
    let mut deleted = Vec::new();
    for found in list(folder)? {
        if now.since(found.header.created()) >= keep {
            fs::remove_file(&found.path).map_err(at(&found.path))?;
            deleted.push(found.path);
        }
    }
    let end = format!(".{EXTENSION}{PARTIAL}");
    for path in files(folder)? {
        let left = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end));
        // Whoever is still writing it has its lock.
        if left && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(&path).map_err(at(&path))?;
            deleted.push(path);
        }
    }
    if !deleted.is_empty() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    }
    Ok(deleted)
}

/// The files in a folder, by name; a folder that is missing is empty.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder)(error)),
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

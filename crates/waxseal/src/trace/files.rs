//! Searching files: every one of a folder, its name as well.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use waxseal_scan::{Counts, Scanner};
use waxseal_store::backup;

/// The files searched so far.
pub(crate) struct Files {
    scanner: Scanner,
    /// What was found: store, place and count.
    pub(crate) found: Vec<Value>,
    /// How many files were looked into.
    pub(crate) looked_at: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Files and folders that could not be read.
    pub(crate) unreadable: u64,
    /// Backups among them: their rows are sealed once more, and opened by whoever has the keys.
    pub(crate) backups: Vec<PathBuf>,
}

impl Files {
    /// None yet.
    pub(crate) const fn new(scanner: Scanner) -> Self {
        Self { scanner, found: Vec::new(), looked_at: 0, bytes: 0, unreadable: 0, backups: Vec::new() }
    }

    /// Looks through a folder; places are told from `top` on.
    pub(crate) fn folder(&mut self, top: &Path, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            self.unreadable += 1;
            return;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            // Links are not followed: what they lead to is not in the folder.
            let Ok(about) = path.symlink_metadata() else { continue };
            let shown = path.strip_prefix(top).unwrap_or(&path).display().to_string();
            self.note("file names", "a file's name", &self.scanner.count(name(&path)));
            if about.is_dir() {
                self.folder(top, &path);
            } else if about.is_file() {
                self.file(&path, &shown);
            }
        }
    }

    /// Looks into one file.
    pub(crate) fn file(&mut self, path: &Path, shown: &str) {
        self.looked_at += 1;
        if backup::is_backup(path) {
            self.backups.push(path.to_owned());
        }
        let read = File::open(path).and_then(|file| {
            self.bytes += file.metadata()?.len();
            self.scanner.read(file)
        });
        match read {
            // A name that holds the term must not be printed either.
            Ok(counts) if self.scanner.count(shown.as_bytes()).total() > 0 => {
                self.note("files", "a file named after it", &counts);
            }
            Ok(counts) => self.note("files", shown, &counts),
            // Gone meanwhile: a write-ahead log, a rotated file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => self.unreadable += 1,
        }
    }

    fn note(&mut self, store: &str, place: &str, counts: &Counts) {
        for (form, count) in counts.found() {
            let place = format!("{place} ({})", form.as_str());
            self.found.push(json!({ "store": store, "place": place, "count": count }));
        }
    }
}

fn name(path: &Path) -> &[u8] {
    path.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes).unwrap_or_default()
}

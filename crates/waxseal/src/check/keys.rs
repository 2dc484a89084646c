//! The folder of the key store.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::{Finding, storage::writable};
use crate::config::Config;

/// Whether it can be written, and lies on a volume of its own. The data folder is there.
pub(super) fn look(config: &Config) -> Finding {
    const WHAT: &str = "key store";
    let folder = config.key_store();
    let shown = folder.display();
    if config.keys_dir.is_some()
        && let Err(error) = may_be_written(folder)
    {
        let mend = "let the user that runs waxseal write there, or set `keys.folder`";
        return Finding::wrong(WHAT, format!("{shown}: {error}"), mend);
    }
    let beside = match config.store_url.expose() {
        "sqlite" => "the database",
        _ => "the data folder",
    };
    match is_on_one_volume(folder, &config.data_dir) {
        Ok(true) => Finding::doubtful(
            WHAT,
            format!(
                "{shown} lies on the same volume as {beside}: a snapshot of that volume holds erased keys, too"
            ),
            "set `keys.folder` to a folder on another volume, of which no snapshots are made",
        ),
        Ok(false) if copies_lie_with_data(config) => Finding::doubtful(
            WHAT,
            format!(
                "{shown} lies on a volume of its own, and copies of it with the secret they open with beside {beside}: {}",
                config.keys_folder.display()
            ),
            "set `backup.keys_folder` to a folder on another volume than the data, too",
        ),
        Ok(false) => Finding::fine(WHAT, format!("{shown} can be written, on a volume of its own")),
        Err(error) => Finding::wrong(WHAT, format!("{shown}: {error}"), "see `keys.folder`"),
    }
}

/// One that is not there yet is made at the first start; whether that will succeed is what its parent says.
fn may_be_written(folder: &Path) -> io::Result<()> {
    match folder.exists() {
        true => writable(folder),
        false => existing(folder).and_then(writable),
    }
}

/// Whether copies of the keys are where snapshots of the data hold them, too.
fn copies_lie_with_data(config: &Config) -> bool {
    let folder = &config.keys_folder;
    let are_made = config.keys_every_hours > 0 || folder.is_dir();
    are_made && is_on_one_volume(folder, &config.data_dir).unwrap_or(false)
}

fn is_on_one_volume(folder: &Path, data_dir: &Path) -> io::Result<bool> {
    Ok(fs::metadata(existing(folder)?)?.dev() == fs::metadata(data_dir)?.dev())
}

/// The folder, or the nearest one above it that is there.
fn existing(folder: &Path) -> io::Result<&Path> {
    let there = folder.ancestors().find(|folder| folder.is_dir());
    // The first part of a relative path lies where the process is.
    there.or(folder.is_relative().then_some(Path::new("."))).ok_or_else(|| io::ErrorKind::NotFound.into())
}

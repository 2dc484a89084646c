//! Small files that are replaced whole: signed reports. A crash leaves the old one or the new one.
//!
//! Everything here blocks; services call it under `spawn_blocking`.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Writes `name` in `folder` (made if missing), mode 0600. When it answers the file is on stable storage.
pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    make_folder(folder)?;
    let beside = folder.join(format!("{name}.new"));
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(content).and_then(|()| file.sync_all())?;
    std::fs::rename(&beside, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Makes a folder for its owner alone, if it is missing.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What `name` in `folder` holds; `None` if there is none.
pub fn read(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// The names in `folder`, sorted; none if it is not there.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Deletes `name` in `folder`.
pub fn remove(folder: &Path, name: &str) -> io::Result<()> {
    std::fs::remove_file(folder.join(name))
}

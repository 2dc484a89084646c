//! A file that appears whole or not at all: written beside its name, made durable, then renamed.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// What the name of a file ends with that is being written, or that a crash left.
pub(crate) const PARTIAL: &str = ".partial";

/// Not through a symbolic link, and without waiting for whoever reads a pipe.
const CAREFULLY: i32 = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK).bits().cast_signed();

/// A file on its way. Dropped before [`NewFile::keep`], it leaves nothing.
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Begins a file (mode 0600); an error if there is one of this name, or if somebody writes it now. What a crash
    /// left of an earlier attempt is written over, but nothing else: whoever names the path may have put something there.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name already"));
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(PARTIAL);
        let partial = path.with_file_name(hidden);
        let mut options = File::options();
        options.write(true).mode(0o600).custom_flags(CAREFULLY);
        let file = match options.clone().create_new(true).open(&partial) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => left_behind(&options, &partial)?,
            made => made?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it now"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        Ok(Self { file, path: path.to_owned(), partial, kept: false })
    }

    /// Makes it durable and gives it its name; its length in bytes.
    pub(crate) fn keep(mut self) -> io::Result<u64> {
        self.file.sync_all()?;
        let length = self.file.metadata()?.len();
        std::fs::rename(&self.partial, &self.path)?;
        self.kept = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(length)
    }
}

/// What a crash left there: a file of this process's user that nobody else has a name for or may open.
fn left_behind(options: &OpenOptions, partial: &Path) -> io::Result<File> {
    let foreign = || {
        let words = format!("{} is not a file that this server left: remove it", partial.display());
        io::Error::new(io::ErrorKind::AlreadyExists, words)
    };
    let file = options.open(partial).map_err(|_| foreign())?;
    let about = file.metadata()?;
    let own = about.is_file()
        && about.uid() == rustix::process::geteuid().as_raw()
        && about.nlink() == 1
        && about.mode() & 0o077 == 0;
    own.then_some(file).ok_or_else(foreign)
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // What stays is written over by the next attempt, and deleted by a prune.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

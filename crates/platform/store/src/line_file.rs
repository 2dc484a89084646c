//! Append-only files of lines, each durable before it counts: what the audit trail is written to.
//!
//! Everything here blocks; services call it under `spawn_blocking`.

mod series;

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

pub use series::{LineSeries, Segment, segments};

/// How much of the end of a file is searched for its last line.
const TAIL: u64 = 1024 * 1024;

/// A file to which whole lines are added.
#[derive(Debug)]
pub struct LineFile {
    file: File,
    path: PathBuf,
    /// Bytes that are known to be on stable storage.
    length: u64,
}

impl LineFile {
    /// Opens or makes a file. What follows its last line break was torn off by a crash and is cut; the number
    /// tells how many bytes that were.
    pub fn open(path: &Path) -> io::Result<(Self, u64)> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let new = !folder.exists();
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            if new {
                sync_folder(folder)?;
            }
        }
        let new = !path.exists();
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        if new {
            sync_folder(path)?;
        }
        let found = file.seek(SeekFrom::End(0))?;
        let length = whole_lines(&mut file, found)?;
        if length < found {
            file.set_len(length)?;
            file.sync_data()?;
        }
        file.seek(SeekFrom::Start(length))?;
        Ok((Self { file, path: path.to_owned(), length }, found - length))
    }

    /// Adds lines (with their line breaks). When it answers they are on stable storage; when it fails, none of
    /// them is in the file.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // After a failed write or sync nothing that this handle says counts any more.
            self.file = File::options().read(true).write(true).open(&self.path)?;
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.sync_data()?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Cuts the file to `length` bytes; on stable storage when it answers.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.file.sync_data()?;
        self.length = length;
        Ok(())
    }

    /// Bytes in the file.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Everything in the file.
    pub fn read(path: &Path) -> io::Result<Vec<u8>> {
        match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            outcome => outcome,
        }
    }

    /// The last whole line of a file, without its line break; `None` if there is none.
    pub fn last_line(path: &Path) -> io::Result<Option<String>> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            outcome => outcome?,
        };
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
        let line = tail.get(..end).and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
        Ok(line.map(|line| String::from_utf8_lossy(line).into_owned()))
    }
}

impl LineFile {
    /// Writes a file of `bytes` zeros, to be given up when room is needed; `false` if it cannot be had.
    pub fn keep_room(path: &Path, bytes: usize) -> bool {
        let there = std::fs::metadata(path).is_ok_and(|file| file.len() == bytes as u64);
        there
            || File::options()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(path)
                .and_then(|mut file| file.write_all(&vec![0; bytes]).and_then(|()| file.sync_data()))
                .is_ok()
    }

    /// Gives up what [`LineFile::keep_room`] kept; `false` if there was nothing.
    pub fn give_up(path: &Path) -> bool {
        std::fs::remove_file(path).is_ok()
    }
}

/// The length up to the last line break of a file of `length` bytes.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(TAIL);
        let mut chunk = vec![0; usize::try_from(end - start).unwrap_or(0)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Makes the name of a new file durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_cut_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        let (mut file, torn) = LineFile::open(&path).expect("opened");
        assert_eq!(torn, 0);
        file.append(b"one\ntwo\n").expect("written");
        std::fs::write(&path, b"one\ntwo\nthr").expect("torn");
        assert_eq!(LineFile::last_line(&path).expect("read").as_deref(), Some("two"));
        let (mut file, torn) = LineFile::open(&path).expect("opened");
        assert_eq!((torn, file.length()), (3, 8));
        file.append(b"three\n").expect("written");
        assert_eq!(LineFile::read(&path).expect("read"), b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_file_without_a_whole_line_is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        std::fs::write(&path, b"on").expect("torn");
        let (file, torn) = LineFile::open(&path).expect("opened");
        assert_eq!((torn, file.length()), (2, 0));
        assert_eq!(LineFile::last_line(&path).expect("read"), None);
    }
}

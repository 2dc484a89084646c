//! A series of numbered line files: the last one grows, a new one begins when it is long or somebody says so.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::LineFile;

/// One file of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 1.
    pub number: u32,
    /// Where it is.
    pub path: PathBuf,
}

/// A series of files `NAME-000001.jsonl`, … in one folder.
#[derive(Debug)]
pub struct LineSeries {
    folder: PathBuf,
    name: &'static str,
    number: u32,
    current: LineFile,
}

impl LineSeries {
    /// Opens the series in `folder`, making both if missing; how many bytes of a torn line were cut.
    pub fn open(folder: &Path, name: &'static str) -> io::Result<(Self, u64)> {
        let number = segments(folder, name)?.last().map_or(1, |last| last.number);
        let (current, torn) = LineFile::open(&path_of(folder, name, number))?;
        Ok((Self { folder: folder.to_owned(), name, number, current }, torn))
    }

    /// Adds lines: see [`LineFile::append`].
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.current.append(lines)
    }

    /// Bytes in the file that grows.
    pub const fn length(&self) -> u64 {
        self.current.length()
    }

    /// Begins the next file.
    pub fn rotate(&mut self) -> io::Result<()> {
        let (next, _) = LineFile::open(&path_of(&self.folder, self.name, self.number + 1))?;
        self.current = next;
        self.number += 1;
        Ok(())
    }
}

/// The files of a series in order; none if the folder is not there.
pub fn segments(folder: &Path, name: &str) -> io::Result<Vec<Segment>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|file| file.to_str())
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".jsonl"))
            .and_then(|number| number.parse().ok());
        found.extend(number.map(|number| Segment { number, path }));
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

fn path_of(folder: &Path, name: &str, number: u32) -> PathBuf {
    folder.join(format!("{name}-{number:06}.jsonl"))
}

//! Opening a backup and reading it to its end.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{
    BackupError, Header, MAGIC, at,
    frame::{Decoder, Frame, Totals},
    key::BackupKey,
};
use crate::sealed_file::{Head, Magic, SealedReader};

/// A backup that was read to its end and is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What stands at its beginning.
    pub header: Header,
    /// What it holds.
    pub totals: Totals,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Whether the file begins as a backup does.
pub fn is_backup(path: &Path) -> bool {
    let mut bytes = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).is_ok() && bytes == *MAGIC.0
}

/// What stands readable at the beginning; nothing is opened, so nothing is known of what follows.
pub fn header(path: &Path) -> Result<Header, BackupError> {
    header_of(path, MAGIC)
}

/// The same of another kind of file.
pub(super) fn header_of(path: &Path, magic: Magic) -> Result<Header, BackupError> {
    let mut file = File::open(path).map_err(at(path))?;
    read_head(path, magic, &mut file).map(|(_, header)| header)
}

/// Reads the whole file and checks every byte of it.
pub fn verify(path: &Path, key: &BackupKey) -> Result<Verified, BackupError> {
    let mut opened = Opened::open(path, MAGIC, key)?;
    loop {
        if let Some(Frame::End(totals)) = opened.next()? {
            opened.next()?;
            let bytes = std::fs::metadata(path).map_err(at(path))?.len();
            return Ok(Verified { header: opened.header, totals, bytes });
        }
    }
}

/// A backup being read. Nothing of it is to be believed before its end came.
pub(crate) struct Opened {
    pub(crate) header: Header,
    path: PathBuf,
    decoder: Decoder<BufReader<SealedReader<BufReader<File>>>>,
}

impl Opened {
    /// Opens it with the key.
    pub(crate) fn open(path: &Path, magic: Magic, key: &BackupKey) -> Result<Self, BackupError> {
        let mut file = BufReader::new(File::open(path).map_err(at(path))?);
        let (head, header) = read_head(path, magic, &mut file)?;
        if header.key != key.name() {
            let path = path.display().to_string();
            return Err(BackupError::WrongKey { path, made_with: header.key, given: key.name() });
        }
        let reader = SealedReader::new(file, &key.key, &head).map_err(at(path))?;
        Ok(Self { header, path: path.to_owned(), decoder: Decoder::new(BufReader::new(reader)) })
    }

    /// The next frame; `None` after the end.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, BackupError> {
        let next = self.decoder.next();
        next.map_err(|source| self.fault(source))
    }

    fn fault(&mut self, source: io::Error) -> BackupError {
        let path = self.path.display().to_string();
        let why = match source.kind() {
            ErrorKind::InvalidData => source.to_string(),
            ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
            _ => return BackupError::File { path, source },
        };
        BackupError::Damaged { path, intact: self.decoder.inner().get_ref().opened(), why }
    }
}

fn read_head(path: &Path, magic: Magic, file: &mut impl Read) -> Result<(Head, Header), BackupError> {
    let path_text = || path.display().to_string();
    let not_a_backup = || match magic == MAGIC {
        true => BackupError::NotABackup { path: path_text() },
        false => BackupError::NotAKeyCopy { path: path_text() },
    };
    let head = Head::read(magic, file).map_err(at(path))?.ok_or_else(not_a_backup)?;
    let header = serde_json::from_slice(head.header()).map_err(|_| not_a_backup())?;
    Ok((head, header))
}

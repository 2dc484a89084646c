//! The file of an export: sealed as a stream under a key that nobody keeps.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use aws_lc_rs::hmac;
use waxseal_model::Random;
use zeroize::Zeroizing;

use crate::sealed_file::{Head, Magic, NewFile, PARTIAL, SealedReader, SealedWriter};

/// What the name of a file ends with that is being written, or that a crash left.
pub const UNFINISHED: &str = PARTIAL;

const MAGIC: Magic = Magic(b"WAXSEAL EXPORT1\n");
/// What stands readable in the file: nothing that tells whose it is.
const HEADER: &[u8] = b"{}";

/// The key of one export: 32 random bytes. It is told to whoever asked for the export and kept nowhere.
pub struct ExportKey(Zeroizing<[u8; 32]>);

impl ExportKey {
    /// A new key.
    pub fn make(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The key of this text (64 hex digits, perhaps with white space around).
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).ok()?;
        Some(Self(bytes))
    }

    /// The key's text: 64 hex digits.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    /// Another key, made of this one.
    pub(crate) fn bound(&self, hash: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let hash = Zeroizing::new(hash(self.0.as_slice()));
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, hashed) in bytes.iter_mut().zip(hash.iter()) {
            *byte = *hashed;
        }
        Self(bytes)
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice())
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey(..)")
    }
}

/// An export that is being written. It has its name only after [`ExportWriter::finish`]; dropped before, it leaves
/// nothing. Blocks.
pub struct ExportWriter(SealedWriter<BufWriter<NewFile>>);

impl ExportWriter {
    /// Begins a file; an error if there is one of this name.
    pub fn begin(path: &Path, key: &ExportKey, random: &dyn Random) -> io::Result<Self> {
        let mut salt = [0; 32];
        random.fill(&mut salt);
        let head = Head::new(MAGIC, &salt, HEADER)?;
        let file = BufWriter::new(NewFile::begin(path)?);
        Ok(Self(SealedWriter::new(file, &key.hmac(), &head)?))
    }

    /// Makes the file durable and gives it its name; its length in bytes.
    pub fn finish(self) -> io::Result<u64> {
        self.0.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.keep()
    }
}

impl Write for ExportWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An export that is being read, opened on the way. Every chunk of 64 KiB is checked before any of it is given out.
/// Blocks.
pub struct ExportReader(SealedReader<BufReader<File>>);

impl ExportReader {
    /// Opens a file; `None` if it is no export. With a wrong key the first chunk does not open, which is
    /// [`io::ErrorKind::InvalidData`].
    pub fn open(path: &Path, key: &ExportKey) -> io::Result<Option<Self>> {
        let mut file = BufReader::new(File::open(path)?);
        let head = Head::read(MAGIC, &mut file)?;
        let Some(head) = head.filter(|head| head.header() == HEADER) else { return Ok(None) };
        let mut reader = SealedReader::new(file, &key.hmac(), &head)?;
        // Opens the last chunk: a file that was cut off is known before anything is read from it.
        reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        Ok(Some(Self(reader)))
    }
}

impl Read for ExportReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for ExportReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// A plain ZIP, as an opened export is. Blocks.
pub fn plain(path: &Path) -> io::Result<BufReader<File>> {
    File::open(path).map(BufReader::new)
}

/// Writes what an export holds to a file that is not there yet (mode 0600); its length in bytes. Half an export looks
/// like a whole one to some programs: of a failure nothing stays. Blocks.
pub fn write_plain(from: &mut ExportReader, to: &Path) -> io::Result<u64> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = io::copy(from, &mut file).and_then(|bytes| file.sync_all().map(|()| bytes));
    if copied.is_err() {
        // The failure itself tells more than this one would.
        let _ = std::fs::remove_file(to);
    }
    copied
}

/// Whether the file begins as a sealed export does.
pub fn is_sealed(path: &Path) -> io::Result<bool> {
    let mut bytes = [0; 16];
    match File::open(path)?.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        outcome => outcome.map(|()| bytes == *MAGIC.0),
    }
}

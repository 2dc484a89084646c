//! Reading an export: opening it into a plain ZIP, and taking an account over from it.

use std::{
    io::{self, BufRead as _, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use tokio::sync::mpsc;
use waxseal_model::{AccountId, MessageId};
use waxseal_store::{
    Store,
    export_file::{self, ExportKey, ExportReader},
    import::{Importer, MakeDkim},
};
use zip::{ZipArchive, result::ZipError};

use super::{
    ExportError, ExportKind,
    manifest::{FORMAT, Manifest},
};

/// Longest line that is read.
const LONGEST_LINE: u64 = 16 << 20;
/// Longest message that is read.
const LONGEST_MESSAGE: u64 = 128 << 20;
/// Lines are handed on when there are so many, or so many bytes of them.
const LINES: usize = 200;
const BYTES: usize = 1 << 20;

/// An account that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The account, under the id that it had.
    pub account: AccountId,
    /// Rows.
    pub rows: u64,
    /// Messages with their content.
    pub messages: u64,
    /// Rows that nothing can be made of here: answers to repeated calls, copies for archives, suppressions of erased recipients.
    pub left_out: u64,
}

/// A file that can be read from any place.
trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

enum Part {
    Manifest(Manifest),
    Lines(&'static str, Vec<Vec<u8>>),
    Content(MessageId, Vec<u8>),
}

/// Whether a file is a sealed export, for which a key is wanted.
pub fn is_sealed(path: &Path) -> Result<bool, ExportError> {
    export_file::is_sealed(path).map_err(ExportError::file(path))
}

/// Takes the account of an export over into an empty instance; with the key, if it is sealed. In one transaction:
/// there is the whole account when it answers, or nothing of it.
pub async fn import(
    store: &Store,
    path: PathBuf,
    key: Option<ExportKey>,
    make_dkim: MakeDkim,
) -> Result<Imported, ExportError> {
    let (parts, mut coming) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(&path, key.as_ref(), &parts));
    let mut importer = None;
    let mut imported = None;
    while let Some(part) = coming.recv().await {
        match (part, &mut importer, &mut imported) {
            (Part::Manifest(manifest), _, _) => {
                if manifest.kind != ExportKind::Account {
                    return Err(ExportError::NotAnAccount(manifest.kind.as_str()));
                }
                let Some(account) = manifest.accounts.first().and_then(|id| id.parse().ok()) else { break };
                importer = Some(store.import(account, MakeDkim::clone(&make_dkim)));
                imported = Some(Imported { account, rows: 0, messages: 0, left_out: 0 });
            }
            (Part::Lines(table, lines), Some(importer), Some(imported)) => {
                let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
                let left_out = importer.lines(table, &lines).await?;
                imported.left_out += left_out;
                imported.rows += lines.len() as u64 - left_out;
            }
            (Part::Content(message, mime), Some(importer), Some(imported)) => {
                importer.content(message, &mime).await?;
                imported.messages += 1;
            }
            _ => break,
        }
    }
    drop(coming);
    // Nothing is kept of a file that could not be read to its end.
    reading.await.map_err(|_| ExportError::Interrupted)??;
    let (Some(importer), Some(imported)) = (importer, imported) else { return Err(ExportError::Interrupted) };
    importer.finish().await?;
    Ok(imported)
}

/// Writes the plain ZIP of a sealed export to a file that is not there yet (mode 0600). Blocks.
pub fn open(path: &Path, key: &ExportKey, to: &Path) -> Result<u64, ExportError> {
    let mut from = sealed(path, key)?;
    export_file::write_plain(&mut from, to).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => ExportError::file(path)(error),
        _ => ExportError::file(to)(error),
    })
}

fn sealed(path: &Path, key: &ExportKey) -> Result<ExportReader, ExportError> {
    let reader = ExportReader::open(path, key).map_err(ExportError::file(path))?;
    reader.ok_or_else(|| not_an_export(path, "it is no sealed file, or one of another version"))
}

fn source(path: &Path, key: Option<&ExportKey>) -> Result<Box<dyn Source>, ExportError> {
    if !is_sealed(path)? {
        return Ok(Box::new(export_file::plain(path).map_err(ExportError::file(path))?));
    }
    let key = key.ok_or_else(|| ExportError::KeyWanted { path: path.display().to_string() })?;
    Ok(Box::new(sealed(path, key)?))
}

fn not_an_export(path: &Path, why: &'static str) -> ExportError {
    ExportError::NotAnExport { path: path.display().to_string(), why }
}

fn read(path: &Path, key: Option<&ExportKey>, parts: &mpsc::Sender<Part>) -> Result<(), ExportError> {
    let wrong = |error: ZipError| match error {
        ZipError::Io(error) => ExportError::file(path)(error),
        _ => not_an_export(path, "it is no ZIP, or a damaged one"),
    };
    let mut zip = ZipArchive::new(source(path, key)?).map_err(wrong)?;
    let manifest = match zip.by_name("manifest.json") {
        Ok(file) => serde_json::from_reader::<_, Manifest>(file.take(1 << 20)).ok(),
        Err(ZipError::FileNotFound) => None,
        Err(error) => return Err(wrong(error)),
    };
    let manifest = manifest.ok_or_else(|| not_an_export(path, "there is no manifest.json in it"))?;
    if manifest.format != FORMAT || manifest.accounts.len() != 1 {
        return Err(not_an_export(path, "its manifest is of another form"));
    }
    let send = |part| parts.blocking_send(part).map_err(|_| ExportError::Interrupted);
    send(Part::Manifest(manifest))?;
    for table in Importer::tables() {
        if table == "bodies" {
            for index in 0..zip.len() {
                let mut file = zip.by_index(index).map_err(wrong)?;
                let Some(id) = message_of(&file.name().map_err(wrong)?) else { continue };
                let mut mime = Vec::new();
                file.by_ref()
                    .take(LONGEST_MESSAGE + 1)
                    .read_to_end(&mut mime)
                    .map_err(ExportError::file(path))?;
                if mime.len() as u64 > LONGEST_MESSAGE {
                    return Err(not_an_export(path, "a message in it is too large"));
                }
                send(Part::Content(id, mime))?;
            }
            continue;
        }
        match zip.by_name(&format!("{table}.jsonl")) {
            Ok(file) => {
                let mut lines = BufReader::new(file);
                while let Some(batch) = batch(&mut lines).map_err(ExportError::file(path))? {
                    send(Part::Lines(table, batch))?;
                }
            }
            Err(ZipError::FileNotFound) => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    Ok(())
}

/// The message whose content a file of the archive is.
fn message_of(name: &str) -> Option<MessageId> {
    name.strip_prefix("messages/")?.strip_suffix(".eml")?.parse().ok()
}

/// The next lines; `None` at the end.
fn batch(from: &mut impl io::BufRead) -> io::Result<Option<Vec<Vec<u8>>>> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < LINES && bytes < BYTES {
        let mut line = Vec::new();
        if from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a line is too long or has no end"));
        }
        bytes += line.len();
        lines.push(line);
    }
    Ok((!lines.is_empty()).then_some(lines))
}

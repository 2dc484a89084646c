//! Reading an export: opening it into a plain ZIP, and taking an account over from it.

use std::{
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use tokio::sync::mpsc;
use waxseal_model::AccountId;
use waxseal_store::{
    Store,
    export_file::{self, ExportKey, ExportReader},
    import::{Importer, MakeDkim},
};

use super::{
    ExportError, ExportKind,
    parts::{Part, PartsError, parts},
};

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
    let (found, mut coming) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(&path, key.as_ref(), &found));
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

fn read(path: &Path, key: Option<&ExportKey>, coming: &mpsc::Sender<Part>) -> Result<(), ExportError> {
    let source = source(path, key)?;
    match parts(source, &Importer::tables(), |part| coming.blocking_send(part).is_ok()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ExportError::Interrupted),
        Err(PartsError::File(error)) => Err(ExportError::file(path)(error)),
        Err(PartsError::NotAnExport(why)) => Err(not_an_export(path, why)),
    }
}

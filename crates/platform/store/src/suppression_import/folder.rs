//! The folder of the files that are imported, `imports` in the data folder: a sealed file each, named after its import.
//!
//! A file's key is made of the account's pepper and the import's id, and kept nowhere: with the account's keys go its files.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;
use waxseal_model::{AccountId, ImportId};
use zeroize::Zeroizing;

use super::SuppressionImport;
use crate::{
    error::StoreError,
    kept_file,
    open::Store,
    rows::RowId as _,
    sealed_file::{Head, Magic, NewFile, PARTIAL, SealedReader, SealedWriter},
};

const MAGIC: Magic = Magic(b"WAXSEAL IMPORT1\n");
/// What stands readable in a file: nothing that tells whose it is.
const HEADER: &[u8] = b"{}";
/// What the names of files end with.
const EXTENSION: &str = ".import";

impl Store {
    /// Writes the file of an import, sealed; it is on stable storage when this answers.
    pub(super) async fn keep_import_file(
        &self,
        account: AccountId,
        id: ImportId,
        content: Vec<u8>,
    ) -> Result<(), StoreError> {
        let key = self.import_key(account, id).await?;
        let folder = self.import_folder();
        let mut salt = [0; 32];
        self.inner.random.fill(&mut salt);
        blocking(move || {
            kept_file::make_folder(&folder)?;
            let file = BufWriter::new(NewFile::begin(&folder.join(name_of(id)))?);
            let mut file = SealedWriter::new(file, &key, &Head::new(MAGIC, &salt, HEADER)?)?;
            file.write_all(&content)?;
            file.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.keep()?;
            Ok(())
        })
        .await
    }

    /// At most so many bytes of an import's file from this place on; `None` if the file is not there, or not as it was
    /// written. [`StoreError::Erased`] once the account's keys are destroyed.
    pub async fn read_import(
        &self,
        import: &SuppressionImport,
        offset: u64,
        most: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let key = self.import_key(import.account, import.id).await?;
        let path = self.import_folder().join(name_of(import.id));
        blocking(move || match read(&path, &key, offset, most) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::NotFound | ErrorKind::UnexpectedEof
                ) =>
            {
                Ok(None)
            }
            outcome => outcome,
        })
        .await
    }

    /// The imports that files in the folder are named after, and whether the file is finished.
    pub(super) async fn import_files(&self) -> Result<Vec<(ImportId, bool)>, StoreError> {
        let folder = self.import_folder();
        let names = blocking(move || kept_file::names(&folder)).await?;
        Ok(names.iter().filter_map(|name| Some((id_of(name)?, !name.ends_with(PARTIAL)))).collect())
    }

    /// Deletes the files of these imports, finished or not. What is gone already is gone.
    pub(super) async fn remove_import_files(&self, ids: Vec<ImportId>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let folder = self.import_folder();
        blocking(move || {
            for id in ids {
                for name in [name_of(id), format!(".{}{PARTIAL}", name_of(id))] {
                    gone(kept_file::remove(&folder, &name))?;
                }
            }
            gone(File::open(&folder).and_then(|folder| folder.sync_all()))
        })
        .await
    }

    async fn import_key(&self, account: AccountId, id: ImportId) -> Result<hmac::Key, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        let key = Zeroizing::new(pepper.hash(b"suppression import", &id.to_row()));
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    fn import_folder(&self) -> PathBuf {
        self.inner.data_dir.join("imports")
    }
}

fn read(path: &Path, key: &hmac::Key, offset: u64, most: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut file = BufReader::new(File::open(path)?);
    let head = Head::read(MAGIC, &mut file)?;
    let Some(head) = head.filter(|head| head.header() == HEADER) else { return Ok(None) };
    let mut reader = SealedReader::new(file, key, &head)?;
    // Opens the last chunk: a file that was cut off is known before anything is read from it.
    reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(offset))?;
    let mut piece = Zeroizing::new(Vec::with_capacity(most));
    reader.take(most as u64).read_to_end(&mut piece)?;
    Ok(Some(piece))
}

fn name_of(id: ImportId) -> String {
    format!("{id}{EXTENSION}")
}

fn id_of(name: &str) -> Option<ImportId> {
    let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(PARTIAL)).unwrap_or(name);
    name.strip_suffix(EXTENSION)?.parse().ok()
}

fn gone(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Unavailable(Box::new(error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name_finished_or_not() {
        let id = ImportId::from_u128(7);
        for name in [name_of(id), format!(".{}{PARTIAL}", name_of(id))] {
            assert_eq!(id_of(&name), Some(id));
        }
        for name in ["README", ".import", "x.import", &format!("{id}.csv")] {
            assert_eq!(id_of(name), None, "{name}");
        }
    }
}

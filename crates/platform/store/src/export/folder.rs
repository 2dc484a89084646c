//! The folder of the exports that are kept, `exports` in the data folder: a sealed file each, named after its id.
//!
//! The key that whoever asked was shown opens none of them alone: it is bound to the account's pepper, so that with the
//! account's keys go its exports, wherever a copy of the file is.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use waxseal_model::{AccountId, ExportId};

use crate::{
    error::StoreError,
    export_file::{ExportKey, ExportReader, UNFINISHED},
    kept_file,
    open::Store,
};

/// What the names of files end with.
const EXTENSION: &str = ".export";

impl Store {
    /// Where the file of an export is, or is to be: its folder is made.
    pub async fn export_place(&self, id: ExportId) -> Result<PathBuf, StoreError> {
        let folder = self.folder();
        let path = self.path(id);
        blocking(move || kept_file::make_folder(&folder)).await?;
        Ok(path)
    }

    /// The key that an export of the account is kept under here.
    pub async fn kept_export_key(
        &self,
        account: AccountId,
        shown: &ExportKey,
    ) -> Result<ExportKey, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        Ok(shown.bound(|bytes| pepper.hash(b"export", bytes)))
    }

    /// Opens a kept export with the key that was shown; `None` if the key is another one, or the file is not as it was
    /// written or not there. [`StoreError::Erased`] once the account's keys are destroyed.
    pub async fn open_export(
        &self,
        account: AccountId,
        id: ExportId,
        shown: &ExportKey,
    ) -> Result<Option<ExportReader>, StoreError> {
        let key = self.kept_export_key(account, shown).await?;
        let path = self.path(id);
        let opened = blocking(move || match ExportReader::open(&path, &key) {
            Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound) => Ok(None),
            outcome => outcome,
        });
        opened.await
    }

    /// The ids that files in the folder are named after, and whether the file is finished.
    pub(super) async fn export_files(&self) -> Result<Vec<(ExportId, bool)>, StoreError> {
        let folder = self.folder();
        let names = blocking(move || kept_file::names(&folder)).await?;
        Ok(names.iter().filter_map(|name| Some((id_of(name)?, !name.ends_with(UNFINISHED)))).collect())
    }

    /// Deletes the files of these exports, finished or not. What is gone already is gone.
    pub(super) async fn remove_export_files(&self, ids: Vec<ExportId>) -> Result<(), StoreError> {
        let folder = self.folder();
        blocking(move || {
            for id in ids {
                for name in [name_of(id), format!(".{}{UNFINISHED}", name_of(id))] {
                    gone(kept_file::remove(&folder, &name))?;
                }
            }
            gone(sync(&folder))
        })
        .await
    }

    fn folder(&self) -> PathBuf {
        self.inner.data_dir.join("exports")
    }

    fn path(&self, id: ExportId) -> PathBuf {
        self.folder().join(name_of(id))
    }
}

fn name_of(id: ExportId) -> String {
    format!("{id}{EXTENSION}")
}

fn id_of(name: &str) -> Option<ExportId> {
    let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(UNFINISHED)).unwrap_or(name);
    name.strip_suffix(EXTENSION)?.parse().ok()
}

fn gone(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| StoreError::Unavailable(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name_finished_or_not() {
        let id = ExportId::from_u128(7);
        for name in [name_of(id), format!(".{}{UNFINISHED}", name_of(id))] {
            assert_eq!(id_of(&name), Some(id));
        }
        for name in ["README", ".export", "x.export", &format!("{id}.zip")] {
            assert_eq!(id_of(name), None, "{name}");
        }
    }
}

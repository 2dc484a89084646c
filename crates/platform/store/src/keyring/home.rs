//! Where the keyring lies: in the data folder, or apart from it in a folder of its own, which may be another volume.
//!
//! Apart, it is of one instance: while a process has it no other gets it, and database and ring know each other.

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{DatabaseConnection, EntityTrait as _};

use super::{FILES, Keyring, epoch, spare};
use crate::{
    entity::instance_note,
    error::{OpenError, StoreError},
    instance_secret::InstanceSecret,
    open::{self, Store, StoreConfig},
};

/// The note in the database of the ring that it goes with.
const RING: &str = "keyring";
/// The mark in a ring that a database goes with it. It is no part of copies.
pub(super) const TAKEN: &str = "taken";

/// The folder of the ring, held for this process.
pub(crate) struct Home {
    folder: PathBuf,
    apart: Option<File>,
}

impl Home {
    /// The ring's folder of this configuration, made if it is missing. The data folder has to be held already.
    pub(crate) fn take(config: &StoreConfig) -> Result<Self, OpenError> {
        let data_dir = &config.data_dir;
        let folder = match &config.keys_dir {
            Some(folder) if !is_same(folder, data_dir) => folder.clone(),
            _ => return Ok(Self { folder: data_dir.clone(), apart: None }),
        };
        refuse_left_behind(data_dir, &folder)?;
        open::make_folder(&folder)?;
        refuse_open_to_others(&folder)?;
        let apart = Some(open::lock(&folder)?);
        remove(&data_dir.join(spare::FILE))?;
        Ok(Self { folder, apart })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is not the data folder.
    pub(crate) const fn is_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// The lock that goes with it, if it is apart.
    pub(crate) fn into_lock(self) -> Option<File> {
        self.apart
    }
}

/// Whether both are one folder, however they are named.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => one == other,
    }
}

/// Keys in the data folder are not read where another folder is meant; that nothing of them is left behind is for whoever
/// moves them to see.
fn refuse_left_behind(data_dir: &Path, folder: &Path) -> Result<(), OpenError> {
    let Some(name) = FILES.into_iter().find(|name| data_dir.join(name).exists()) else { return Ok(()) };
    let there = FILES.into_iter().find(|name| folder.join(name).exists());
    let (left, folder) = (data_dir.join(name), folder.display());
    Err(OpenError::Keyring(match there {
        None => format!(
            "{} is there, and `keys.folder` names {folder}: while the server is stopped, move {} from the data folder to it, \
             those that are there, all together",
            left.display(),
            FILES.join(", "),
        ),
        Some(there) => format!(
            "{} is there, and {there} is in {folder}, which `keys.folder` names: either the move is not done, then move the \
             rest of {} while the server is stopped; or these are two key stores, then put the one aside that is not of \
             this instance",
            left.display(),
            FILES.join(", "),
        ),
    }))
}

fn refuse_open_to_others(folder: &Path) -> Result<(), OpenError> {
    let shown = folder.display();
    let about = fs::metadata(folder).map_err(|source| OpenError::File { path: shown.to_string(), source })?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(OpenError::Keyring(format!(
        "others may read or list {shown} (mode {mode:o}), where the keys lie: chmod 700 {shown}"
    )))
}

fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(OpenError::File { path: path.display().to_string(), source })
        }
        _ => Ok(()),
    }
}

/// Whether the database went with a ring that lay apart.
pub(crate) async fn is_noted(db: &DatabaseConnection) -> Result<bool, OpenError> {
    let note = instance_note::Entity::find_by_id(RING).one(db).await;
    note.map(|note| note.is_some()).map_err(|error| OpenError::Database(error.to_string()))
}

impl Store {
    /// Refuses a ring of another instance, and notes on both sides that they go together.
    pub(crate) async fn go_with_keyring(&self, is_new: bool) -> Result<(), OpenError> {
        let failed = |error: StoreError| OpenError::Database(error.to_string());
        let keyring = &self.inner.keyring;
        let ring = keyring.number().await.map_err(failed)?;
        match self.note(RING).await.map_err(failed)? {
            Some(noted) if noted == ring => {}
            None if !is_new || !keyring.is_taken().await.map_err(failed)? => {
                self.write_note(RING, Some(ring)).await.map_err(failed)?;
            }
            _ => {
                return Err(OpenError::Keyring(
                    "the keys in the folder that `keys.folder` names are of another instance than the database: give \
                     each instance a folder of its own (or, if its database was lost, restore a backup first)"
                        .to_owned(),
                ));
            }
        }
        keyring.take().await.map_err(failed)
    }
}

impl Keyring {
    /// What tells this ring from others. It says nothing of its keys.
    async fn number(&self) -> Result<i64, StoreError> {
        let secret = self.secret(InstanceSecret::AuditSigning.name()).await?;
        let hash = digest(&SHA256, &[b"waxseal keyring 1".as_slice(), &*secret].concat());
        let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
        Ok(i64::from_be_bytes(first))
    }

    async fn is_taken(&self) -> Result<bool, StoreError> {
        epoch::has_mark(&self.db, TAKEN).await
    }

    async fn take(&self) -> Result<(), StoreError> {
        if self.is_taken().await? {
            return Ok(());
        }
        epoch::mark(self.writable().await, TAKEN, Vec::new()).await
    }
}

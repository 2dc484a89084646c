//! What copies of the ring open with: a secret in a file beside them, written in place and nowhere else.
//!
//! Before anything in the ring changes that a copy must not undo (a key is destroyed, something is to be erased, an
//! account is closed, a hold is added) the secret is overwritten. So a copy that opens knows of every erasure, and what
//! was destroyed is in no copy that opens, wherever somebody took one.
//!
//! The ring notes where the secret lies. Where it cannot be reached the note stays, and every change tries again.

use std::path::{Path, PathBuf};

use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use waxseal_model::{Random, Timestamp};
use zeroize::Zeroizing;

use super::{
    Keyring,
    entity::ring_mark,
    epoch,
    master::Master,
    slots::{Held, Slot, Slots},
};
use crate::error::{OpenError, StoreError};

/// The mark that says where the secret lies.
pub(super) const MARK: &str = "key copies";

/// Copies of the ring that open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copies {
    /// The file of the secret.
    pub(crate) secret: PathBuf,
    /// Its number.
    pub(crate) number: i64,
    /// When it was made, in microseconds since the epoch.
    pub(crate) made_at: i64,
    /// It should have been overwritten and could not be reached.
    pub(crate) overdue: bool,
}

/// What a copy is sealed under.
pub(crate) struct CopySecret {
    pub(crate) number: i64,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Keyring {
    /// The copies that open; `None` if there are none.
    pub(crate) async fn copies(&self) -> Result<Option<Copies>, StoreError> {
        let corrupt = StoreError::Corrupt { table: "ring_marks", column: "sealed" };
        let Some(mark) = ring_mark::Entity::find_by_id(MARK).one(&self.db).await? else { return Ok(None) };
        let opened = self.master.wrapping().open(MARK.as_bytes(), &mark.sealed);
        let copies = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        copies.map(Some).ok_or(corrupt)
    }

    /// Makes every copy useless that was made so far; whether there is none left that opens.
    pub(crate) async fn retire_all_copies(&self) -> Result<bool, StoreError> {
        let _file = self.file.lock().await;
        self.retire_copies().await
    }

    /// The same for whoever holds the ring's file: before the change that copies must not undo.
    pub(super) async fn retire_copies(&self) -> Result<bool, StoreError> {
        let Some(copies) = self.copies().await? else { return Ok(true) };
        match overwrite(&copies.secret, self.random.as_ref()) {
            Ok(()) => {
                ring_mark::Entity::delete_by_id(MARK).exec(self.writable().await).await?;
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(%error, "copies of the keys from before cannot be made useless; it is tried again");
                if !copies.overdue {
                    self.note_copies(&Copies { overdue: true, ..copies }).await?;
                }
                Ok(false)
            }
        }
    }

    /// Finishes at the start what could not be reached before.
    pub(super) async fn retire_overdue(&self) -> Result<(), StoreError> {
        match self.copies().await? {
            Some(copies) if copies.overdue => self.retire_copies().await.map(drop),
            _ => Ok(()),
        }
    }

    /// Takes an operator's word for it that nobody has the secret any more.
    pub(crate) async fn forget_copies(&self) -> Result<(), StoreError> {
        ring_mark::Entity::delete_by_id(MARK).exec(self.writable().await).await?;
        Ok(())
    }

    /// The secret that copies are sealed under, in this file; made if the one before is overwritten. `None` if copies
    /// still open that were to be useless.
    pub(super) async fn copy_secret(
        &self,
        secret: &Path,
        now: Timestamp,
    ) -> Result<Option<CopySecret>, StoreError> {
        if let Some(copies) = self.copies().await? {
            if !copies.overdue && copies.secret == secret {
                match read_secret(secret, copies.number, &self.master) {
                    Ok(Some(bytes)) => return Ok(Some(CopySecret { number: copies.number, bytes })),
                    // A crash came between the note and the secret.
                    Ok(None) => {}
                    Err(error) => return Err(unavailable(error)),
                }
            }
            if !self.retire_copies().await? {
                return Ok(None);
            }
        }
        let mut number = [0; 8];
        self.random.fill(&mut number);
        let number = i64::from_be_bytes(number) & i64::MAX;
        let slots = Slots::open(secret, true).map_err(unavailable)?;
        // The note first: a secret that nobody knows of could not be overwritten.
        let made_at = now.as_micros();
        self.note_copies(&Copies { secret: secret.to_owned(), number, made_at, overdue: false }).await?;
        let mut bytes = Zeroizing::new(vec![0u8; 32]);
        self.random.fill(&mut bytes);
        let wrapped = self.master.wrapping().seal(self.random.as_ref(), &bound(number), &bytes);
        let wrapped = wrapped.ok_or(StoreError::Corrupt { table: "ring_marks", column: "sealed" })?;
        slots
            .write(Slot::First, &Held { number, wrapped })
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        Ok(Some(CopySecret { number, bytes }))
    }

    /// Notes where a secret lies.
    pub(crate) async fn note_copies(&self, copies: &Copies) -> Result<(), StoreError> {
        let corrupt = StoreError::Corrupt { table: "ring_marks", column: "sealed" };
        let text = serde_json::to_vec(copies).ok();
        let sealed =
            text.and_then(|text| self.master.wrapping().seal(self.random.as_ref(), MARK.as_bytes(), &text));
        epoch::mark(self.writable().await, MARK, sealed.ok_or(corrupt)?).await
    }
}

/// The secret of this number; `None` if it was overwritten.
pub(crate) fn read_secret(
    path: &Path,
    number: i64,
    master: &Master,
) -> Result<Option<Zeroizing<Vec<u8>>>, OpenError> {
    let failed = |source| OpenError::File { path: path.display().to_string(), source };
    let slots = Slots::open(path, false)?;
    for slot in Slot::ALL {
        if let Some(held) = slots.read(slot).map_err(failed)?.filter(|held| held.number == number) {
            return Ok(master.wrapping().open(&bound(number), &held.wrapped));
        }
    }
    Ok(None)
}

/// Overwrites whatever the file holds.
fn overwrite(path: &Path, random: &dyn Random) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.display().to_string(), source };
    if !path.exists() {
        return Err(failed(std::io::ErrorKind::NotFound.into()));
    }
    let slots = Slots::open(path, false)?;
    for slot in Slot::ALL {
        if !slots.is_empty(slot).map_err(failed)? {
            slots.destroy(slot, random).map_err(failed)?;
        }
    }
    Ok(())
}

fn bound(number: i64) -> Vec<u8> {
    [b"waxseal key copy 1".as_slice(), &number.to_be_bytes()].concat()
}

fn unavailable(error: OpenError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

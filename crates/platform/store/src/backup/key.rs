//! The key that backups are sealed under: not one of the ring, and not the master key, so that whoever keeps backups
//! can open them and nothing else.

use std::{io::ErrorKind, path::Path};

use aws_lc_rs::hmac;
use waxseal_model::Random;

use super::BackupError;
use crate::{
    error::OpenError,
    keyring::{command, master},
    open::MasterKey,
};

/// The key.
#[derive(Clone)]
pub struct BackupKey {
    pub(super) key: hmac::Key,
}

impl BackupKey {
    /// Reads the key from where it is; `make` makes a file that is missing, with a new key.
    pub async fn load(source: &MasterKey, make: Option<&dyn Random>) -> Result<Self, BackupError> {
        let wrong = |error: OpenError| match error {
            OpenError::MasterKey(why) => BackupError::Key(why),
            other => BackupError::Key(other.to_string()),
        };
        let bytes = match source {
            MasterKey::Hex(text) => master::parse(text).map_err(wrong)?,
            MasterKey::Command(command) => {
                let text = command::output(command, "backup.key_command").await.map_err(wrong)?;
                master::parse(&text).map_err(wrong)?
            }
            MasterKey::File(path) => match (std::fs::read_to_string(path), make) {
                (Ok(text), _) => master::parse(&zeroize::Zeroizing::new(text)).map_err(wrong)?,
                (Err(error), Some(random)) if error.kind() == ErrorKind::NotFound => {
                    master::make(path, random).map_err(wrong)?
                }
                (Err(error), _) => return Err(missing(path, &error)),
            },
        };
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()) })
    }

    /// The key together with a secret: neither opens anything without the other.
    pub(super) fn with(&self, secret: &[u8]) -> Self {
        let both = [b"waxseal key copy 1".as_slice(), secret].concat();
        let bytes = hmac::sign(&self.key, &zeroize::Zeroizing::new(both));
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()) }
    }

    /// A name for the key that tells nothing about it: a wrong key is told from a damaged file.
    pub(super) fn name(&self) -> String {
        let hash = hmac::sign(&self.key, b"waxseal backup key name 1");
        hex::encode(hash.as_ref().get(..8).unwrap_or_default())
    }
}

fn missing(path: &Path, error: &std::io::Error) -> BackupError {
    let why = if error.kind() == ErrorKind::NotFound {
        "it is missing; put it back from where you keep it, or name it with `backup.key_file`".to_owned()
    } else {
        error.to_string()
    };
    BackupError::Key(format!("{}: {why}", path.display()))
}

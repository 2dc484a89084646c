//! The master key: where it comes from, and wrapping under it.

use std::{
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use waxseal_model::Random;
use zeroize::Zeroizing;

use super::{command, wrapping::Wrapping};
use crate::{error::OpenError, open::MasterKey, seal::derive};

/// The key that wraps all others.
pub(crate) struct Master {
    wrapping: Wrapping,
    bytes: Zeroizing<[u8; 32]>,
}

impl Master {
    /// Reads the master key; on first start a missing file is made with a new one.
    pub(crate) async fn load(
        source: &MasterKey,
        first_start: bool,
        random: &dyn Random,
    ) -> Result<Self, OpenError> {
        let bytes = match source {
            MasterKey::Hex(text) => parse(text)?,
            MasterKey::Command(command) => {
                parse(&command::output(command, "keys.master_key_command").await?)?
            }
            MasterKey::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => parse(&Zeroizing::new(text))?,
                Err(error) if error.kind() == ErrorKind::NotFound && first_start => make(path, random)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(OpenError::MasterKey(format!(
                        "{} is missing, but keys.db was made with it: put the file back from where you keep it",
                        path.display()
                    )));
                }
                Err(source) => return Err(OpenError::File { path: path.display().to_string(), source }),
            },
        };
        let wrapping =
            Wrapping::new(&bytes).ok_or_else(|| OpenError::MasterKey("not a key of 32 bytes".into()))?;
        Ok(Self { wrapping, bytes })
    }

    /// What is wrapped under this key itself: epoch keys, marks, and the keys of a ring without epochs.
    pub(crate) const fn wrapping(&self) -> &Wrapping {
        &self.wrapping
    }

    /// A key for another use, derived from this one.
    pub(crate) fn derive(&self, usage: &[u8]) -> hmac::Key {
        derive(self.bytes.as_slice(), usage)
    }
}

/// A key from its text.
pub(crate) fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let text = text.trim();
    let bytes = Zeroizing::new(
        hex::decode(text)
            .or_else(|_| STANDARD.decode(text))
            .map_err(|_| OpenError::MasterKey("expected 64 hex digits (or 32 bytes in base64)".into()))?,
    );
    <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| {
        OpenError::MasterKey(format!("expected 32 bytes (64 hex digits), found {}", bytes.len()))
    })
}

/// Makes a file with a new key, durable before it is used.
pub(crate) fn make(path: &Path, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let failed = |source| OpenError::File { path: path.display().to_string(), source };
    let mut bytes = Zeroizing::new([0u8; 32]);
    random.fill(bytes.as_mut_slice());
    let mut text = Zeroizing::new(hex::encode(bytes.as_slice()));
    text.push('\n');
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(bytes)
}

//! A folder for everything: the given one, or a temporary one that goes at the end.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use waxseal_model::Random as _;
use waxseal_system::SystemRandom;

/// The folder.
pub(crate) struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    /// `given`, or a fresh one for its owner alone, named after what it is for.
    pub(crate) fn given_or_temporary(purpose: &str, given: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = given {
            return Ok(Self { path, is_temporary: false });
        }
        let mut tag = [0; 8];
        SystemRandom.fill(&mut tag);
        let tag = u64::from_be_bytes(tag);
        let path = std::env::temp_dir().join(format!("waxseal-{purpose}-{tag:016x}"));
        fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, is_temporary: true })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes at the end.
    pub(crate) const fn is_temporary(&self) -> bool {
        self.is_temporary
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_and_a_given_one_stays() {
        let temporary = Folder::given_or_temporary("test", None).expect("folder");
        let path = temporary.path().to_path_buf();
        fs::write(path.join("file"), "text").expect("file");
        drop(temporary);
        assert!(!path.exists());
        let given = tempfile::tempdir().expect("folder");
        drop(Folder::given_or_temporary("test", Some(given.path().into())).expect("folder"));
        assert!(given.path().exists());
    }
}

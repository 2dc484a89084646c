//! A copy of the workspace to break: what git tracks or would track, under `target/mutants`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Mutant;
use crate::workspace;

/// The copy.
pub(super) struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Brings the copy in `folder` up to date. Files that have not changed are left as they are, so that little is built
    /// again.
    pub(super) fn fresh(folder: &Path) -> Result<Self> {
        let root = folder.join("tree");
        let files = workspace::files()?;
        for file in &files {
            let bytes = std::fs::read(workspace::root().join(file))?;
            let to = root.join(file);
            if std::fs::read(&to).is_ok_and(|there| there == bytes) {
                continue;
            }
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::copy(workspace::root().join(file), &to).with_context(|| file.display().to_string())?;
        }
        remove_others(&root, &root, &files)?;
        Ok(Self { root })
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Breaks it, does `work`, and mends it.
    pub(super) fn broken<T>(&self, mutant: &Mutant, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.root.join(&mutant.file);
        let whole = std::fs::read_to_string(&path)?;
        std::fs::write(&path, mutant.apply(&whole).map_err(anyhow::Error::msg)?)?;
        let outcome = work();
        std::fs::write(&path, whole)?;
        outcome
    }
}

/// Deletes what is in the copy and no longer in the workspace.
fn remove_others(root: &Path, folder: &Path, files: &[PathBuf]) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(root, &path, files)?;
        } else if let Ok(file) = path.strip_prefix(root)
            && files.binary_search(&file.to_path_buf()).is_err()
        {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

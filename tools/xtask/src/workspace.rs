//! The workspace as cargo and git see it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::commands;

/// The platform that packages are counted for.
pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// What `cargo metadata` tells, as far as the checks need it.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Resolve,
    pub(crate) target_directory: PathBuf,
}

/// A package of the dependency tree.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line in a package's manifest.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
}

impl Dependency {
    /// Whether it is for tests alone.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// The tree as cargo resolved it.
#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// A package in the tree.
#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let arguments = ["metadata", "--format-version=1", "--locked", "--filter-platform", LINUX];
        let json = commands::output(&cargo(), &arguments, &root())?;
        serde_json::from_str(&json).context("cargo metadata")
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// All packages by id.
    pub(crate) fn by_id(&self) -> BTreeMap<&str, &Package> {
        self.packages.iter().map(|package| (package.id.as_str(), package)).collect()
    }
}

impl Package {
    /// Whether it comes from another registry than crates.io, or from a repository.
    pub(crate) fn is_from_elsewhere(&self) -> bool {
        self.source.as_deref().is_some_and(|source| !source.contains("github.com/rust-lang/crates.io-index"))
    }

    /// The package's folder, relative to the workspace.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        folder.strip_prefix(root()).unwrap_or(folder).to_path_buf()
    }
}

/// The workspace's folder: that of the run, for one build may serve several checkouts.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Every file that git tracks or would track, relative to the workspace; every file, where there is no git.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    // The checkout may belong to somebody else, as in a container.
    let arguments =
        ["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let mut files: Vec<PathBuf> = match commands::output("git", &arguments, &root()) {
        Ok(listed) => listed.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect(),
        Err(_) => {
            let mut found = Vec::new();
            walk(&root(), &mut found)?;
            found
        }
    };
    files.retain(|path| root().join(path).is_file());
    files.sort();
    Ok(files)
}

/// Whether a file is Rust.
pub(crate) fn has_code(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            walk(&path, found)?;
        } else if let Ok(relative) = path.strip_prefix(root()) {
            found.push(relative.to_path_buf());
        }
    }
    Ok(())
}

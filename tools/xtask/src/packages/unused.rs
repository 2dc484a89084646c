//! Dependencies that a manifest names and no source uses.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    report::Findings,
    workspace::{self, Metadata},
};

pub(super) fn check(metadata: &Metadata, findings: &mut Findings) -> Result<()> {
    let files = workspace::files()?;
    let mut used_somewhere = BTreeSet::new();
    for package in metadata.members() {
        let folder = package.folder();
        let mut sources = String::new();
        for file in files.iter().filter(|file| file.starts_with(&folder) && has_code(file)) {
            sources.push_str(&std::fs::read_to_string(workspace::root().join(file))?);
        }
        for dependency in &package.dependencies {
            used_somewhere.insert(dependency.name.clone());
            if !mentions(&sources, &dependency.name.replace('-', "_")) {
                findings
                    .problem(format!("{} depends on {} and does not use it", package.name, dependency.name));
            }
        }
    }
    let manifest: toml::Table = std::fs::read_to_string(workspace::root().join("Cargo.toml"))?.parse()?;
    let offered = manifest["workspace"]["dependencies"].as_table().context("[workspace.dependencies]")?;
    for name in offered.keys().filter(|name| !used_somewhere.contains(*name)) {
        findings.problem(format!("the workspace offers {name} and no crate takes it"));
    }
    Ok(())
}

fn has_code(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
}

/// Whether `name` is there as a whole word.
fn mentions(sources: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    sources.match_indices(name).any(|(at, _)| {
        let before = sources[..at].chars().next_back();
        let after = sources[at + name.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_count() {
        assert!(mentions("use serde::Deserialize;", "serde"));
        assert!(!mentions("use serde_json::Value;", "serde"));
    }
}

//! Files and words: what a reader stumbles over is found before they do.

mod links;
mod source;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use anyhow::Result;

use crate::{mutants, report::Findings, workspace};

/// Checks every file that git tracks or would track.
pub(crate) fn check() -> Result<Findings> {
    let mut findings = Findings::of("tidy");
    let files = workspace::files()?;
    let mut looked_at = 0;
    for path in &files {
        let Ok(text) = std::fs::read_to_string(workspace::root().join(path)) else {
            continue; // not text
        };
        if is_data(path) {
            continue;
        }
        looked_at += 1;
        look_at(path, &text, &mut findings);
        if has_extension(path, "md") {
            links::check(path, &text, &workspace::root(), &mut findings);
        }
    }
    floors_keep_the_bans(&mut findings)?;
    mutants::check(&mut findings)?;
    findings.looked_at(format!("{looked_at} files"));
    Ok(findings)
}

/// Clippy reads one clippy.toml alone, the nearest: those of the floors have to repeat the workspace's.
fn floors_keep_the_bans(findings: &mut Findings) -> Result<()> {
    let read = |path: &str| std::fs::read_to_string(workspace::root().join(path));
    let whole = read("clippy.toml")?;
    for path in ["crates/services/clippy.toml", "crates/doors/clippy.toml"] {
        let floor = read(path)?;
        for line in whole.lines().filter(|line| !floor.contains(line)) {
            findings.problem(format!("{path}: lacks `{}` of the workspace's clippy.toml", line.trim()));
        }
    }
    Ok(())
}

fn look_at(path: &Path, text: &str, findings: &mut Findings) {
    words::check(path, text, findings);
    if has_extension(path, "rs") {
        source::check(path, text, findings);
    }
}

/// Test vectors and lock files are as they came.
fn is_data(path: &Path) -> bool {
    let folders = ["corpus", "corpora", "seeds", "testdata", "fixtures", "snapshots", "vectors"];
    path.iter().any(|part| folders.iter().any(|folder| part.eq_ignore_ascii_case(folder)))
        || ["lock", "eml", "snap", "proptest-regressions"].iter().any(|ending| has_extension(path, ending))
        || path.file_name().is_some_and(|name| name == "package-lock.json")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

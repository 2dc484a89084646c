//! The fuzz workspace: every target compiles, has a corpus, and a test of a crate replays that corpus.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use crate::{
    commands,
    report::Findings,
    workspace::{self, Metadata},
};

/// Checks the targets against their corpora and replays, then compiles them.
pub(crate) fn check() -> Result<Findings> {
    let mut findings = Findings::of("fuzz");
    let targets = targets()?;
    let files = workspace::files()?;
    let mut replays = String::new();
    for file in files.iter().filter(|file| file.starts_with("crates") && workspace::has_code(file)) {
        let source = std::fs::read_to_string(workspace::root().join(file))?;
        if source.contains("fuzz/replay.rs") {
            replays.push_str(&source);
        }
    }
    let names: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    for target in &targets {
        let corpus = format!("fuzz/corpus/{target}/");
        if !names.iter().any(|name| name.starts_with(&corpus)) {
            findings.problem(format!("{target} has no input in {corpus}: commit some with `git add -f`"));
        }
        if !names.contains(&format!("fuzz/oracles/{target}.rs")) {
            findings.problem(format!("{target} has no fuzz/oracles/{target}.rs that says what must hold"));
        }
        if !replays.contains(&format!("replay(\"{target}\"")) {
            findings.problem(format!("no test replays the corpus of {target}: call fuzz/replay.rs with it"));
        }
    }
    for name in names.iter().filter_map(|name| name.strip_prefix("fuzz/corpus/")) {
        let target = name.split('/').next().unwrap_or_default();
        if !targets.contains(target) {
            findings.problem(format!("fuzz/corpus/{target} belongs to no target"));
        }
    }
    compile()?;
    findings.looked_at(format!("{} targets", targets.len()));
    Ok(findings)
}

/// The names of the targets, from the manifest.
fn targets() -> Result<BTreeSet<String>> {
    let manifest: toml::Table =
        std::fs::read_to_string(workspace::root().join("fuzz/Cargo.toml"))?.parse()?;
    let targets =
        manifest.get("bin").and_then(|bins| bins.as_array()).context("[[bin]] in fuzz/Cargo.toml")?;
    let name = |target: &toml::Value| Some(target.get("name")?.as_str()?.to_owned());
    Ok(targets.iter().filter_map(name).collect())
}

/// Compiles them without instruments, which needs no nightly, where everything else is built too.
fn compile() -> Result<()> {
    let target = Metadata::read()?.target_directory.to_string_lossy().into_owned();
    let here = ["--locked", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", &target];
    let arguments = match commands::output(&workspace::cargo(), &["clippy", "--version"], &workspace::root())
    {
        Ok(_) => [&["clippy"][..], &here, &["--", "-D", "warnings"]].concat(),
        Err(_) => [&["check"][..], &here].concat(),
    };
    commands::run(&workspace::cargo(), &arguments, &workspace::root(), &[])
}

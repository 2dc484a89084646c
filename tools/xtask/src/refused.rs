//! What the compiler must refuse: each file of `tests/refused` of the model, with the error it names in its first line.
//!
//! All cases are checked together, as programs of one crate. Those of `tests/allowed` must compile, so that a refusal is
//! not just a typing error that all have in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    report::Findings,
    workspace::{self, Metadata},
};

/// Where the cases are.
const CASES: &str = "crates/core/model/tests";
/// So many at least.
const FEWEST: usize = 20;

/// Checks every case.
pub(crate) fn check() -> Result<Findings> {
    let (refused, allowed) = (cases("refused")?, cases("allowed")?);
    let mut findings = Findings::of("refused");
    ensure!(refused.len() >= FEWEST, "{} cases are fewer than {FEWEST}", refused.len());
    let said = compile(refused.iter().chain(&allowed))?;
    for (name, path) in &refused {
        let text = std::fs::read_to_string(path)?;
        let wanted = text.strip_prefix("//! ").and_then(|text| text.split_once(": ")).map(|(code, _)| code);
        let wanted = wanted.with_context(|| format!("{name}: its first line is not `//! CODE: why`"))?;
        let codes = said.get(name).cloned().unwrap_or_default();
        if codes.iter().ne([wanted]) {
            let codes: Vec<_> = codes.into_iter().collect();
            findings.problem(format!("{name}: {wanted} is wanted, the compiler said: {codes:?}"));
        }
    }
    for name in allowed.keys() {
        if let Some(codes) = said.get(name) {
            findings.problem(format!("{name}: does not compile: {codes:?}"));
        }
    }
    findings.looked_at(format!("{} refused, {} allowed", refused.len(), allowed.len()));
    Ok(findings)
}

/// The files of a folder, by what they are called.
fn cases(folder: &str) -> Result<BTreeMap<String, PathBuf>> {
    let files = std::fs::read_dir(workspace::root().join(CASES).join(folder))?;
    let mut cases = BTreeMap::new();
    for file in files {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        cases.insert(format!("{folder}_{name}"), path);
    }
    Ok(cases)
}

/// The codes of errors, by case; a case that compiles has none.
fn compile<'a>(
    cases: impl Iterator<Item = (&'a String, &'a PathBuf)>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let target = Metadata::read()?.target_directory.join("refused");
    make_crate(&target.join("crate"), cases)?;
    let output = Command::new(workspace::cargo())
        .args(["check", "--bins", "--keep-going", "--offline", "--quiet", "--message-format=json"])
        .current_dir(target.join("crate"))
        .env("CARGO_TARGET_DIR", target.join("target"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut looked_at = 0;
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let line: Value = serde_json::from_slice(line)?;
        let is_ours = line["target"]["kind"][0] == "bin";
        if is_ours && line["reason"] == "compiler-artifact" {
            looked_at += 1;
        }
        if is_ours && line["reason"] == "compiler-message" && line["message"]["level"] == "error" {
            let name = line["target"]["name"].as_str().unwrap_or_default().to_owned();
            let codes = said.entry(name).or_default();
            codes.extend(line["message"]["code"]["code"].as_str().map(str::to_owned));
        }
    }
    // Without a single program that compiled, something else is wrong.
    ensure!(looked_at > 0, "nothing compiles: {}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

/// A crate with a program for each case.
fn make_crate<'a>(folder: &Path, cases: impl Iterator<Item = (&'a String, &'a PathBuf)>) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let model = workspace::root().join("crates/core/model");
    let mut manifest = format!(
        "[package]\nname = \"refused\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nserde_json = \"1\"\nwaxseal-model = {{ path = {model:?} }}\n"
    );
    for (name, path) in cases {
        write!(manifest, "\n[[bin]]\nname = {name:?}\npath = {path:?}\n")?;
    }
    // The versions of the workspace, which are on this machine.
    std::fs::copy(workspace::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(std::fs::write(folder.join("Cargo.toml"), manifest)?)
}

//! Dependencies that a manifest names and no source uses, or only tests do.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    report::Findings,
    workspace::{self, Metadata, Package},
};

pub(super) fn check(metadata: &Metadata, findings: &mut Findings) -> Result<()> {
    let mut used_somewhere = BTreeSet::new();
    for package in metadata.members() {
        let (own, tests) = sources(package)?;
        for dependency in &package.dependencies {
            used_somewhere.insert(dependency.name.clone());
            let name = dependency.name.replace('-', "_");
            let problem = if dependency.is_dev() {
                (!uses(&own, &name) && !uses(&tests, &name)).then_some("does not use it")
            } else if !uses(&own, &name) {
                Some("uses it in tests alone, if at all: [dev-dependencies]")
            } else {
                None
            };
            if let Some(problem) = problem {
                findings.problem(format!("{} depends on {} and {problem}", package.name, dependency.name));
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

/// The code of a package without comments: what is built into it, and its tests and examples.
fn sources(package: &Package) -> Result<(String, String)> {
    let folder = package.folder();
    let (mut own, mut tests) = (String::new(), String::new());
    for file in workspace::files()?.iter().filter(|file| workspace::has_code(file)) {
        let Ok(inside) = file.strip_prefix(&folder) else { continue };
        let text = std::fs::read_to_string(workspace::root().join(file))?;
        let code = without_comments(&text);
        tests.push_str(&oracles(&code)?);
        if !inside.starts_with("src") && inside != Path::new("build.rs") || inside.ends_with("tests.rs") {
            tests.push_str(&code);
            continue;
        }
        match code.split_once("#[cfg(test)]\nmod tests {") {
            Some((before, behind)) => {
                own.push_str(before);
                tests.push_str(behind);
            }
            None => own.push_str(&code),
        }
    }
    Ok((own, tests))
}

/// What a file takes in of the fuzz targets.
fn oracles(code: &str) -> Result<String> {
    const FOLDER: &str = "fuzz/oracles/";
    let folder = workspace::root().join(FOLDER);
    let names = code.split(FOLDER).skip(1).filter_map(|behind| behind.split('"').next());
    let paths = names.map(|name| folder.join(name)).filter(|path| path.is_file());
    Ok(paths.map(std::fs::read_to_string).collect::<std::io::Result<String>>()?)
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether code names the crate as a path's start (`name::`), in `use name`, or by one of its macros.
fn uses(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        if before.chars().next_back().is_some_and(is_word) && !is_absolute(before) {
            return false;
        }
        after.starts_with("::")
            || before.ends_with("use ") && after.starts_with([';', ' '])
            || before.ends_with("extern crate ")
    })
}

/// `::name`, where what stands before names no other path.
fn is_absolute(before: &str) -> bool {
    before.strip_suffix("::").is_some_and(|rest| !rest.chars().next_back().is_some_and(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_count() {
        for code in ["use serde::Deserialize;", "use serde;", "#[derive(serde::Serialize)]", "x: ::serde::X"]
        {
            assert!(uses(code, "serde"), "{code}");
        }
        for code in ["use serde_json::Value;", "\"serde\"", "let serde = 1;", "crate::serde::x()"] {
            assert!(!uses(code, "serde"), "{code}");
        }
        assert!(!uses(&without_comments("// serde::x\n  /// serde::y\n"), "serde"));
    }
}

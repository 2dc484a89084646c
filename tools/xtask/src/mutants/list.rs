//! The list of mutants: read, and held against the sources they break.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{
    report::Findings,
    workspace::{self, Metadata},
};

/// Where the list is.
const LIST: &str = "tools/xtask/mutants.toml";

/// A mechanism taken out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// What to call it.
    pub(crate) name: String,
    /// What no longer holds.
    pub(crate) breaks: String,
    /// Rows of the table of promises that rest on it.
    #[serde(default)]
    pub(crate) rows: Vec<String>,
    /// File that is changed.
    pub(crate) file: String,
    /// Text that stands in it once.
    pub(crate) from: String,
    /// What stands there instead.
    pub(crate) to: String,
    /// Package of the test that notices.
    pub(crate) package: String,
    /// The test: part of its name. Empty if the mutant must not compile.
    #[serde(default)]
    pub(crate) test: String,
}

impl Mutant {
    /// Whether it is the compiler that notices.
    pub(crate) const fn must_not_compile(&self) -> bool {
        self.test.is_empty()
    }

    /// The changed text of its file.
    pub(crate) fn apply(&self, text: &str) -> Result<String, String> {
        let name = &self.name;
        match text.matches(&self.from).count() {
            1 if self.from == self.to => Err(format!("{LIST}: {name} changes nothing")),
            1 => Ok(text.replacen(&self.from, &self.to, 1)),
            found => Err(format!(
                "{LIST}: {name}: its `from` stands {found} times in {}, not once: let it break the same mechanism again",
                self.file
            )),
        }
    }
}

/// Reads the list.
pub(crate) fn read() -> Result<Vec<Mutant>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        mutant: Vec<Mutant>,
    }
    let text = std::fs::read_to_string(workspace::root().join(LIST)).context(LIST)?;
    Ok(toml::from_str::<List>(&text).context(LIST)?.mutant)
}

/// Every mutant applies, its test is there, and each promise that is said to work has one.
pub(crate) fn check(findings: &mut Findings) -> Result<()> {
    let all = read()?;
    apply_all(&all, findings);
    let sources = sources()?;
    let metadata = Metadata::read()?;
    let folders: BTreeMap<&str, String> = metadata
        .members()
        .map(|member| (member.name.as_str(), member.folder().to_string_lossy().into_owned()))
        .collect();
    for mutant in all.iter().filter(|mutant| !mutant.must_not_compile()) {
        let function = mutant.test.rsplit("::").next().unwrap_or_default();
        let Some(folder) = folders.get(mutant.package.as_str()) else {
            findings.problem(format!("{LIST}: {}: there is no package {}", mutant.name, mutant.package));
            continue;
        };
        let is_there = sources
            .iter()
            .any(|(path, text)| path.starts_with(folder) && text.contains(&format!("fn {function}(")));
        if !is_there {
            findings.problem(format!("{LIST}: {}: {} has no test {function}", mutant.name, mutant.package));
        }
    }
    let covered: BTreeSet<&str> =
        all.iter().flat_map(|mutant| mutant.rows.iter().map(String::as_str)).collect();
    for row in rows_that_work(&sources) {
        if !covered.contains(row.as_str()) {
            findings.problem(format!(
                "{LIST}: row {row} of the promises is said to work, and no mutant shows that a test would notice"
            ));
        }
    }
    Ok(())
}

/// Notes every mutant that does not apply, and names that are used twice.
pub(crate) fn apply_all(all: &[Mutant], findings: &mut Findings) {
    let mut names = BTreeSet::new();
    for mutant in all {
        if !names.insert(&mutant.name) {
            findings.problem(format!("{LIST}: {} is there twice", mutant.name));
        }
        match std::fs::read_to_string(workspace::root().join(&mutant.file)) {
            Ok(text) => mutant.apply(&text).map_or_else(|problem| findings.problem(problem), drop),
            Err(error) => findings.problem(format!("{LIST}: {}: {}: {error}", mutant.name, mutant.file)),
        }
    }
}

fn sources() -> Result<Vec<(String, String)>> {
    let mut sources = Vec::new();
    for path in workspace::files()?.into_iter().filter(|path| workspace::has_code(path)) {
        let text = std::fs::read_to_string(workspace::root().join(&path))?;
        sources.push((path.to_string_lossy().into_owned(), text));
    }
    Ok(sources)
}

/// Rows of the table of promises of which nothing is missing.
fn rows_that_work(sources: &[(String, String)]) -> Vec<String> {
    let tables = sources.iter().filter(|(path, _)| path.starts_with("crates/waxseal/src/policy/"));
    let rows = tables.flat_map(|(_, text)| text.split("row: \"").skip(1));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once('"')?;
        let own = rest.split_once("check:").map_or(rest, |(own, _)| own);
        own.contains("missing: None").then(|| name.to_owned())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(from: &str, to: &str) -> Mutant {
        Mutant {
            name: "m".into(),
            breaks: "it".into(),
            rows: Vec::new(),
            file: "f.rs".into(),
            from: from.into(),
            to: to.into(),
            package: "p".into(),
            test: "t".into(),
        }
    }

    #[test]
    fn a_mutant_applies_where_its_text_stands_once() {
        assert_eq!(mutant("b", "x").apply("abc"), Ok("axc".to_owned()));
        for (from, to, text) in [("b", "x", "aac"), ("b", "x", "bcb"), ("b", "b", "abc")] {
            assert!(mutant(from, to).apply(text).is_err(), "{from} {to} {text}");
        }
    }

    #[test]
    fn rows_of_which_nothing_is_missing_are_found() {
        let text = "Row { row: \"P1\", missing: None, check: x }, Row { row: \"P2\", missing: Some(\"y\"), check: z }";
        let found = rows_that_work(&[("crates/waxseal/src/policy/a.rs".into(), text.into())]);
        assert_eq!(found, ["P1"]);
    }
}

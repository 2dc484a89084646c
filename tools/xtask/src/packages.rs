//! What is built from elsewhere: how many packages, under which licences, from where, and which never. The lists
//! are those of `deny.toml`, so that cargo-deny says the same.

mod licences;
mod unused;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use crate::{
    commands,
    report::Findings,
    workspace::{self, LINUX, Metadata},
};

/// The most packages that the binary may be built from.
const MOST: usize = 500;

/// Checks number, licences and bans.
pub(crate) fn check() -> Result<Findings> {
    let mut findings = Findings::of("packages");
    let lists = Lists::read()?;
    let built = tree(&["--package", "waxseal", "--edges", "normal,build"])?;
    if built.len() > MOST {
        findings.problem(format!("{} packages are built for Linux; {MOST} are the most", built.len()));
    }
    for name in tree(&["--workspace", "--edges", "normal,build,dev"])? {
        if lists.banned.iter().any(|banned| name.split(' ').next() == Some(banned)) {
            findings.problem(format!("{name} is built: aws-lc-rs and rustls do all cryptography"));
        }
    }
    let metadata = Metadata::read()?;
    licences::check(&metadata, &lists.licences, &mut findings);
    for package in metadata.packages.iter().filter(|package| package.is_from_elsewhere()) {
        findings.problem(format!("{} comes neither from crates.io nor from this repository", package.name));
    }
    unused::check(&metadata, &mut findings)?;
    findings.looked_at(format!("{} packages built for Linux, {MOST} allowed", built.len()));
    Ok(findings)
}

/// What `deny.toml` allows and forbids.
struct Lists {
    licences: Vec<String>,
    banned: Vec<String>,
}

impl Lists {
    fn read() -> Result<Self> {
        let deny: toml::Table = std::fs::read_to_string(workspace::root().join("deny.toml"))?.parse()?;
        let list = |section: &str, key: &str| {
            let list =
                deny.get(section).and_then(|section| section.get(key)).and_then(|list| list.as_array());
            list.filter(|list| !list.is_empty()).with_context(|| format!("{key} of [{section}] in deny.toml"))
        };
        let text = |value: &toml::Value| value.as_str().map(str::to_owned);
        Ok(Self {
            licences: list("licenses", "allow")?.iter().filter_map(text).collect(),
            banned: list("bans", "deny")?.iter().filter_map(|ban| text(ban.get("crate")?)).collect(),
        })
    }
}

/// The unique packages of a dependency tree, as `name vVERSION`.
fn tree(arguments: &[&str]) -> Result<BTreeSet<String>> {
    let common = ["tree", "--locked", "--prefix", "none", "--format", "{p}", "--target", LINUX];
    let arguments: Vec<&str> = common.iter().chain(arguments).copied().collect();
    let listed = commands::output(&workspace::cargo(), &arguments, &workspace::root())?;
    Ok(listed
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect())
}

//! What is built from elsewhere: how many packages, under which licences, and which never. `deny.toml` says the
//! same to cargo-deny, for those who have it.

mod licences;
mod unused;

use std::collections::BTreeSet;

use anyhow::Result;

use crate::{
    commands,
    report::Findings,
    workspace::{self, LINUX, Metadata},
};

/// The most packages that the binary may be built from.
const MOST: usize = 500;

/// Never built: one crypto provider, one TLS.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "ring", "boring"];

/// Checks number, licences and bans.
pub(crate) fn check() -> Result<Findings> {
    let mut findings = Findings::of("packages");
    let built = tree(&["--package", "waxseal", "--edges", "normal,build"])?;
    if built.len() > MOST {
        findings.problem(format!("{} packages are built for Linux; {MOST} are the most", built.len()));
    }
    for name in tree(&["--workspace", "--edges", "normal,build,dev"])? {
        if BANNED.iter().any(|banned| name.split(' ').next() == Some(banned)) {
            findings.problem(format!("{name} is built: aws-lc-rs and rustls do all cryptography"));
        }
    }
    let metadata = Metadata::read()?;
    licences::check(&metadata, &mut findings);
    unused::check(&metadata, &mut findings)?;
    findings.looked_at(format!("{} packages built for Linux, {MOST} allowed", built.len()));
    Ok(findings)
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

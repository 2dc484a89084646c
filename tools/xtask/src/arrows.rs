//! Arrows run downwards: a crate imports its own floor or below, and only the outside crates that its
//! floor may use. The floor is the folder.

mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use crate::{report::Findings, workspace::Metadata};

/// A floor of the house, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Floor {
    Core,
    Platform,
    Services,
    Doors,
    Binary,
    /// Beside the house: may import everything, is imported by tests alone.
    Tools,
}

/// One of the workspace's crates, as far as its arrows go.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Folder, relative to the workspace.
    pub(crate) folder: String,
    /// Names of everything it depends on, with whether that is for tests alone.
    pub(crate) dependencies: Vec<(String, bool)>,
    /// Whether it takes the workspace's lints.
    pub(crate) has_lints: bool,
}

impl Crate {
    fn floor(&self) -> Option<Floor> {
        let floors = [
            ("crates/core/", Floor::Core),
            ("crates/platform/", Floor::Platform),
            ("crates/services/", Floor::Services),
            ("crates/doors/", Floor::Doors),
            ("crates/waxseal", Floor::Binary),
            ("tools/", Floor::Tools),
        ];
        floors.into_iter().find(|(prefix, _)| self.folder.starts_with(prefix)).map(|(_, floor)| floor)
    }
}

/// Checks the arrows of this workspace.
pub(crate) fn check() -> Result<Findings> {
    let crates = read()?;
    let mut findings = Findings::of("arrows");
    judge(&crates, &mut findings);
    let arrows: usize = crates.iter().map(|own| own.dependencies.len()).sum();
    findings.looked_at(format!("{} crates, {arrows} arrows", crates.len()));
    rules::sockets(&mut findings)?;
    Ok(findings)
}

fn read() -> Result<Vec<Crate>> {
    let metadata = Metadata::read()?;
    metadata
        .members()
        .map(|package| {
            let manifest = std::fs::read_to_string(&package.manifest_path)?;
            let manifest: toml::Table = manifest.parse().context(package.name.clone())?;
            let lints =
                manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
            Ok(Crate {
                name: package.name.clone(),
                folder: package.folder().to_string_lossy().into_owned(),
                dependencies: package.dependencies.iter().map(|d| (d.name.clone(), d.is_dev())).collect(),
                has_lints: lints == Some(true),
            })
        })
        .collect()
}

fn judge(crates: &[Crate], findings: &mut Findings) {
    let floors: BTreeMap<&str, Floor> =
        crates.iter().filter_map(|own| Some((own.name.as_str(), own.floor()?))).collect();
    for own in crates {
        let Some(floor) = own.floor() else {
            findings.problem(format!("{} lies in {}, which is no floor of the house", own.name, own.folder));
            continue;
        };
        if !own.has_lints {
            findings.problem(format!("{} lacks `[lints] workspace = true`", own.name));
        }
        for (dependency, for_tests) in &own.dependencies {
            match floors.get(dependency.as_str()) {
                Some(Floor::Tools) if *for_tests || floor == Floor::Tools => {}
                Some(below) if *below <= floor => {}
                Some(above) => findings.problem(format!(
                    "{} ({floor:?}) imports {dependency} ({above:?}): imports run downwards only",
                    own.name
                )),
                None if *for_tests => {}
                None => rules::outside(&own.name, floor, dependency, findings),
            }
        }
    }
    cycles(crates, findings);
}

/// Names every crate that reaches itself. Cargo refuses cycles of ordinary dependencies; this sees those
/// through tests as well, except by way of the tools, which test the whole house.
fn cycles(crates: &[Crate], findings: &mut Findings) {
    let house: BTreeMap<&str, &Crate> = crates
        .iter()
        .filter(|own| own.floor() != Some(Floor::Tools))
        .map(|own| (own.name.as_str(), own))
        .collect();
    for start in house.keys() {
        let mut seen = BTreeSet::new();
        let mut open = vec![*start];
        while let Some(at) = open.pop() {
            let next = house.get(at).map(|own| own.dependencies.as_slice()).unwrap_or_default();
            for (dependency, _) in next {
                if dependency == start {
                    findings.problem(format!("{start} imports itself by way of {at}"));
                }
                if let Some((name, _)) = house.get_key_value(dependency.as_str())
                    && seen.insert(*name)
                {
                    open.push(name);
                }
            }
        }
    }
}

//! Running the tests: first whole, where they must pass, then broken, where they must not.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{Mutant, copy::Copy};
use crate::workspace::{self, Metadata};

/// How a run of tests ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It does not compile.
    Unbuilt,
    /// So many tests passed.
    Passed(u64),
    /// One failed, or the program died.
    Failed,
}

/// Breaks each of them.
pub(super) fn all(chosen: &[&Mutant]) -> Result<()> {
    let folder = Metadata::read()?.target_directory.join("mutants");
    let copy = Copy::fresh(&folder)?;
    let workshop = Workshop { root: copy.root().to_owned(), target: folder.join("target") };
    // All of what is whole first: then one build serves it, and a mutant costs one build instead of two.
    let mut wholes: BTreeMap<(&str, &str), Ended> = BTreeMap::new();
    for mutant in chosen {
        if let Entry::Vacant(place) = wholes.entry((&mutant.package, &mutant.test)) {
            place.insert(workshop.test(mutant)?);
        }
    }
    let (mut killed, mut others) = (0, Vec::new());
    for (number, mutant) in chosen.iter().enumerate() {
        let whole = wholes[&(mutant.package.as_str(), mutant.test.as_str())];
        let broken = copy.broken(mutant, || workshop.test(mutant))?;
        let verdict = verdict(mutant, whole, broken);
        println!("{}/{} {:<28} {}: {}", number + 1, chosen.len(), mutant.name, mutant.breaks, verdict);
        if verdict == KILLED {
            killed += 1;
        } else {
            others.push(format!("{}: {verdict}", mutant.name));
        }
    }
    println!("mutants: {killed} of {} killed", chosen.len());
    if !others.is_empty() {
        bail!("not killed:\n  {}", others.join("\n  "));
    }
    Ok(())
}

const KILLED: &str = "killed";

fn verdict(mutant: &Mutant, whole: Ended, broken: Ended) -> &'static str {
    match (mutant.must_not_compile(), whole, broken) {
        (_, Ended::Unbuilt, _) => "the workspace itself does not compile",
        (_, Ended::Failed, _) => "its test fails without it, too",
        (false, Ended::Passed(0), _) => "no test has that name",
        (true, _, Ended::Unbuilt) | (false, _, Ended::Failed) => KILLED,
        (false, _, Ended::Unbuilt) => "it does not compile, so that it shows nothing",
        (true, _, Ended::Passed(_) | Ended::Failed) => "survived: it compiles",
        (false, _, Ended::Passed(_)) => "survived",
    }
}

/// Where tests are built and run.
struct Workshop {
    root: PathBuf,
    target: PathBuf,
}

impl Workshop {
    /// Runs a mutant's test as the copy is now.
    fn test(&self, mutant: &Mutant) -> Result<Ended> {
        let build = ["test", "--locked", "--quiet", "--package", &mutant.package, "--no-run"];
        if !self.cargo(&build)?.0 {
            return Ok(Ended::Unbuilt);
        }
        if mutant.must_not_compile() {
            return Ok(Ended::Passed(1));
        }
        let run = [
            "test",
            "--locked",
            "--quiet",
            "--package",
            &mutant.package,
            "--no-fail-fast",
            "--",
            &mutant.test,
        ];
        let (fine, said) = self.cargo(&run)?;
        Ok(if fine { Ended::Passed(passed(&said)) } else { Ended::Failed })
    }

    fn cargo(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let output = Command::new(workspace::cargo())
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .context("cargo")?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}

/// How many tests passed, over all programs of a package.
fn passed(said: &str) -> u64 {
    let counts = said.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    counts.filter_map(|rest| rest.split_once(" passed")?.0.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_programs() {
        let said = "running 1 test\n.\ntest result: ok. 1 passed; 0 failed; 0 ignored\n\n\
                    running 0 tests\n\ntest result: ok. 0 passed; 0 failed\ntest result: ok. 2 passed; 0 failed\n";
        assert_eq!(passed(said), 3);
    }

    #[test]
    fn only_a_test_that_ran_and_then_failed_kills() {
        let list = super::super::list::read().expect("the list");
        let by_test = list.iter().find(|mutant| !mutant.must_not_compile()).expect("one with a test");
        assert_eq!(verdict(by_test, Ended::Passed(1), Ended::Failed), KILLED);
        for (whole, broken) in [
            (Ended::Passed(0), Ended::Failed),
            (Ended::Failed, Ended::Failed),
            (Ended::Passed(1), Ended::Passed(1)),
            (Ended::Passed(1), Ended::Unbuilt),
            (Ended::Unbuilt, Ended::Unbuilt),
        ] {
            assert_ne!(verdict(by_test, whole, broken), KILLED, "{whole:?} {broken:?}");
        }
    }
}

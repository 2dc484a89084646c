//! Running the tests: first whole, where they must pass, then broken, where they must not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Command, Stdio},
    slice,
};

use anyhow::{Context as _, Result, bail};

use super::{
    Mutant,
    copy::Copy,
    programs::{self, Program},
};
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

/// The programs of a package's tests, and how their tests ended without a mutant.
struct Whole {
    programs: Vec<Program>,
    outcomes: BTreeMap<String, bool>,
}

/// Breaks each of them.
pub(super) fn all(chosen: &[&Mutant]) -> Result<()> {
    let folder = Metadata::read()?.target_directory.join("mutants");
    let copy = Copy::fresh(&folder)?;
    let workshop = Workshop { root: copy.root().to_owned(), target: folder.join("target") };
    // All of what is whole first: then one build serves it, and a mutant costs one build instead of two.
    let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for mutant in chosen {
        packages.entry(&mutant.package).or_default().insert(&mutant.test);
    }
    let mut wholes = BTreeMap::new();
    for (package, tests) in packages {
        wholes.insert(package, workshop.whole(package, &tests)?);
        println!("{package}: {} tests without a mutant", tests.len());
    }
    let (mut killed, mut others) = (0, Vec::new());
    for (number, mutant) in chosen.iter().enumerate() {
        let whole = wholes.get(mutant.package.as_str()).and_then(Option::as_ref);
        let before = whole.map_or(Ended::Unbuilt, |whole| whole.ended(mutant));
        let programs = whole.map_or(&[][..], |whole| &whole.programs);
        let broken = copy.broken(mutant, || workshop.broken(mutant, programs))?;
        let verdict = verdict(mutant, before, broken);
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
    /// Builds a package's tests as they are, and runs these; `None` if it does not compile.
    fn whole(&self, package: &str, tests: &BTreeSet<&str>) -> Result<Option<Whole>> {
        let build =
            ["test", "--locked", "--quiet", "--package", package, "--no-run", "--message-format", "json"];
        let (fine, messages) = self.cargo(&build)?;
        if !fine {
            return Ok(None);
        }
        let programs = programs::read(&messages)?;
        let mut outcomes = BTreeMap::new();
        for program in &programs {
            let named: Vec<&str> =
                tests.iter().copied().filter(|test| !test.is_empty() && program.has(test)).collect();
            if !named.is_empty() {
                let said = self.run(package, slice::from_ref(&program), &named)?.1;
                outcomes.extend(said.lines().filter_map(outcome));
            }
        }
        Ok(Some(Whole { programs, outcomes }))
    }

    /// Runs a mutant's test as the copy is now: no more is built than the programs that it is in.
    fn broken(&self, mutant: &Mutant, programs: &[Program]) -> Result<Ended> {
        let named: Vec<&Program> = programs.iter().filter(|program| program.has(&mutant.test)).collect();
        let named = if mutant.must_not_compile() { Vec::new() } else { named };
        let flags = named.iter().flat_map(|program| &program.flags).map(String::as_str);
        let build = ["test", "--locked", "--quiet", "--package", &mutant.package, "--no-run"];
        if !self.cargo(&build.into_iter().chain(flags).collect::<Vec<_>>())?.0 {
            return Ok(Ended::Unbuilt);
        }
        if mutant.must_not_compile() {
            return Ok(Ended::Passed(1));
        }
        let (fine, said) = self.run(&mutant.package, &named, &[&mutant.test])?;
        Ok(if fine { Ended::Passed(passed(&said)) } else { Ended::Failed })
    }

    fn run(&self, package: &str, programs: &[&Program], tests: &[&str]) -> Result<(bool, String)> {
        let mut arguments = vec!["test", "--locked", "--package", package, "--no-fail-fast"];
        arguments.extend(programs.iter().flat_map(|program| &program.flags).map(String::as_str));
        arguments.push("--");
        arguments.extend(tests);
        self.cargo(&arguments)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let output = Command::new(workspace::cargo())
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            // A mutant is one line of one crate.
            .env("CARGO_INCREMENTAL", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .context("cargo")?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}

impl Whole {
    /// How a mutant's test ends without it.
    fn ended(&self, mutant: &Mutant) -> Ended {
        if mutant.must_not_compile() {
            return Ended::Passed(1);
        }
        let mut those = self.outcomes.iter().filter(|(name, _)| name.contains(&mutant.test));
        let count = those.clone().count() as u64;
        if those.all(|(_, passed)| *passed) { Ended::Passed(count) } else { Ended::Failed }
    }
}

/// A test and whether it passed.
fn outcome(line: &str) -> Option<(String, bool)> {
    let (name, ended) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match ended {
        "ok" => Some((name.to_owned(), true)),
        "FAILED" => Some((name.to_owned(), false)),
        _ => None,
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
    fn a_test_that_did_not_pass_is_seen() {
        let lines = [
            "test a::b ... ok",
            "test a::c - should panic ... FAILED",
            "test d ... ignored",
            "running 3 tests",
        ];
        let found: Vec<_> = lines.into_iter().filter_map(outcome).collect();
        assert_eq!(found, [("a::b".to_owned(), true), ("a::c - should panic".to_owned(), false)]);
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

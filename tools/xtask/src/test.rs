//! `cargo xtask test`: everything that must hold, in the order in which a failure is found soonest.

mod install;
mod skips;
mod stages;
mod toolbox;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::stages::{STAGES, Stage};

pub(crate) use self::stages::conformance;

/// What the caller asked for.
#[derive(Default)]
struct Wish {
    list: bool,
    no_install: bool,
    stages: Vec<String>,
}

impl Wish {
    /// Whether a stage is to run. Those that run the binary want one that was built from what is here.
    fn wants(&self, stage: &Stage) -> bool {
        let chosen = |name: &str| self.stages.iter().any(|chosen| chosen == name);
        let needs_build = chosen("quickstart") || chosen("conformance") || chosen("faults");
        self.stages.is_empty() || chosen(stage.name) || (stage.name == "build" && needs_build)
    }
}

/// Runs the stages and prints each with its time; stops at the first that fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    if wish.list {
        for stage in STAGES {
            println!("{:<12} {}", stage.name, stage.about);
        }
        return Ok(());
    }
    let chosen: Vec<&Stage> = STAGES.iter().filter(|stage| wish.wants(stage)).collect();
    let start = now();
    let mut times = Vec::new();
    for stage in chosen {
        println!("\n=== {}: {}", stage.name, stage.about);
        let begun = now();
        let outcome = match (stage.name, wish.no_install) {
            ("tools", true) => install::name_missing(),
            _ => (stage.run)(),
        };
        let took = begun.elapsed();
        times.push((stage.name, took));
        if let Err(error) = outcome {
            summary(&times, start.elapsed());
            let _ = skips::report();
            bail!("stage {} failed after {}: {error:#}", stage.name, seconds(took));
        }
        println!("=== {} passed in {}", stage.name, seconds(took));
    }
    summary(&times, start.elapsed());
    skips::report()
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => wish.list = true,
            "--no-install" => wish.no_install = true,
            "--stage" => match rest.next() {
                Some(name) if STAGES.iter().any(|stage| stage.name == name) => wish.stages.push(name.clone()),
                Some(name) => bail!("no stage `{name}`; `cargo xtask test --list` names them"),
                None => bail!("--stage wants a name; `cargo xtask test --list` names them"),
            },
            other => bail!("test does not know `{other}`; see `cargo xtask help`"),
        }
    }
    Ok(wish)
}

fn summary(times: &[(&str, Duration)], total: Duration) {
    println!("\n=== times");
    for (name, took) in times {
        println!("{name:<12} {:>9}", seconds(*took));
    }
    println!("{:<12} {:>9}", "together", seconds(total));
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "stages are timed by the real clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wish> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    fn chosen(wish: &Wish) -> Vec<&'static str> {
        STAGES.iter().filter(|stage| wish.wants(stage)).map(|stage| stage.name).collect()
    }

    #[test]
    fn stages_are_chosen_by_name() {
        let wish = parsed(&["--stage", "fmt", "--stage", "tests"]).expect("wish");
        assert_eq!(chosen(&wish), ["fmt", "tests"]);
        assert_eq!(chosen(&parsed(&["--stage", "conformance"]).expect("wish")), ["build", "conformance"]);
        assert_eq!(chosen(&parsed(&[]).expect("wish")).len(), STAGES.len());
        for wrong in [&["--stage", "nothing"][..], &["--stage"], &["--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

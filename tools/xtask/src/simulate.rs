//! `cargo xtask simulate`: worlds by number, until one breaks.

use anyhow::{Context as _, Result, bail};

use crate::{commands, workspace};

const HELP: &str = "\
The real queue, scheduler and SMTP sessions among peers, names, clocks and processes that fail as a seed says, in a time
of their own. Ends at the first seed in which something is lost, sent twice without cause, early, or left over.

Usage: cargo xtask simulate [OPTION]…

  --seeds N   how many (200)
  --from S    the first; each time another one, and told, if not given
  --seed S    this one alone, with every step and its time
  --twice     each seed twice: the history must be the same
  --long      10,000 of them
  --seconds N no more after so long
  --help      this text
";

/// Seeds of a run.
const SEEDS: u64 = 200;
const LONG: u64 = 10_000;
/// The seeds of the stage of `cargo xtask test`: the same in each check, so that one that fails was made to fail by a change.
const STAGE_FROM: u64 = 376_186_591_000;
const STAGE: u64 = 120;
/// Seeds that found something, which the stage runs first.
const FOUND: &[(u64, &str)] = &[
    (
        376_186_591_020,
        "a connection was made while another one was still saying QUIT to a provider that gets one",
    ),
    (
        771_000_039,
        "the simulation took what a stop in good order had cut short for a second copy without a cause",
    ),
    (
        626_930_772_014,
        "the simulation took what a slow peer took late from a dead process for a copy that was sent later",
    ),
];
/// Processes that share the seeds: one for each core of a small machine.
const AT_ONCE: u64 = 2;

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    help: bool,
    seeds: Option<u64>,
    from: Option<u64>,
    only: Option<u64>,
    twice: bool,
    seconds: Option<u64>,
}

/// Runs what was asked for.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    if wish.help {
        print!("{HELP}");
        return Ok(());
    }
    let build = ["build", "--locked", "--quiet", "--package", "waxseal-simulator"];
    commands::run(&workspace::cargo(), &build, &workspace::root(), &[])?;
    if let Some(seed) = wish.only {
        let ended =
            simulator(&["--from", &seed.to_string(), "--trace"]).status().context("waxseal-simulator")?;
        if !ended.success() {
            bail!("seed {seed} fails");
        }
        return Ok(());
    }
    let (from, seeds) = (wish.from.unwrap_or_else(drawn), wish.seeds.unwrap_or(SEEDS));
    println!("{seeds} seeds: `cargo xtask simulate --from {from} --seeds {seeds}` runs them again");
    share(from, seeds, &wish.of_each())
}

/// A stage of `cargo xtask test`: seeds that once found something, and some more.
pub(crate) fn stage() -> Result<()> {
    for (seed, what) in FOUND {
        if !simulator(&["--from", &seed.to_string()]).status().context("waxseal-simulator")?.success() {
            bail!("seed {seed} fails again, which found: {what}");
        }
    }
    share(STAGE_FROM, STAGE, &[])
}

impl Wish {
    /// What each of the processes that share the seeds is told besides which they are.
    fn of_each(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        arguments.extend(self.twice.then(|| "--twice".to_owned()));
        if let Some(seconds) = self.seconds {
            arguments.extend(["--within".to_owned(), seconds.to_string()]);
        }
        arguments
    }
}

/// Runs seeds in several processes.
fn share(from: u64, seeds: u64, more: &[String]) -> Result<()> {
    let mut running = Vec::new();
    for first in 0..AT_ONCE {
        let (from, count) = ((from + first).to_string(), (seeds + AT_ONCE - 1 - first) / AT_ONCE);
        let (count, stride) = (count.to_string(), AT_ONCE.to_string());
        let mut arguments = vec!["--from", &from, "--seeds", &count, "--stride", &stride];
        arguments.extend(more.iter().map(String::as_str));
        running.push(simulator(&arguments).spawn().context("waxseal-simulator")?);
    }
    let mut failed = false;
    for mut process in running {
        failed |= !process.wait()?.success();
    }
    if failed {
        bail!("a seed failed: it is named above, with what does not hold and every step of its history");
    }
    Ok(())
}

/// The simulator, which lies beside this program.
fn simulator(arguments: &[&str]) -> std::process::Command {
    let own = std::env::current_exe().unwrap_or_default();
    let program = own.with_file_name(format!("waxseal-simulator{}", std::env::consts::EXE_SUFFIX));
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    command
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u64> {
            rest.next()
                .and_then(|text| text.parse().ok())
                .with_context(|| format!("{argument} wants a number"))
        };
        match argument.as_str() {
            "--help" | "-h" => wish.help = true,
            "--long" => wish.seeds = Some(LONG),
            "--seeds" => wish.seeds = Some(number()?),
            "--from" => wish.from = Some(number()?),
            "--seconds" => wish.seconds = Some(number()?),
            "--seed" => wish.only = Some(number()?),
            "--twice" => wish.twice = true,
            other => bail!("simulate does not know `{other}`; see `cargo xtask simulate --help`"),
        }
    }
    Ok(wish)
}

/// Another number each time.
#[expect(clippy::disallowed_methods, reason = "any number will do that is another one each time")]
fn drawn() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| u64::from(since.subsec_nanos()) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wish> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn one_seed_or_many_are_asked_for() {
        assert_eq!(parsed(&[]).expect("wish"), Wish::default());
        assert_eq!(parsed(&["--seed", "7"]).expect("wish").only, Some(7));
        let wish = parsed(&["--from", "5", "--long", "--twice"]).expect("wish");
        assert_eq!((wish.from, wish.seeds, wish.twice), (Some(5), Some(LONG), true));
        for wrong in [&["--seed"][..], &["--seeds", "many"], &["--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn who_has_so_many_seconds_has_each_process_end_by_then() {
        let wish = parsed(&["--seconds", "90"]).expect("wish");
        assert_eq!((wish.seconds, wish.of_each()), (Some(90), vec!["--within".to_owned(), "90".to_owned()]));
        let both = parsed(&["--twice", "--seconds", "1"]).expect("wish");
        assert_eq!(both.of_each(), ["--twice", "--within", "1"]);
        assert!(parsed(&["--twice"]).expect("wish").of_each() == ["--twice"]);
        for wrong in [&["--seconds"][..], &["--seconds", "-1"], &["--seconds", "1m"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! `cargo xtask faults`: the real binary under load while what it stands on fails; what was acknowledged must be there.

use anyhow::{Context as _, Result, bail};

use crate::{commands, test, workspace};

const HELP: &str = "\
The real binary under load, through HTTP and SMTP, while what it stands on fails. Afterwards every message that was
acknowledged must have reached a recipient's server that counts: none lost, none invented, none altered, second copies
no more than were in flight, and each of them named in its event.

Usage: cargo xtask faults [OPTION]…

  --only PART     one part; may be given more than once:
";

const OPTIONS: &str = "
  --kills N       times that the server is killed (5)
  --messages N    messages acknowledged meanwhile (70 for each kill)
  --cuts N        power cuts (8)
  --faults N      calls of each kind that fail: the first, the second, … the Nth (6)
  --days N        days that pass while retention is watched (4)
  --long          the numbers that are promised: 50 kills with 100,000 messages, 200 cuts, 50 faults of each kind,
                  30 days
  --old BIN       an older build, which fills a queue for this one, and takes over one of it (WAXSEAL_OLD_BIN; without
                  either that is left out)
  --seed S        where chance begins, to repeat a run (drawn, and told, if not given). The same seed gives the same
                  faults; which message each of them meets depends on the machine as well
  --help          this text

Power cuts and failing disks need no privileges: a library put between the server and its files by LD_PRELOAD
(tools/conformance/shim/disk.c, compiled with `cc`) writes down what was changed and what was synced, and the folder is
made anew with only that in it, other changes surviving by chance, torn or out of order. That this check can fail is
checked as well: under a disk whose syncs lie, messages must be missed.

WAXSEAL_BIN names another binary to test than the one built here.
";

/// A kind of fault.
struct Part {
    name: &'static str,
    about: &'static str,
    /// Arguments for pytest.
    tests: &'static [&'static str],
    /// Whether the stage `conformance` runs it already.
    is_elsewhere: bool,
}

const PARTS: &[Part] = &[
    Part {
        name: "kill",
        about: "SIGKILL at random moments",
        tests: &["tests/test_durability.py::test_sigkill_under_load_loses_invents_and_alters_nothing"],
        is_elsewhere: true,
    },
    Part {
        name: "points",
        about: "SIGKILL at named points of a message's way: what becomes of it there is what is promised",
        tests: &["faults/test_named_points.py"],
        is_elsewhere: false,
    },
    Part {
        name: "power-cut",
        about: "what was not synced is gone, torn or out of order",
        tests: &["faults/test_power_cut.py"],
        is_elsewhere: false,
    },
    Part {
        name: "io-error",
        about: "opens, writes and syncs that fail: once, or until the disk is mended",
        tests: &["faults/test_io_error.py"],
        is_elsewhere: false,
    },
    Part {
        name: "disk-full",
        about: "no room, then room again, with and without a restart",
        tests: &["faults/test_disk_full.py"],
        is_elsewhere: false,
    },
    Part {
        name: "storm",
        about: "recipients' servers that answer 4xx to most of what comes, for hours, then recover",
        tests: &["faults/test_storm.py"],
        is_elsewhere: false,
    },
    Part {
        name: "hunger",
        about: "no descriptor left, no memory left, under a flood at both doors",
        tests: &["faults/test_exhausted.py"],
        is_elsewhere: false,
    },
    Part {
        name: "dns",
        about: "nameservers that fail, are silent, lame or wrong, and recover",
        tests: &["faults/test_dns.py"],
        is_elsewhere: false,
    },
    Part {
        name: "clock",
        about: "the wall clock set forward and back by hours, days and years",
        tests: &["faults/test_clock.py"],
        is_elsewhere: false,
    },
    Part {
        name: "upgrade",
        about: "another version takes over a full queue: a newer one, an older one (--old), one to come",
        tests: &["faults/test_upgrade.py"],
        is_elsewhere: false,
    },
    Part {
        name: "retention",
        about: "thirty days of mail in minutes, with kills and full disks: nothing is there an hour after its limit",
        tests: &["faults/test_retention.py"],
        is_elsewhere: false,
    },
    Part {
        name: "erasure",
        about: "SIGKILL at each step of an erasure, a restore, a rotation of keys",
        tests: &["faults/test_erasure_killed.py"],
        is_elsewhere: false,
    },
    Part {
        name: "database",
        about: "PostgreSQL killed, stopped, slow, cut off, restarted; the server killed with it",
        tests: &["faults/test_database_killed.py", "faults/test_database_stalls.py"],
        is_elsewhere: false,
    },
];

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    help: bool,
    parts: Vec<String>,
    long: bool,
    seed: Option<u32>,
    /// An older build.
    old: Option<String>,
    /// Variables of the tests by name.
    numbers: Vec<(&'static str, u32)>,
}

/// The short form, as a stage of `cargo xtask test`: the same faults every time.
pub(crate) fn stage() -> Result<()> {
    let tests: Vec<&str> =
        PARTS.iter().filter(|part| !part.is_elsewhere).flat_map(|part| part.tests).copied().collect();
    run_tests(&tests, &[("WAXSEAL_TEST_SEED", 1), ("WAXSEAL_TEST_FAULTS", 3)], None)
}

/// Runs the parts asked for.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    if wish.help {
        print!("{HELP}");
        PARTS.iter().for_each(|part| println!("                    {:<12} {}", part.name, part.about));
        print!("{OPTIONS}");
        return Ok(());
    }
    let seed = wish.seed.unwrap_or_else(drawn);
    let mut numbers = wish.numbers();
    numbers.push(("WAXSEAL_TEST_SEED", seed));
    if std::env::var_os("WAXSEAL_BIN").is_none() {
        // Those that judge the server lie beside it.
        let packages = ["waxseal", "waxseal-auditor", "waxseal-verifier"].map(|name| ["--package", name]);
        let build = [&["build", "--locked"], packages.as_flattened()].concat();
        commands::run(&workspace::cargo(), &build, &workspace::root(), &[])?;
    }
    println!("seed {seed}: `--seed {seed}` repeats these faults");
    let wanted = |part: &&Part| wish.parts.is_empty() || wish.parts.iter().any(|name| name == part.name);
    let tests: Vec<&str> = PARTS.iter().filter(wanted).flat_map(|part| part.tests).copied().collect();
    let old = wish.old.or_else(|| std::env::var("WAXSEAL_OLD_BIN").ok());
    let old = old.map(std::path::absolute).transpose().context("the older build")?;
    run_tests(&tests, &numbers, old.as_deref().and_then(std::path::Path::to_str))
        .with_context(|| format!("seed {seed}"))
}

fn run_tests(tests: &[&str], numbers: &[(&str, u32)], old: Option<&str>) -> Result<()> {
    let numbers: Vec<(&str, String)> =
        numbers.iter().map(|(name, number)| (*name, number.to_string())).collect();
    let mut variables: Vec<(&str, &str)> =
        numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
    let other = std::env::var("WAXSEAL_BIN").ok();
    variables.extend(other.as_deref().map(|binary| ("WAXSEAL_BIN", binary)));
    variables.extend(old.map(|binary| ("WAXSEAL_TEST_OLD_BIN", binary)));
    // What passed tells its figures.
    test::conformance("faults", &[tests, &["-rP", "--show-capture=stdout"]].concat(), &variables)
}

impl Wish {
    /// The numbers of the run, those given by name last.
    fn numbers(&self) -> Vec<(&'static str, u32)> {
        let long = [
            ("WAXSEAL_TEST_KILLS", 50),
            ("WAXSEAL_TEST_MESSAGES", 100_000),
            ("WAXSEAL_TEST_CUTS", 200),
            ("WAXSEAL_TEST_FAULTS", 50),
            ("WAXSEAL_TEST_DAYS", 30),
            ("WAXSEAL_TEST_DATABASE_KILLS", 12),
            ("WAXSEAL_TEST_JUMP_ROUNDS", 20),
            ("WAXSEAL_TEST_HUNGER", 10),
            ("WAXSEAL_TEST_QUEUE", 10_000),
            ("WAXSEAL_TEST_DNS_MESSAGES", 4),
            ("WAXSEAL_TEST_STALLS", 6),
            ("WAXSEAL_TEST_POINT_KILLS", 20),
            ("WAXSEAL_TEST_STORM_MESSAGES", 20_000),
            ("WAXSEAL_TEST_STORM_HOURS", 24),
        ];
        let given = |name: &str| self.numbers.iter().any(|(given, _)| *given == name);
        let kept = long.into_iter().filter(|(name, _)| self.long && !given(name));
        kept.chain(self.numbers.iter().copied()).collect()
    }
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || match rest.next().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) if number > 0 || argument == "--seed" => Ok(number),
            _ => bail!("{argument} wants a whole number"),
        };
        match argument.as_str() {
            "--help" | "-h" => wish.help = true,
            "--long" => wish.long = true,
            "--seed" => wish.seed = Some(number()?),
            "--kills" => wish.numbers.push(("WAXSEAL_TEST_KILLS", number()?)),
            "--messages" => wish.numbers.push(("WAXSEAL_TEST_MESSAGES", number()?)),
            "--cuts" => wish.numbers.push(("WAXSEAL_TEST_CUTS", number()?)),
            "--days" => wish.numbers.push(("WAXSEAL_TEST_DAYS", number()?)),
            "--faults" => wish.numbers.push(("WAXSEAL_TEST_FAULTS", number()?)),
            "--old" => match rest.next() {
                Some(path) => wish.old = Some(path.clone()),
                None => bail!("--old wants the path of a binary"),
            },
            "--only" => match rest.next() {
                Some(name) if PARTS.iter().any(|part| part.name == name) => wish.parts.push(name.clone()),
                _ => bail!("--only wants a part; `cargo xtask faults --help` names them"),
            },
            other => bail!("faults does not know `{other}`; see `cargo xtask faults --help`"),
        }
    }
    Ok(wish)
}

#[expect(clippy::disallowed_methods, reason = "any number will do that is another one each time")]
fn drawn() -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wish> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_is_as_long_as_asked() {
        let wish = parsed(&["--long", "--cuts", "3", "--seed", "0", "--only", "power-cut"]).expect("wish");
        assert_eq!((wish.seed, wish.parts.as_slice()), (Some(0), &["power-cut".to_owned()][..]));
        let numbers = wish.numbers();
        assert!(numbers.contains(&("WAXSEAL_TEST_CUTS", 3)) && numbers.contains(&("WAXSEAL_TEST_KILLS", 50)));
        assert_eq!(numbers.iter().filter(|(name, _)| *name == "WAXSEAL_TEST_CUTS").count(), 1);
        assert_eq!(parsed(&[]).expect("wish").numbers(), []);
        for wrong in [&["--kills"][..], &["--kills", "0"], &["--only", "nothing"], &["--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

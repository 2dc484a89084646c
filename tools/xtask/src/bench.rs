//! `cargo xtask bench`: what the sending path costs, against another build in the same run; how long an erasure takes.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{commands, test, workspace};

const HELP: &str = "\
What a message of 4 KiB costs the server from the call to the recipient's server: CPU time of its process and messages a
second, through HTTP and SMTP, as the median of rounds with a fresh server each.

Usage: cargo xtask bench [OPTION]…
       cargo xtask bench send [--only WORDS] [--messages N] [--rounds N] [SIZE]…
       cargo xtask bench erase [--events N]

`send` puts the same mail through this server and through private instances of Postfix, with and without OpenDKIM, by turns to
the same smtp-sink: messages accepted and delivered a second, CPU time of a message, peak memory, how long one more session
waits for a message to be accepted, and the ratios. Then come scenarios, each with its goals; a missed goal is told, and a
message that is lost or comes twice is an error. It wants root, Postfix, OpenDKIM and ab (Debian: postfix, opendkim,
apache2-utils). Parts of it, by a word for `--only`:

SCENARIOS

`erase` fills an instance with an account of a million events, on both engines, and tells how long it takes until its keys
are gone, and until everything is.

  --against BIN   another waxseal binary, by turns in the same run: the ratio is told
  --messages N    messages of a round (2000; with `send` 4000)
  --rounds N      rounds of each binary (3)
  --only WORDS    with `send`: only these parts, by the words above and of ways in (`postfix and 50`, `load or stuck`)
  --seconds N     seconds that mail comes at a steady pace, with `load`, `flooding` and `stuck` (20)
  --waiting N     messages that wait (1000000)
  --domains N     destination domains (10000)
  --flood N       messages of the account that floods (50000)
  --stuck N       messages that are stuck (100000)
  --events N      events of the account that is erased (1000000)
  --help          this text

WAXSEAL_BIN names another binary than the release build of this checkout.
";

/// A part of `send`.
struct Scenario {
    /// By which `--only` picks it.
    word: &'static str,
    file: &'static str,
    about: &'static str,
}

/// In this order; the long one comes last.
const SCENARIOS: &[Scenario] = &[
    Scenario { word: "postfix", file: "bench/test_peers.py", about: "beside Postfix, by each way in" },
    Scenario {
        word: "load",
        file: "bench/test_steady_load.py",
        about: "how long accepting takes at 70 % of the most, by SMTP and by HTTP: p99 at most 25 ms",
    },
    Scenario {
        word: "defers",
        file: "bench/test_deferring.py",
        about: "a sink that refuses 10 % for now, beside one that takes all; everything arrives in the end",
    },
    Scenario {
        word: "flooding",
        file: "bench/test_flooding.py",
        about: "one account floods a slow destination: how long another's mail takes, there and elsewhere",
    },
    Scenario {
        word: "stuck",
        file: "bench/test_stuck.py",
        about: "100,000 messages for a silent and a refusing server: p95 to a healthy one at most 1.5 times as long",
    },
    Scenario {
        word: "domains",
        file: "bench/test_domains.py",
        about: "10,000 destination domains beside one: delivered a second, CPU and memory",
    },
    Scenario {
        word: "waiting",
        file: "bench/test_waiting.py",
        about: "1,000,000 waiting messages: 90 % of the accept rate, 400 MB, ready in 5 s; all expire (8 GB, 15 minutes)",
    },
];

fn help() -> String {
    let told = |scenario: &Scenario| format!("  {:<10} {}", scenario.word, scenario.about);
    HELP.replace("SCENARIOS", &SCENARIOS.iter().map(told).collect::<Vec<_>>().join("\n"))
}

/// What the caller asked for, as the bench's variables.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    help: bool,
    erase: bool,
    send: bool,
    only: Option<String>,
    variables: Vec<(&'static str, String)>,
}

/// Builds, then measures.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    if wish.help {
        print!("{}", help());
        return Ok(());
    }
    let binary = match std::env::var("WAXSEAL_BIN") {
        Ok(binary) => binary,
        Err(_) => {
            let build = ["build", "--release", "--package", "waxseal", "--locked"];
            commands::run(&workspace::cargo(), &build, &workspace::root(), &[])?;
            let target = workspace::Metadata::read()?.target_directory;
            target.join("release/waxseal").to_string_lossy().into_owned()
        }
    };
    let mut variables = vec![("WAXSEAL_BIN", binary.as_str())];
    variables.extend(wish.variables.iter().map(|(name, value)| (*name, value.as_str())));
    if wish.send {
        let mut arguments = vec!["-n", "0", "-s", "-rs"];
        arguments.extend(SCENARIOS.iter().map(|scenario| scenario.file));
        arguments.extend(wish.only.iter().flat_map(|words| ["-k", words.as_str()]));
        return test::conformance("bench", &arguments, &variables);
    }
    if !wish.erase {
        return test::conformance("bench", &["-n", "0", "-s", "bench/test_sending.py"], &variables);
    }
    let build = ["build", "--release", "--package", "waxseal-privacy", "--example", "figures", "--locked"];
    commands::run(&workspace::cargo(), &build, &workspace::root(), &[])?;
    let figures = workspace::Metadata::read()?.target_directory.join("release/examples/figures");
    let figures = figures.to_string_lossy().into_owned();
    variables.push(("WAXSEAL_FIGURES", &figures));
    test::conformance("bench", &["-n", "0", "-s", "bench/test_erasing.py"], &variables)
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let name = match argument.as_str() {
            "--help" | "-h" => {
                wish.help = true;
                continue;
            }
            "--against" => match rest.next() {
                Some(path) if Path::new(path).is_file() => {
                    let path = std::path::absolute(path)?.to_string_lossy().into_owned();
                    wish.variables.push(("WAXSEAL_BENCH_AGAINST", path));
                    continue;
                }
                _ => bail!("--against wants the file of a waxseal binary"),
            },
            "erase" => {
                wish.erase = true;
                continue;
            }
            "send" => {
                wish.send = true;
                continue;
            }
            "--only" => match rest.next() {
                Some(words) => {
                    wish.only = Some(words.clone());
                    continue;
                }
                None => bail!("--only wants words of parts, such as `stuck`"),
            },
            "--domains" => "WAXSEAL_BENCH_DOMAINS",
            "--events" => "WAXSEAL_BENCH_EVENTS",
            "--flood" => "WAXSEAL_BENCH_FLOOD",
            "--messages" => "WAXSEAL_BENCH_MESSAGES",
            "--rounds" => "WAXSEAL_BENCH_ROUNDS",
            "--seconds" => "WAXSEAL_BENCH_SECONDS",
            "--stuck" => "WAXSEAL_BENCH_STUCK",
            "--waiting" => "WAXSEAL_BENCH_WAITING",
            other => bail!("bench does not know `{other}`; see `cargo xtask bench --help`"),
        };
        match rest.next().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) if number > 0 => wish.variables.push((name, number.to_string())),
            _ => bail!("{argument} wants a whole number above 0"),
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wish> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_bench_is_as_long_as_asked() {
        let wish = parsed(&["--messages", "800", "--rounds", "5"]).expect("wish");
        let expected =
            [("WAXSEAL_BENCH_MESSAGES", "800".to_owned()), ("WAXSEAL_BENCH_ROUNDS", "5".to_owned())];
        assert_eq!(wish.variables, expected);
        for wrong in [&["--messages", "0"][..], &["--rounds"], &["--against", "/nowhere"], &["--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
    #[test]
    fn each_part_is_told_and_found_by_its_word() {
        for scenario in SCENARIOS {
            assert!(help().contains(&format!("  {} ", scenario.word)), "{}", scenario.word);
            let file = workspace::root().join("tools/conformance").join(scenario.file);
            let text = std::fs::read_to_string(&file).expect("the file of a scenario");
            let named = |line: &str| line.starts_with("def test_") && line.contains(scenario.word);
            let in_name = scenario.file.contains(scenario.word);
            assert!(in_name || text.lines().any(named), "{} finds nothing", scenario.word);
        }
    }
}

//! Developer commands: `cargo xtask help` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to whoever runs it")]

mod arrows;
mod bench;
mod commands;
mod faults;
mod fuzz;
mod mutants;
mod packages;
mod refused;
mod report;
mod simulate;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use crate::report::Findings;

const HELP: &str = "\
Developer commands of Waxseal.

Usage: cargo xtask COMMAND

  test        run everything that must hold before a change lands, stage by stage
              (installs what it needs and lacks; says so first)
                --list         name the stages
                --stage NAME   run one stage; may be given more than once
                --no-install   install nothing: name what is missing, and skip what needs it
  arrows      imports run downwards only: core < platform < services < doors < waxseal;
              each floor keeps to the outside crates it may use
  tidy        files and words: module docs, sizes, names, links, leftovers
  fuzz        fuzz targets compile, have a corpus, and a test that replays it
  refused     what must not compile does not: personal values printed, copied, opened for another purpose
  mutants     take each mechanism out, one at a time: the test that is said to notice must fail
                --list         name them
                --only NAME    one of them; may be given more than once
                --row ROW      those of a row of the table of promises
  faults      kills, power cuts, failing and full disks under load; what was acknowledged must be there
                --long         the numbers that are promised; without it, two minutes
                --help         parts, numbers, seeds
  simulate    whole worlds by number: queue, scheduler and SMTP sessions among everything that fails as a seed says
                --seed S       repeats one, step by step
                --help         numbers
  bench       what a message costs on the sending path, against another build in the same run
                --against BIN  the other build
                --help         numbers
  packages    number, licences and bans of the packages built; dependencies nobody uses
  help        this text

Environment:
  CI=true                 what is missing is an error, not a skip
  WAXSEAL_CORPORA=DIR     folder of public mail corpora; tests that need it skip without
  WAXSEAL_TOOLS=DIR       where client libraries for the tests are kept
                          (default: the user's cache folder)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "test" => return finish(test::run(rest)),
        "mutants" => return finish(mutants::run(rest)),
        "bench" => return finish(bench::run(rest)),
        "faults" => return finish(faults::run(rest)),
        "simulate" => return finish(simulate::run(rest)),
        "arrows" => arrows::check(),
        "tidy" => tidy::check(),
        "packages" => packages::check(),
        "fuzz" => fuzz::check(),
        "refused" => refused::check(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: no command `{other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    finish(outcome.and_then(Findings::into_result))
}

fn finish(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

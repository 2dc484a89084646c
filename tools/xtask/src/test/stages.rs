//! The stages of `cargo xtask test`.

use std::path::PathBuf;

use anyhow::Result;

use super::{install, skips, toolbox};
use crate::{
    arrows, commands, faults, fuzz, packages, refused,
    report::Findings,
    simulate, tidy,
    workspace::{self, Metadata},
};

/// One stage.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn() -> Result<()>,
}

/// All of them, quick ones first.
pub(super) const STAGES: &[Stage] = &[
    Stage { name: "tools", about: "servers and clients that the tests use", run: install::all },
    Stage { name: "fmt", about: "sources are formatted", run: || component(&["fmt", "--all", "--check"]) },
    Stage { name: "tidy", about: "files and words", run: || tidy::check().and_then(Findings::into_result) },
    Stage {
        name: "arrows",
        about: "imports run downwards only",
        run: || arrows::check().and_then(Findings::into_result),
    },
    Stage {
        name: "packages",
        about: "number, licences and bans of what is built",
        run: || packages::check().and_then(Findings::into_result),
    },
    Stage {
        name: "clippy",
        about: "no warning anywhere",
        run: || {
            component(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ])
        },
    },
    Stage {
        name: "build",
        about: "the binary and every test",
        // As tests want it, so that nothing is built twice with other features.
        run: || cargo(&["test", "--workspace", "--all-targets", "--no-run", "--locked", "--quiet"]),
    },
    Stage {
        name: "fuzz",
        about: "fuzz targets compile, have a corpus, and a test that replays it",
        run: || fuzz::check().and_then(Findings::into_result),
    },
    Stage {
        name: "refused",
        about: "what must not compile does not",
        run: || refused::check().and_then(Findings::into_result),
    },
    Stage { name: "tests", about: "every test of every crate", run: tests },
    Stage { name: "simulation", about: "worlds that fail by seed", run: simulate::stage },
    Stage { name: "doctests", about: "examples in the documentation of the core", run: doctests },
    Stage { name: "doc", about: "documentation builds without a warning", run: documentation },
    Stage {
        name: "quickstart",
        about: "one message by HTTP, one by SMTP, verified on arrival",
        run: || {
            commands::run(&binary().to_string_lossy(), &["quickstart", "--once"], &workspace::root(), &[])
        },
    },
    Stage {
        name: "conformance",
        about: "real clients against the real binary",
        run: || conformance("conformance", &[], &[]),
    },
    Stage { name: "faults", about: "power cuts and failing disks under load", run: faults::stage },
];

fn tests() -> Result<()> {
    if commands::is_present("cargo-nextest", &[]) {
        return cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    }
    println!("cargo-nextest is not here: using cargo test");
    cargo(&["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast"])
}

/// Of the core alone: further up, examples are tests of their own.
fn doctests() -> Result<()> {
    let metadata = Metadata::read()?;
    let core = metadata.members().filter(|member| member.folder().starts_with("crates/core"));
    let packages: Vec<&str> = core.flat_map(|member| ["--package", &member.name]).collect();
    cargo(&[&["test", "--doc", "--locked", "--quiet"], &packages[..]].concat())
}

fn documentation() -> Result<()> {
    let folder = workspace::root();
    let arguments = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
    commands::run(&workspace::cargo(), &arguments, &folder, &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Tests of `tools/conformance`, with arguments for pytest and variables on top of those that all tests get.
pub(crate) fn conformance(name: &str, arguments: &[&str], more: &[(&str, &str)]) -> Result<()> {
    if !toolbox::has_python_clients() {
        return skips::note(name, "missing: Python clients");
    }
    let script = workspace::root().join("tools/conformance/run");
    with_variables(&script.to_string_lossy(), arguments, more)
}

/// A command of cargo that toolchains may lack; the stage `tools` has tried to install it and said so.
fn component(arguments: &[&str]) -> Result<()> {
    if !arguments.first().is_some_and(|command| install::has_cargo_command(command)) {
        return skips::note(&arguments.join(" "), "missing: this command of cargo");
    }
    cargo(arguments)
}

/// Cargo, in the workspace, with the variables that tests read.
fn cargo(arguments: &[&str]) -> Result<()> {
    with_variables(&workspace::cargo(), arguments, &[])
}

fn with_variables(program: &str, arguments: &[&str], more: &[(&str, &str)]) -> Result<()> {
    let variables = toolbox::variables();
    let mut variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let binary = binary();
    let binary = binary.to_string_lossy();
    variables.push(("WAXSEAL_BIN", &binary));
    let skips = skips::list();
    let skips = skips.to_string_lossy();
    variables.push(("WAXSEAL_TEST_SKIPS", &skips));
    variables.extend(more);
    commands::run(program, arguments, &workspace::root(), &variables)
}

/// Where cargo puts the binary: this program lies beside it.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(format!("waxseal{}", std::env::consts::EXE_SUFFIX))
}

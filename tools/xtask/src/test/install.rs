//! Installs what the tests need and the machine lacks. Everything is announced before it happens; what is present
//! is left alone; what cannot be installed is named with what will be skipped (an error where `CI=true`).

use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::{
    skips,
    toolbox::{self, PROGRAMS, Program},
};
use crate::{commands, workspace};

/// Sees to every program and library.
pub(super) fn all() -> Result<()> {
    for (name, command, component) in [("rustfmt", "fmt", "rustfmt"), ("clippy", "clippy", "clippy")] {
        rust_component(name, command, component)?;
    }
    let missing: Vec<&Program> = PROGRAMS
        .iter()
        .filter(|program| {
            let present = program.is_present();
            if present {
                println!("{}: present", program.name);
            }
            !present
        })
        .collect();
    // All together first: one package that a distribution lacks must not keep the others away.
    if missing.len() > 1 && install_packages(&missing).is_err() {
        println!("not all at once: one by one");
    }
    for program in missing {
        if program.is_present() {
            continue;
        }
        let reason = match install_packages(&[program]) {
            Ok(()) if program.is_present() => continue,
            Ok(()) => "the packages do not bring it".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        do_without(program.name, program.used_by, &reason)?;
    }
    let conformance = workspace::root().join("tools/conformance");
    python_clients(&conformance)
        .or_else(|e| do_without("Python clients", "their tests", &format!("{e:#}")))?;
    node_clients(&conformance).or_else(|e| do_without("JavaScript clients", "their tests", &format!("{e:#}")))
}

/// Installs nothing: names what is missing.
pub(super) fn name_missing() -> Result<()> {
    for program in PROGRAMS {
        match program.is_present() {
            true => println!("{}: present", program.name),
            false => do_without(program.name, program.used_by, "nothing is to be installed")?,
        }
    }
    match toolbox::has_python_clients() {
        true => println!("{}: present", toolbox::folder().display()),
        false => do_without("Python clients", "the conformance suite", "nothing is to be installed")?,
    }
    Ok(())
}

/// Whether cargo has this command.
pub(super) fn has_cargo_command(command: &str) -> bool {
    commands::output(&workspace::cargo(), &[command, "--version"], &workspace::root()).is_ok()
}

/// Toolchains come without rustfmt and clippy sometimes; rustup brings them.
fn rust_component(name: &str, command: &str, component: &str) -> Result<()> {
    if has_cargo_command(command) {
        println!("{name}: present");
        return Ok(());
    }
    println!("{name}: missing, installing it (rustup component add)");
    let outcome = commands::run("rustup", &["component", "add", component], &workspace::root(), &[]);
    outcome.or_else(|error| do_without(name, &format!("the stage {command}"), &format!("{error:#}")))
}

fn do_without(name: &str, used_by: &str, reason: &str) -> Result<()> {
    if skips::in_ci() {
        bail!("{name} is missing: {reason}");
    }
    println!("{name}: MISSING ({reason}). Skipped without it: {used_by}");
    Ok(())
}

/// Installs Debian packages without questions, without recommended ones and without leaving a daemon running.
fn install_packages(missing: &[&Program]) -> Result<()> {
    let packages: Vec<&str> = missing.iter().flat_map(|program| program.packages).copied().collect();
    if !commands::is_present("apt-get", &[]) {
        bail!("there is no apt-get here; install {} by hand", packages.join(", "));
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    println!("{}: missing, installing {} (apt-get)", names.join(", "), packages.join(" "));
    let script = format!(
        "set -eu
         policy=/usr/sbin/policy-rc.d
         if [ ! -e $policy ]; then
           printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; trap 'rm -f $policy' EXIT
         fi
         echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections || true
         apt-get -q -o Acquire::Retries=3 update
         apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends {}",
        packages.join(" ")
    );
    let variables = [("DEBIAN_FRONTEND", "noninteractive")];
    if is_root() {
        return commands::run("sh", &["-c", &script], Path::new("/"), &variables);
    }
    commands::output("sudo", &["-n", "true"], Path::new("/"))
        .map_err(|_| anyhow!("this needs root or sudo without a password"))?;
    let arguments = ["-n", "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", &script];
    commands::run("sudo", &arguments, Path::new("/"), &[])
}

fn is_root() -> bool {
    commands::output("id", &["-u"], Path::new("/")).is_ok_and(|id| id.trim() == "0")
}

/// A virtual environment with what `requirements.txt` names.
fn python_clients(conformance: &Path) -> Result<()> {
    let wanted = conformance.join("requirements.txt");
    let folder = toolbox::folder().join("python");
    let Some(stamp) = Stamp::outdated(&wanted, &folder)? else { return Ok(()) };
    println!("Python clients: installing {} into {} (pip)", wanted.display(), folder.display());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let venv = folder.to_string_lossy();
    commands::run("python3", &["-m", "venv", &venv], &folder, &[])?;
    let pip = folder.join("bin/pip");
    let arguments =
        ["install", "--quiet", "--disable-pip-version-check", "--requirement", &wanted.to_string_lossy()];
    commands::run(&pip.to_string_lossy(), &arguments, &folder, &[])?;
    stamp.set()
}

/// A `node_modules` with what `package.json` names.
fn node_clients(conformance: &Path) -> Result<()> {
    let wanted = conformance.join("package.json");
    let folder = toolbox::folder().join("node");
    let Some(stamp) = Stamp::outdated(&wanted, &folder)? else { return Ok(()) };
    println!("JavaScript clients: installing {} into {} (npm)", wanted.display(), folder.display());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&wanted, folder.join("package.json"))?;
    let arguments =
        ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    commands::run("npm", &arguments, &folder, &[])?;
    stamp.set()
}

/// Remembers beside what was installed which wish it came from.
struct Stamp {
    path: std::path::PathBuf,
    wish: String,
}

impl Stamp {
    /// `None` if there is nothing to install, or it is installed already.
    fn outdated(wanted: &Path, folder: &Path) -> Result<Option<Self>> {
        if !wanted.exists() {
            return Ok(None);
        }
        let stamp = Self { path: folder.join("installed"), wish: std::fs::read_to_string(wanted)? };
        let is_current = std::fs::read_to_string(&stamp.path).is_ok_and(|last| last == stamp.wish);
        if is_current {
            println!("{}: present", folder.display());
        }
        Ok((!is_current).then_some(stamp))
    }

    fn set(self) -> Result<()> {
        Ok(std::fs::write(self.path, self.wish)?)
    }
}

//! The programs and client libraries that tests use, and where they are kept.

use std::path::PathBuf;

use crate::{commands, workspace};

/// Something that the system's package manager provides.
pub(super) struct Program {
    /// What it is called in announcements.
    pub(super) name: &'static str,
    /// Programs that show that it is there.
    pub(super) shown_by: &'static [&'static str],
    /// A command that succeeds where it is complete; none if its programs say enough.
    pub(super) probe: &'static [&'static str],
    /// Debian packages that bring it.
    pub(super) packages: &'static [&'static str],
    /// What is skipped without it.
    pub(super) used_by: &'static str,
}

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "PostgreSQL",
        shown_by: &["initdb", "postgres"],
        probe: &[],
        packages: &["postgresql"],
        used_by: "the store's contract on PostgreSQL",
    },
    Program {
        name: "Postfix's tools",
        shown_by: &["smtp-source", "smtp-sink"],
        probe: &[],
        packages: &["postfix"],
        used_by: "submission by smtp-source, delivery to smtp-sink",
    },
    Program {
        name: "swaks",
        shown_by: &["swaks"],
        probe: &[],
        packages: &["swaks", "libnet-ssleay-perl", "libnet-dns-perl"],
        used_by: "submission by swaks",
    },
    Program {
        name: "OpenDKIM",
        shown_by: &["opendkim", "opendkim-testmsg"],
        probe: &[],
        packages: &["opendkim", "opendkim-tools"],
        used_by: "signatures checked by opendkim",
    },
    Program {
        name: "Knot DNS and ldns",
        shown_by: &["knotd", "ldns-keygen", "ldns-signzone"],
        probe: &[],
        packages: &["knot", "ldnsutils"],
        used_by: "signed zones",
    },
    Program {
        name: "strace",
        shown_by: &["strace"],
        probe: &[],
        packages: &["strace"],
        used_by: "the order of fsync and answer",
    },
    Program {
        name: "Node.js 18 or newer",
        shown_by: &["node", "npm"],
        probe: &["node", "-e", "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)"],
        packages: &["nodejs", "npm"],
        used_by: "JavaScript clients",
    },
    Program {
        name: "Python",
        shown_by: &["python3"],
        probe: &["python3", "-c", "import ensurepip, venv"],
        packages: &["python3", "python3-venv"],
        used_by: "Python clients",
    },
    Program {
        name: "curl",
        shown_by: &["curl"],
        probe: &[],
        packages: &["curl"],
        used_by: "the README's commands",
    },
];

impl Program {
    /// Whether everything it brings is there.
    pub(super) fn is_present(&self) -> bool {
        let more = server_folders();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let is_complete = match self.probe.split_first() {
            Some((program, arguments)) => commands::output(program, arguments, &workspace::root()).is_ok(),
            None => true,
        };
        is_complete && self.shown_by.iter().all(|program| commands::is_present(program, &more))
    }
}

/// Folders outside `PATH` where servers lie: `/usr/sbin`, and PostgreSQL's versions, newest first.
fn server_folders() -> Vec<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<f64>().ok());
    versions.sort_by(|a, b| number(b).partial_cmp(&number(a)).unwrap_or(std::cmp::Ordering::Equal));
    let mut folders: Vec<String> =
        versions.iter().map(|version| version.join("bin").to_string_lossy().into_owned()).collect();
    folders.push("/usr/sbin".into());
    folders
}

/// Where client libraries are kept: outside the checkout, so that it stays clean and they stay warm.
pub(super) fn folder() -> PathBuf {
    if let Some(chosen) = std::env::var_os("WAXSEAL_TOOLS") {
        return chosen.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("waxseal/tools")
}

/// Whether the Python that runs the conformance suite is there with what the suite needs.
pub(super) fn has_python_clients() -> bool {
    let python = folder().join("python/bin/python");
    let arguments = ["-c", "import pytest, xdist, aiosmtpd"];
    commands::output(&python.to_string_lossy(), &arguments, &workspace::root()).is_ok()
}

/// The variables by which tests find all of it.
pub(super) fn variables() -> Vec<(&'static str, String)> {
    let folder = folder();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    vec![
        ("WAXSEAL_TOOLS", text(folder.clone())),
        ("WAXSEAL_PYTHON", text(folder.join("python/bin/python"))),
        ("NODE_PATH", text(folder.join("node/node_modules"))),
        ("PATH", format!("{path}:{}", server_folders().join(":"))),
    ]
}

//! The programs of a package's tests, and which tests are in which: so that a mutant builds and runs no other.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A program that cargo makes of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// What makes cargo take it and no other.
    pub(super) flags: Vec<String>,
    /// Full names of its tests.
    pub(super) tests: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Program {
    /// Whether a test of it has this in its name.
    pub(super) fn has(&self, test: &str) -> bool {
        self.tests.iter().any(|name| name.contains(test))
    }
}

/// The programs of what cargo printed with `--message-format=json`.
pub(super) fn read(messages: &str) -> Result<Vec<Program>> {
    made(messages).into_iter().map(|(flags, path)| Ok(Program { flags, tests: tests(&path)? })).collect()
}

fn made(messages: &str) -> Vec<(Vec<String>, String)> {
    let mut made = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()) {
        let Message { target: Some(target), profile: Some(Profile { test: true }), executable: Some(path) } =
            message
        else {
            continue;
        };
        let flags = match target.kind.first().map(String::as_str) {
            Some("lib" | "proc-macro") => vec!["--lib".to_owned()],
            Some("bin") => vec!["--bin".to_owned(), target.name],
            Some("test") => vec!["--test".to_owned(), target.name],
            _ => continue,
        };
        made.push((flags, path));
    }
    made
}

fn tests(path: &str) -> Result<Vec<String>> {
    let output =
        Command::new(path).args(["--list", "--format", "terse"]).output().context("a test program")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_tests_count() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"profile":{"test":false},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"it"},"profile":{"test":true},"executable":"/t/it-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"b"},"profile":{"test":false},"executable":"/t/b"}"#,
            "\nnot JSON\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(made(messages), [(vec!["--test".to_owned(), "it".to_owned()], "/t/it-1".to_owned())]);
    }
}

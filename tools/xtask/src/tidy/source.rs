//! Rust sources: every module says what it is, is short, and is named for what it does.

use std::path::Path;

use crate::report::Findings;

const LONGEST: usize = 700;
const NAMES_THAT_SAY_NOTHING: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "manager", "misc", "mod"];
const LEFTOVERS: [(&str, &str); 5] = [
    (concat!("#[", "ignore"), "a test runs or does not exist"),
    (concat!("#[", "should_panic"), "assert what happens instead"),
    (concat!("dbg", "!("), "a leftover of looking for a fault"),
    (concat!("todo", "!("), "write it, or leave it out"),
    (concat!("unimplemented", "!("), "write it, or leave it out"),
];

pub(super) fn check(path: &Path, text: &str, findings: &mut Findings) {
    let name = path.display();
    if !text.starts_with("//! ") {
        findings.problem(format!("{name}: the first line must be a `//!` line that says what the module is"));
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        findings.problem(format!("{name}: {lines} lines; split it, {LONGEST} are the most"));
    }
    let stem = path.file_stem().unwrap_or_default();
    if NAMES_THAT_SAY_NOTHING.iter().any(|nothing| stem == *nothing) {
        findings
            .problem(format!("{name}: name the module for what it does (`foo.rs` + `foo/`, no `mod.rs`)"));
    }
    for (number, line) in text.lines().enumerate() {
        for (leftover, why) in LEFTOVERS {
            if line.trim_start().starts_with(leftover) {
                findings.problem(format!("{name}:{}: {leftover}: {why}", number + 1));
            }
        }
    }
}

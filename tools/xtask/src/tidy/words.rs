//! Words that must not be in any file: paths of one machine, and what editors leave behind.

use std::path::Path;

use crate::report::Findings;

/// Spelled in two halves, so that this file is not found by its own search.
const PATHS_OF_ONE_MACHINE: [&str; 7] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/fa", "rm/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\Users"),
    concat!("/opt/", "wheels"),
];

const CONFLICTS: [&str; 3] = ["<<<<<<< ", ">>>>>>> ", "||||||| "];

pub(super) fn check(path: &Path, text: &str, findings: &mut Findings) {
    let name = path.display();
    if !text.is_empty() && !text.ends_with('\n') {
        findings.problem(format!("{name}: the last line has no line end"));
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        for word in PATHS_OF_ONE_MACHINE {
            if line.contains(word) && !is_part_of_a_url(line, word) {
                findings.problem(format!("{name}:{number}: `{word}` is a path of one machine"));
            }
        }
        if line.ends_with([' ', '\t']) {
            findings.problem(format!("{name}:{number}: white space at the end of the line"));
        }
        if CONFLICTS.iter().any(|mark| line.starts_with(mark)) {
            findings.problem(format!("{name}:{number}: an unresolved conflict"));
        }
    }
}

/// `https://example.org/…/word/…` is somebody else's path.
fn is_part_of_a_url(line: &str, word: &str) -> bool {
    line.split(|c: char| c.is_whitespace() || "<>()\"'`".contains(c))
        .filter(|part| part.contains(word))
        .all(|part| part.contains("://"))
}

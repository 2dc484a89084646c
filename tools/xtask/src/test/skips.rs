//! What tests left out, and why: collected while they run, printed at the end, an error in CI where something had
//! to be there.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

use anyhow::{Result, bail};

/// How a reason starts that names what has to be installed.
const MISSING: &str = "missing: ";

/// Where tests note what they leave out: `<test> TAB <reason>` a line.
pub(super) fn list() -> PathBuf {
    std::env::temp_dir().join(format!("waxseal-skips-{}", std::process::id()))
}

/// Notes that a stage leaves something out.
pub(super) fn note(who: &str, reason: &str) -> Result<()> {
    println!("skipped: {who}: {reason}");
    let mut list = std::fs::File::options().create(true).append(true).open(list())?;
    Ok(writeln!(list, "{who}\t{reason}")?)
}

/// Whether what is missing is an error.
pub(super) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Prints what was left out and forgets it; an error in CI where it should have been there.
pub(super) fn report() -> Result<()> {
    let noted = std::fs::read_to_string(list()).unwrap_or_default();
    let _ = std::fs::remove_file(list());
    let reasons = by_reason(&noted);
    println!("\n=== left out: {}", reasons.values().map(Vec::len).sum::<usize>());
    for (reason, tests) in &reasons {
        let shown: Vec<&str> = tests.iter().take(4).copied().collect();
        let more = if tests.len() > shown.len() { ", …" } else { "" };
        println!("{:>4} × {reason}: {}{more}", tests.len(), shown.join(", "));
    }
    let has_corpora = std::env::var_os("WAXSEAL_CORPORA").is_some();
    match reasons.keys().find(|reason| is_error(reason, has_corpora)) {
        Some(reason) if in_ci() => bail!("tests were left out: {reason}"),
        Some(_) | None => Ok(()),
    }
}

fn by_reason(noted: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (test, reason) in noted.lines().filter_map(|line| line.split_once('\t')) {
        let tests = reasons.entry(reason).or_default();
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    reasons
}

/// The public corpora are not ours to bring along: without a folder for them their tests are only named.
fn is_error(reason: &str, has_corpora: bool) -> bool {
    reason.starts_with(MISSING) && (has_corpora || !reason.contains("WAXSEAL_CORPORA"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_listed_by_reason() {
        let reasons =
            by_reason("a\tmissing: swaks\nb\tmissing: swaks\nb\tmissing: swaks\nc\tno such client\n");
        assert_eq!(reasons["missing: swaks"], ["a", "b"]);
        assert_eq!(reasons["no such client"], ["c"]);
    }

    #[test]
    fn what_has_to_be_there_is_an_error() {
        assert!(is_error("missing: swaks", false));
        assert!(!is_error("no client does that", true));
        assert!(!is_error("missing: corpora (WAXSEAL_CORPORA)", false));
        assert!(is_error("missing: corpora (WAXSEAL_CORPORA)", true));
    }
}

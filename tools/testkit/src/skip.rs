//! What cannot be tested here is said where it is seen: past the capture of a test's output, and in the list that
//! `cargo xtask test` prints at its end. Tests of crates that do not use the testkit take this file in.

use std::io::Write as _;

/// Notes that the test that runs leaves something out, and why. A reason that starts with `missing:` names what
/// has to be installed: an error where `CI=true`.
pub(crate) fn note(reason: &str) {
    let thread = std::thread::current();
    let line = format!("{}\t{reason}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(format!("SKIPPED {line}").as_bytes());
    let Some(list) = std::env::var_os("WAXSEAL_TEST_SKIPS") else { return };
    let file = std::fs::File::options().create(true).append(true).open(list);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of skips can be written");
}

//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../../fuzz/oracles/domain_name.rs"]
mod domain_name;
#[expect(clippy::disallowed_methods, reason = "a test may wait for its files")]
#[path = "../../../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../../../fuzz/oracles/return_path.rs"]
mod return_path;

use replay::replay;

#[test]
fn domain_names() {
    replay("domain_name", domain_name::check);
}

#[test]
fn return_paths() {
    replay("return_path", return_path::check);
}

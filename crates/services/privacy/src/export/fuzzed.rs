//! Replays the corpus of the fuzz target: what was found once does not come back.

#[path = "../../../../../fuzz/oracles/export_parts.rs"]
mod export_parts;
#[expect(clippy::disallowed_methods, reason = "a test may wait for its files")]
#[path = "../../../../../fuzz/replay.rs"]
mod replay;

use super::parts;

#[test]
fn export_parts() {
    replay::replay("export_parts", export_parts::check);
}

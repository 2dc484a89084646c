//! Replays the corpus of the fuzz target: what was found once does not come back.

#[path = "../../../../../fuzz/oracles/backup_parts.rs"]
mod backup_parts;
#[path = "../../../../../fuzz/replay.rs"]
mod replay;

use super::frame;
use crate::sealed_file;

#[test]
fn backup_parts() {
    replay::replay("backup_parts", backup_parts::check);
}

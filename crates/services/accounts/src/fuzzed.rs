//! Replays the corpus of the fuzz target: what was found once does not come back.

#[path = "../../../../fuzz/oracles/api_key.rs"]
mod api_key;
#[expect(clippy::disallowed_methods, reason = "a test may wait for its files")]
#[path = "../../../../fuzz/replay.rs"]
mod replay;

#[test]
fn api_keys() {
    replay::replay("api_key", api_key::check);
}

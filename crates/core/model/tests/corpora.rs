//! Replays the corpus of the fuzz target: what was found once does not come back.

#[path = "../../../../fuzz/oracles/event_filter.rs"]
mod event_filter;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

#[test]
fn filters() {
    replay::replay("event_filter", event_filter::check);
}

//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../fuzz/oracles/event_filter.rs"]
mod event_filter;
#[path = "../../../../fuzz/oracles/network.rs"]
mod network;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

#[test]
fn filters() {
    replay::replay("event_filter", event_filter::check);
}

#[test]
fn networks() {
    replay::replay("network", network::check);
}

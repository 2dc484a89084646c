//! The submission door with everything behind it: real sockets, real store, real clients.

mod clients;
mod crowd;
mod dialogue;
mod lifecycle;
mod line;
mod rig;
#[expect(clippy::disallowed_methods, reason = "a test may wait for its list")]
#[path = "../../../../../tools/testkit/src/skip.rs"]
mod skip;
mod strict;
mod tls;
mod who;

//! The submission door with everything behind it: real sockets, real store, real clients.

mod clients;
mod crowd;
mod dialogue;
mod lifecycle;
mod line;
mod rig;
mod strict;
mod tls;
mod who;

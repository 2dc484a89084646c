//! What the network promises, against servers of our own.

mod http_client;
mod ssrf;
mod world;

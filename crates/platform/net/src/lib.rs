//! What touches networks: DNS, TLS on both sides, outgoing connections with their guard.
//!
//! Nothing else in the house opens a socket outward.

pub mod server_tls;

pub use server_tls::{Identity, ServerTlsError, server_tls};

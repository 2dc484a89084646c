//! SMTP (RFC 5321 and its extensions), both sides, without I/O: bytes in, bytes and decisions out.
//!
//! Nothing here opens a socket, reads a clock or rolls dice. A driver feeds what it received and does
//! what it is told; that makes every dialogue testable byte by byte, whatever the segmentation.

pub mod capabilities;
pub mod client;
pub mod content;
pub mod dane;
pub mod line;
pub mod mta_sts;
pub mod path;
pub mod reply;
pub mod server;
pub mod strict;
pub mod tls_rpt;

pub use path::{Mailbox, Path};
pub use reply::{EnhancedCode, Reply};

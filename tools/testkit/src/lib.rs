//! What tests need around the house: a DNS zone, SMTP peers good and bad, hand-moved time.

pub mod binary;
pub mod dns_zone;
pub mod folder_witness;
pub mod http_call;
pub mod http_peer;
pub mod platform;
pub mod signed_zones;
mod skip;
pub mod smtp_call;
pub mod smtp_peer;

pub use binary::{Binary, Server};
pub use http_call::Call;
pub use http_peer::HttpPeer;
pub use platform::Platform;
pub use signed_zones::SignedZones;
pub use smtp_call::SmtpCall;

/// Notes that the test that runs leaves something out, and why: `missing: <program>` if it has to be installed.
pub fn skipped(reason: &str) {
    skip::note(reason);
}

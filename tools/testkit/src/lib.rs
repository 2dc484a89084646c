//! What tests need around the house: a DNS zone, SMTP peers good and bad, hand-moved time.

pub mod binary;
pub mod dns_zone;
pub mod http_call;
pub mod platform;
pub mod smtp_call;
pub mod smtp_peer;

pub use binary::{Binary, Server};
pub use http_call::Call;
pub use platform::Platform;
pub use smtp_call::SmtpCall;

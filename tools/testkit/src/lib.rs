//! What tests need around the house: a DNS zone, SMTP peers good and bad, hand-moved time.

pub mod dns_zone;
pub mod smtp_peer;

//! See `oracles/smtp_client_session.rs`.
#![no_main]

#[path = "../oracles/smtp_client_session.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

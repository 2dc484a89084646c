//! See `oracles/smtp_reply.rs`.
#![no_main]

#[path = "../oracles/smtp_reply.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

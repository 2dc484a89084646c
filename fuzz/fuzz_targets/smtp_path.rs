//! See `oracles/smtp_path.rs`.
#![no_main]

#[path = "../oracles/smtp_path.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

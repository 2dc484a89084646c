//! See `oracles/mail_substitute.rs`.
#![no_main]

#[path = "../oracles/mail_substitute.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

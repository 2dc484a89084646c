//! See `oracles/mail_addresses.rs`.
#![no_main]

#[path = "../oracles/mail_addresses.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

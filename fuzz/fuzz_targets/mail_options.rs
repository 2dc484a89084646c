//! See `oracles/mail_options.rs`.
#![no_main]

#[path = "../oracles/mail_options.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

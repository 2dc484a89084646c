//! See `oracles/mail_build.rs`.
#![no_main]

#[path = "../oracles/mail_build.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

//! See `oracles/mail_patch.rs`.
#![no_main]

#[path = "../oracles/mail_patch.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

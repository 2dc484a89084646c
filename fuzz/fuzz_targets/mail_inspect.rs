//! See `oracles/mail_inspect.rs`.
#![no_main]

#[path = "../oracles/mail_inspect.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

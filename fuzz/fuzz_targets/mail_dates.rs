//! See `oracles/mail_dates.rs`.
#![no_main]

#[path = "../oracles/mail_dates.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

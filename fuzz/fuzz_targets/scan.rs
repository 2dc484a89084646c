//! See `oracles/scan.rs`.
#![no_main]

#[path = "../oracles/scan.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

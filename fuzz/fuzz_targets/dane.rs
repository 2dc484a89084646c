//! See `oracles/dane.rs`.
#![no_main]

#[path = "../oracles/dane.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

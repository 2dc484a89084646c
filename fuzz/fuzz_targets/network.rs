//! See `oracles/network.rs`.
#![no_main]

#[path = "../oracles/network.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

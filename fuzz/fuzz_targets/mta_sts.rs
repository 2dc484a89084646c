//! See `oracles/mta_sts.rs`.
#![no_main]

#[path = "../oracles/mta_sts.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

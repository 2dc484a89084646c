//! See `oracles/form_decoder.rs`.
#![no_main]

#[path = "../oracles/form_decoder.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

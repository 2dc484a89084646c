//! See `oracles/page_token.rs`.
#![no_main]

#[path = "../oracles/page_token.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));

//! See `oracles/event_filter.rs`.
#![no_main]

#[path = "../oracles/event_filter.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
